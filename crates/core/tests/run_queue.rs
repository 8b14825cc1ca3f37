//! Payloads that core's run queue polls, on an executor that does nothing else: wakes and tokens. Small enough for Miri.

mod plain;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use foster_core::{AdoptErrorKind, Clock, Latch, Runtime, Shutdown, Signals, StragglerReason};

use plain::*;

#[test]
fn a1_payloads_are_polled_and_dropped_on_the_one_thread() {
    let runtime = runtime();
    let drops = Arc::new(AtomicUsize::new(0));
    let home = runtime
        .execute(Plain::Well, || async { thread::current().id() })
        .unwrap();
    for pends in [false, true] {
        let drops = Arc::clone(&drops);
        runtime
            .adopt(Plain::Well, move || async move {
                let _counted = Counted::new(drops);
                assert_eq!(thread::current().id(), home);
                if pends {
                    pending::<()>().await;
                }
            })
            .unwrap();
    }
    runtime.execute(Plain::Well, || async {}).unwrap();
    assert_eq!(drops.load(SeqCst), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(drops.load(SeqCst), 2);
}

#[test]
fn a_wake_counts_from_anywhere_and_at_any_time() {
    let runtime = runtime();
    let (kept, is_kept) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Latch::default()));
    let (polls, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(Latch::default()));
    let payload = {
        let (kept, is_kept) = (Arc::clone(&kept), Arc::clone(&is_kept));
        let (polls, over) = (Arc::clone(&polls), Arc::clone(&over));
        move || {
            poll_fn(move |context| {
                kept.lock().unwrap().push(context.waker().clone());
                match polls.fetch_add(1, SeqCst) {
                    // During the poll, twice: polled again, once.
                    0 => {
                        context.waker().wake_by_ref();
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    1 => {
                        is_kept.open();
                        Poll::Pending
                    }
                    _ => {
                        over.open();
                        Poll::Ready(())
                    }
                }
            })
        }
    };
    runtime.adopt(Plain::Well, payload).unwrap();
    assert!(is_kept.wait(soon()));
    let waker = kept.lock().unwrap()[0].clone();
    thread::spawn(move || waker.wake()).join().unwrap();
    assert!(over.wait(soon()));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(polls.load(SeqCst), 3);
    drop(runtime);
    // After the end of everything a wake does nothing.
    for waker in kept.lock().unwrap().drain(..) {
        waker.wake();
    }
}

