//! Turns of payloads that core's run queue polls, and of its executor. Small enough for Miri.

mod plain;

use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use foster_core::{Latch, Shutdown};

use plain::*;

#[test]
fn spawn4_a_new_payload_has_its_turn_beside_any_number_that_never_rest() {
    let runtime = runtime();
    let is_over = Arc::new(AtomicUsize::new(0));
    // More than are polled between two turns of the executor.
    for _ in 0..200 {
        let is_over = Arc::clone(&is_over);
        let restless = move || async move {
            while is_over.load(SeqCst) == 0 {
                give_way().await;
            }
        };
        runtime.adopt(Plain::Well, restless).unwrap();
    }
    runtime
        .adopt(Plain::Well, move || async move { is_over.store(1, SeqCst) })
        .unwrap();
    runtime.execute(Plain::Well, || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn spawn4_a_woken_payload_has_its_turn_beside_any_number_of_new_ones() {
    const NEW: usize = 1_000;
    let runtime = runtime();
    let (begun, goes_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Latch::default()));
    let woken = {
        let (begun, goes_on) = (Arc::clone(&begun), Arc::clone(&goes_on));
        move || async move {
            assert!(goes_on.wait(soon()));
            for _ in 0..10 {
                give_way().await;
            }
            begun.load(SeqCst)
        }
    };
    let mut call = pin!(runtime.call(Plain::Well, woken));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    for _ in 0..NEW {
        let begun = Arc::clone(&begun);
        let new = move || async move {
            begun.fetch_add(1, SeqCst);
        };
        runtime.adopt(Plain::Well, new).unwrap();
    }
    goes_on.open();
    runtime.execute(Plain::Well, || async {}).unwrap();
    let Poll::Ready(begun) = call.as_mut().poll(&mut context) else {
        panic!("it had its turns before the last of them");
    };
    let begun = begun.unwrap();
    assert!(begun < NEW, "it had to wait for all of them");
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn spawn4_an_executor_has_its_turn_when_it_says_so_or_after_many_polls() {
    for (is_spent, most) in [(true, 1), (false, 128)] {
        let (runtime, key) = (runtime(), Plain::Counted { is_spent });
        let restless = move || async move {
            for _ in 0..10 * most {
                give_way().await;
            }
            PAUSES.get()
        };
        assert!(runtime.execute(key, restless).unwrap() >= 9);
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

#[test]
fn spawn4_an_executor_has_its_turn_while_many_are_swept() {
    struct Noting(Arc<Mutex<HashMap<usize, usize>>>);
    impl Drop for Noting {
        fn drop(&mut self) {
            *self.0.lock().unwrap().entry(PAUSES.get()).or_default() += 1;
        }
    }
    let (runtime, key) = (runtime(), Plain::Counted { is_spent: false });
    let drops = Arc::new(Mutex::new(HashMap::new()));
    for _ in 0..300 {
        let noting = Noting(Arc::clone(&drops));
        let idle = move || async move {
            let _noting = noting;
            pending::<()>().await;
        };
        runtime.adopt(key, idle).unwrap();
    }
    runtime.execute(key, || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    let drops = drops.lock().unwrap();
    assert_eq!(drops.values().sum::<usize>(), 300);
    assert!(
        drops.values().all(|between_turns| *between_turns <= 128),
        "{drops:?}"
    );
}

#[test]
fn spawn4_an_executor_has_its_turn_after_a_sweep() {
    let (runtime, key) = (runtime(), Plain::Counted { is_spent: false });
    let swept = Arc::new(Mutex::new(None));
    let its_swept = Arc::clone(&swept);
    // In the queue all the time, where the sweep leaves it.
    let restless = move || async move {
        let _token = Shutdown::current();
        loop {
            if let Some(pauses) = *swept.lock().unwrap() {
                assert!(PAUSES.get() > pauses, "polled in the turn of the sweep");
                return;
            }
            give_way().await;
        }
    };
    let waits = move || async move {
        Shutdown::current().requested().await;
        *its_swept.lock().unwrap() = Some(PAUSES.get());
    };
    runtime.adopt(key, restless).unwrap();
    runtime.adopt(key, waits).unwrap();
    runtime.execute(key, || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}
