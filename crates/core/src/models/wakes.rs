//! A wake against a poll, and against a cancel.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::sync::Mutex;
use shuttle::thread;

use super::executor::Hands;
use super::{Count, Model, builder, holds, runtime};
use crate::Clock;

/// Something that one thread lets happen and a payload awaits.
#[derive(Clone, Default)]
pub(super) struct Signal(Arc<Mutex<(bool, Option<Waker>)>>);

impl Signal {
    pub(super) fn give(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) async fn given(&self) {
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// No wake is lost: a payload that is woken is polled again.
#[test]
fn a_woken_payload_is_polled() {
    holds(|| {
        let runtime = builder(&Clock::manual()).until_idle().build();
        let signal = Signal::default();
        let awaited = signal.clone();
        let payload = move || async move { awaited.given().await };
        runtime.adopt(Model("a"), payload).unwrap();
        let giver = thread::spawn(move || signal.give());
        runtime.run().unwrap();
        giver.join().unwrap();
    });
}

/// A wake that meets a cancel: the payload goes on or is dropped, its future once, and the run ends.
#[test]
fn a_wake_meets_a_cancel() {
    holds(|| {
        let runtime = runtime();
        let signal = Signal::default();
        let (awaited, dropped) = (signal.clone(), Count::default());
        let drops = dropped.on_drop();
        let payload = move || async move {
            let _drops = drops;
            awaited.given().await;
        };
        runtime.adopt(Model("a"), payload).unwrap();
        runtime.start().unwrap();
        let giver = thread::spawn(move || signal.give());
        runtime.shutdown();
        runtime.wait().unwrap();
        giver.join().unwrap();
        assert_eq!(dropped.get(), 1);
    });
}

/// Whoever waits for the completion of a payload without a caller goes on when that ends, also if it
/// begins to wait at that very moment.
#[test]
fn whoever_waits_for_a_completion_goes_on() {
    holds(|| {
        let (runtime, hands) = (runtime(), Hands::default());
        runtime.start().unwrap();
        runtime.adopt(hands.clone(), || async {}).unwrap();
        let mut payload = hands.take();
        let completion = payload.completion();
        let waiter = thread::spawn(move || completion.wait());
        let polled = Pin::new(&mut payload).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready());
        waiter.join().unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}

/// Whoever asks for the completion of a payload as its flavour is lost goes on.
#[test]
fn a_completion_meets_the_loss_of_its_flavour() {
    holds(|| {
        let (runtime, hands) = (runtime(), Hands::default());
        runtime.start().unwrap();
        runtime.adopt(hands.clone(), pending::<()>).unwrap();
        let mut payload = hands.take();
        let polled = Pin::new(&mut payload).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        let loser = thread::spawn(move || hands.lose());
        payload.completion().wait();
        loser.join().unwrap();
        drop(payload);
        assert!(runtime.wait().is_err());
    });
}
