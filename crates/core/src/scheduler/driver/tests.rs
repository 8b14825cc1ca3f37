//! What a driver keeps and forgets.

use std::future::{pending, ready};
use std::panic::Location;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Waker;

use super::*;
use crate::lifetime::Phase;
use crate::payload::Coroutine;
use crate::task::{Identity, Ticket};
use crate::{Manual, Runtime, Signals};

mod pool;

/// A scheduler whose payloads the test has polled by a queue of its own.
fn scheduler() -> (Runtime, Arc<Scheduler>) {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.adopt(Manual::new(), || async {}).unwrap();
    let scheduler = runtime.core().root.schedulers.iter().next().cloned();
    (runtime, scheduler.expect("the payload has one"))
}

fn push<A: Future<Output = ()> + 'static>(
    queue: &RunQueue,
    scheduler: &Arc<Scheduler>,
    make: impl FnOnce() -> A + Send + 'static,
) {
    let identity = Identity::new(None, Location::caller(), Arc::clone(scheduler) as _);
    scheduler.accept();
    let payload = Coroutine::new(make, Ticket::adopted(identity));
    assert!(queue.push(payload.into()).is_ok());
}

/// Gives way once.
fn pause() -> impl Future<Output = ()> {
    let mut is_over = false;
    poll_fn(move |_| match mem::replace(&mut is_over, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
}

fn kept(scheduler: &Scheduler) -> usize {
    scheduler.driven().len()
}

/// Also if nothing new comes.
#[test]
fn payloads_that_are_over_are_forgotten() {
    let (_runtime, scheduler) = scheduler();
    let queue = Arc::<RunQueue>::default();
    let waker = Arc::new(Mutex::new(None::<Waker>));
    let kept_waker = Arc::clone(&waker);
    let mut is_first = true;
    push(&queue, &scheduler, move || {
        poll_fn(move |context| {
            *kept_waker.lock().unwrap() = Some(context.waker().clone());
            match mem::take(&mut is_first) {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        })
    });
    let mut drive = pin!(queue.drive(0, || ready(()), || false));
    let mut context = Context::from_waker(Waker::noop());
    assert!(drive.as_mut().poll(&mut context).is_pending());
    assert_eq!(kept(&scheduler), 1);
    waker.lock().unwrap().take().unwrap().wake();
    assert!(drive.as_mut().poll(&mut context).is_pending());
    assert_eq!(kept(&scheduler), 0);
    // The one that waits for the runtime's start.
    assert_eq!(scheduler.unended(), 1);
    assert!(!scheduler.all_started());
    queue.close();
    assert!(drive.as_mut().poll(&mut context).is_ready());
}

/// What the first has passed is to be ended by the second.
#[test]
fn a_sweep_that_is_asked_for_during_another_one_begins_anew() {
    const PAYLOADS: usize = Batch::ROOM + 2;
    let (runtime, scheduler) = scheduler();
    let queue = Arc::<RunQueue>::default();
    for _ in 0..PAYLOADS {
        push(&queue, &scheduler, pending::<()>);
    }
    let mut drive = pin!(queue.drive(0, pause, || false));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..4 {
        assert!(drive.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(kept(&scheduler), PAYLOADS);
    queue.sweep(&(Arc::downgrade(&scheduler) as _));
    // It pauses when it has passed as many as there is room for.
    assert!(drive.as_mut().poll(&mut context).is_pending());
    assert!(
        runtime
            .core()
            .lifetime
            .advance(Phase::Idle, Phase::Cancelling)
    );
    queue.sweep(&(Arc::downgrade(&scheduler) as _));
    for _ in 0..4 {
        assert!(drive.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(kept(&scheduler), 0);
    queue.close();
    assert!(drive.as_mut().poll(&mut context).is_ready());
}

/// It waits for those that stand before it, and not for one that wakes itself again and again.
#[test]
fn what_comes_meanwhile_has_the_next_turn() {
    let (_runtime, scheduler) = scheduler();
    let queue = Arc::<RunQueue>::default();
    let (polls, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counts, sees) = (Arc::clone(&polls), Arc::clone(&seen));
    let (its_queue, its_scheduler) = (Arc::clone(&queue), Arc::clone(&scheduler));
    push(&queue, &scheduler, move || {
        poll_fn(move |context| {
            if counts.fetch_add(1, SeqCst) == 2 {
                let (counts, sees) = (Arc::clone(&counts), Arc::clone(&sees));
                push(&its_queue, &its_scheduler, move || async move {
                    sees.store(counts.load(SeqCst), SeqCst);
                });
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    });
    let mut drive = pin!(queue.drive(0, pause, || false));
    let mut context = Context::from_waker(Waker::noop());
    assert!(drive.as_mut().poll(&mut context).is_pending());
    assert!(polls.load(SeqCst) > 10);
    assert!((3..5).contains(&seen.load(SeqCst)), "{seen:?}");
}

/// A look at payloads says since when each waits.
#[test]
fn a_sweep_keeps_the_second_in_which_a_payload_was_parked() {
    let (runtime, scheduler) = scheduler();
    let queue = Arc::<RunQueue>::default();
    let second = &scheduler.host.watch.seconds;
    let mut drive = pin!(queue.drive(0, pause, || false));
    let mut context = Context::from_waker(Waker::noop());
    // The first payload of all begins the watch, which sets the second.
    push(&queue, &scheduler, || async {});
    assert!(drive.as_mut().poll(&mut context).is_pending());
    for now in [5, 7] {
        second.store(now, SeqCst);
        push(&queue, &scheduler, pending::<()>);
        assert!(drive.as_mut().poll(&mut context).is_pending());
    }
    second.store(9, SeqCst);
    let lifetime = &runtime.core().lifetime;
    assert!(lifetime.advance(Phase::Idle, Phase::Stopping));
    queue.sweep(&(Arc::downgrade(&scheduler) as _));
    for _ in 0..3 {
        assert!(drive.as_mut().poll(&mut context).is_pending());
    }
    let mut seen = Vec::new();
    scheduler.visit(&mut |_, second| seen.push(second));
    seen.sort_unstable();
    assert_eq!(seen, [5, 7]);
}