#[test]
fn a_payload_that_is_woken_twice_before_its_turn_is_polled_once() {
    let runtime = runtime();
    let (polls, kept) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
    let payload = {
        let (polls, kept) = (Arc::clone(&polls), Arc::clone(&kept));
        move || {
            poll_fn(move |context| {
                polls.fetch_add(1, SeqCst);
                *kept.lock().unwrap() = Some(context.waker().clone());
                Poll::<()>::Pending
            })
        }
    };
    runtime.adopt(Plain::Well, payload).unwrap();
    runtime.execute(Plain::Well, || async {}).unwrap();
    let waker: Waker = kept.lock().unwrap().take().unwrap();
    let (is_blocked, goes_on) = (Arc::new(Latch::default()), Arc::new(Latch::default()));
    let blocker = {
        let (is_blocked, goes_on) = (Arc::clone(&is_blocked), Arc::clone(&goes_on));
        move || async move {
            is_blocked.open();
            assert!(goes_on.wait(soon()));
        }
    };
    runtime.adopt(Plain::Well, blocker).unwrap();
    assert!(is_blocked.wait(soon()));
    waker.wake_by_ref();
    waker.wake();
    goes_on.open();
    // New and woken ones are polled in turns, so both wakes would have had theirs by then.
    for _ in 0..4 {
        runtime.execute(Plain::Well, || async {}).unwrap();
    }
    assert_eq!(polls.load(SeqCst), 2);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// What is left is polled to its end, and that is in other hands for some.
#[test]
fn a_wake_counts_after_the_queue_was_closed() {
    let runtime = runtime();
    let (is_closed, woken) = (Arc::new(Latch::default()), Arc::new(Woken::default()));
    let key = Known::new(Plain::Closing);
    let kept = Arc::new(Mutex::new(None));
    let waits = {
        let kept = Arc::clone(&kept);
        move || async move {
            let mut is_first = true;
            poll_fn(|context| {
                *kept.lock().unwrap() = Some(context.waker().clone());
                match std::mem::take(&mut is_first) {
                    true => Poll::Pending,
                    false => Poll::Ready(7),
                }
            })
            .await
        }
    };
    let waker = Arc::clone(&woken).into();
    let mut context = Context::from_waker(&waker);
    let mut call = pin!(runtime.call(key.clone(), waits));
    assert!(call.as_mut().poll(&mut context).is_pending());
    let closes = {
        let is_closed = Arc::clone(&is_closed);
        move || async move {
            CLOSES.set(Some(is_closed));
        }
    };
    runtime.adopt(key.clone(), closes).unwrap();
    assert!(is_closed.wait(soon()));
    let refused = runtime.adopt(key.clone(), || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Rejected);
    let waker: Waker = kept.lock().unwrap().take().unwrap();
    waker.wake();
    assert!(woken.0.wait(soon()), "the payload is over");
    let Poll::Ready(value) = call.as_mut().poll(&mut context) else {
        panic!("its caller was woken");
    };
    assert_eq!(value.unwrap(), 7);
    runtime.shutdown();
    // A failure, if its executor had ended before it was asked to.
    let _ = runtime.wait();
}

#[test]
fn a_waker_keeps_nothing_of_a_runtime_that_is_over() {
    let known = Known::new(Plain::Well);
    let runtime = runtime();
    let wakers = Arc::new(Mutex::new(Vec::new()));
    for is_over in [false, true] {
        let wakers = Arc::clone(&wakers);
        let payload = move || {
            poll_fn(move |context| {
                wakers.lock().unwrap().push(context.waker().clone());
                match is_over {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
        };
        runtime.adopt(known.clone(), payload).unwrap();
    }
    runtime.execute(known.clone(), || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    drop(runtime);
    for waker in wakers.lock().unwrap().drain(..) {
        waker.wake_by_ref();
        waker.wake();
    }
    known.is_last();
}

#[test]
fn l8_a_payload_in_whose_midst_others_are_adopted_goes_on() {
    let runtime = runtime();
    let inner = runtime.clone();
    let sum = runtime
        .execute(Plain::Well, move || async move {
            let sum = Rc::new(RefCell::new(0));
            for value in 1..=3 {
                *sum.borrow_mut() += inner
                    .call(Plain::Well, move || async move { value })
                    .await
                    .unwrap();
            }
            sum.take()
        })
        .unwrap();
    assert_eq!(sum, 6);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn l6_a_token_is_waited_for_and_its_payload_woken() {
    let runtime = runtime();
    let (held, ended) = (Arc::new(Latch::default()), Arc::new(AtomicUsize::new(0)));
    let payload = {
        let (held, ended) = (Arc::clone(&held), Arc::clone(&ended));
        move || async move {
            let token = Shutdown::current();
            held.open();
            token.requested().await;
            ended.fetch_add(1, SeqCst);
        }
    };
    runtime.adopt(Plain::Well, payload).unwrap();
    assert!(held.wait(soon()));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(ended.load(SeqCst), 1);
}

#[test]
fn l6_a_token_is_heard_of_wherever_it_is_awaited() {
    let runtime = runtime();
    let (awaited, ended) = (Arc::new(Latch::default()), Arc::new(AtomicUsize::new(0)));
    let payload = {
        let (awaited, ended) = (Arc::clone(&awaited), Arc::clone(&ended));
        move || async move {
            let token = Shutdown::current();
            let (told, mut hears) = (Arc::new(AtomicUsize::new(0)), None);
            poll_fn(move |context| {
                let (token, told, awaited) =
                    (token.clone(), Arc::clone(&told), Arc::clone(&awaited));
                let waker = context.waker().clone();
                let is_told = told.load(SeqCst) == 1;
                // Not polled by this payload, whose waker it so does not have; and once, so that it hears
                // of it by being woken.
                hears.get_or_insert_with(|| {
                    thread::spawn(move || {
                        let woken = Arc::new(Woken::default());
                        let own = Waker::from(Arc::clone(&woken));
                        let mut requested = pin!(token.requested());
                        let polled = requested.as_mut().poll(&mut Context::from_waker(&own));
                        assert!(polled.is_pending());
                        awaited.open();
                        assert!(woken.0.wait(soon()));
                        told.store(1, SeqCst);
                        waker.wake();
                    })
                });
                match is_told {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
            ended.fetch_add(1, SeqCst);
        }
    };
    runtime.adopt(Plain::Well, payload).unwrap();
    assert!(awaited.wait(soon()));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(ended.load(SeqCst), 1);
}

/// A payload that blocks its thread is named, in whichever poll it does.
#[test]
fn s3_a_payload_that_blocks_its_thread_is_named() {
    for asked in [false, true] {
        let clock = Clock::manual();
        let builder = Runtime::builder().signals(Signals::Leave);
        let runtime = builder.clock(clock.clone()).build();
        runtime.start().unwrap();
        let (is_held, is_blocked) = (Arc::new(Latch::default()), Arc::new(Latch::default()));
        let goes_on = Arc::new(Latch::default());
        let payload = {
            let (is_held, is_blocked) = (Arc::clone(&is_held), Arc::clone(&is_blocked));
            let goes_on = Arc::clone(&goes_on);
            move || async move {
                let token = Shutdown::current();
                is_held.open();
                if asked {
                    token.requested().await;
                }
                is_blocked.open();
                assert!(goes_on.wait(soon()));
            }
        };
        runtime.named("stuck").adopt(Plain::Well, payload).unwrap();
        assert!(is_held.wait(soon()));
        if asked {
            // It waits by then.
            runtime.execute(Plain::Well, || async {}).unwrap();
        }
        runtime.shutdown();
        assert!(is_blocked.wait(soon()));
        let waiter = thread::spawn(move || runtime.wait());
        while !waiter.is_finished() {
            clock.advance(Duration::from_secs(1));
            thread::yield_now();
        }
        goes_on.open();
        let error = waiter.join().unwrap().unwrap_err();
        let [straggler] = error.stragglers() else {
            panic!("{error}")
        };
        assert_eq!(straggler.payload(), Some("stuck"), "{error}");
        let reason = StragglerReason::Blocking { others: 0 };
        assert_eq!(straggler.reason(), reason);
    }
}

/// The sweep of a stop looks at payloads that stand in the queue as well as at those that wait.
#[test]
fn l6_a_payload_that_the_stop_finds_in_the_queue_is_polled_once_for_a_wake() {
    let runtime = runtime();
    let (ticks, is_swept) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let too_often = Arc::new(AtomicUsize::new(0));
    let restless = {
        let (ticks, is_swept) = (Arc::clone(&ticks), Arc::clone(&is_swept));
        let too_often = Arc::clone(&too_often);
        move || {
            let _token = Shutdown::current();
            let (mut seen, mut left) = (0, 10);
            poll_fn(move |context| {
                let _token = &_token;
                let now = ticks.load(SeqCst);
                if is_swept.load(SeqCst) == 1 {
                    too_often.fetch_add(usize::from(now == seen), SeqCst);
                    left -= 1;
                }
                seen = now;
                if left == 0 {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
        }
    };
    // Polled in turns with the other from here on.
    let ticking = move || async move {
        loop {
            ticks.fetch_add(1, SeqCst);
            give_way().await;
        }
    };
    // Polled by the sweep alone.
    let waits = move || async move {
        Shutdown::current().requested().await;
        is_swept.store(1, SeqCst);
    };
    // The sweep comes to this one first.
    runtime.adopt(Plain::Well, waits).unwrap();
    runtime.adopt(Plain::Well, restless).unwrap();
    runtime.adopt(Plain::Well, ticking).unwrap();
    runtime.execute(Plain::Well, || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(too_often.load(SeqCst), 0);
}
