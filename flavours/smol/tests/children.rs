//! Tasks that payloads spawn on their executor.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use async_io::Timer;
use foster_core::{Runtime, Signals};
use foster_smol::{Smol, spawn_local};

/// The time limit for everything that should happen at once.
const SOON: Duration = Duration::from_secs(10);

/// Calls its closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn started() -> Runtime {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    runtime
}

#[test]
fn a_child_runs_on_the_payloads_thread_beside_it() {
    let runtime = started();
    let (same_thread, value) = runtime
        .execute(Smol, || async {
            let (here, shared) = (thread::current().id(), Rc::new(Cell::new(1)));
            let inside = Rc::clone(&shared);
            let child = spawn_local(async move {
                Timer::after(Duration::from_millis(1)).await;
                inside.set(2);
                thread::current().id()
            });
            (child.await == here, shared.get())
        })
        .unwrap();
    assert!(same_thread);
    assert_eq!(value, 2);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn a_detached_child_is_dropped_with_its_flavour() {
    let (runtime, dropped) = (started(), Arc::new(AtomicBool::new(false)));
    let is_dropped = Arc::clone(&dropped);
    let on_drop = OnDrop(move || is_dropped.store(true, SeqCst));
    runtime
        .execute(Smol, || async move {
            spawn_local(async move {
                let _on_drop = on_drop;
                pending::<()>().await;
            })
            .detach();
        })
        .unwrap();
    assert!(!dropped.load(SeqCst));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(dropped.load(SeqCst));
}

/// A runtime with a payload that waits for a child, or has detached it; the child calls `at_end` as it is dropped.
fn with_child(is_detached: bool, at_end: impl FnMut() + Send + 'static) -> Runtime {
    let runtime = started();
    let (tell, told) = channel();
    let payload = move || async move {
        let child = spawn_local(async move {
            let _at_end = OnDrop(at_end);
            tell.send(()).unwrap();
            pending::<()>().await;
        });
        match is_detached {
            true => child.detach(),
            false => child.await,
        }
        pending::<()>().await;
    };
    runtime.adopt(Smol, payload).unwrap();
    told.recv_timeout(SOON).expect("the child is polled");
    runtime
}

#[test]
fn what_a_cancelled_child_spawns_is_polled() {
    let (tell, told) = channel();
    let runtime = with_child(false, move || {
        let tell = tell.clone();
        spawn_local(async move { tell.send(()).unwrap() }).detach();
    });
    runtime.shutdown();
    runtime.wait().unwrap();
    told.try_recv().expect("its executor had a turn");
}

#[test]
fn what_is_spawned_as_the_executor_is_dropped_is_dropped() {
    let (tell, told) = channel();
    let runtime = with_child(true, move || {
        let tell = tell.clone();
        let dropped = OnDrop(move || tell.send("dropped").unwrap());
        let child = spawn_local(async move {
            let _dropped = dropped;
            unreachable!("nobody polls it");
        });
        child.detach();
    });
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(told.try_recv(), Ok("dropped"));
}

#[test]
fn a_panic_of_a_childs_destructor_goes_no_further() {
    for is_detached in [false, true] {
        let (tell, told) = channel();
        let runtime = with_child(is_detached, move || {
            tell.send(()).unwrap();
            panic!("a destructor");
        });
        runtime.shutdown();
        runtime.wait().unwrap();
        told.try_recv().expect("it was dropped");
    }
}

#[test]
fn the_panic_of_an_awaited_child_is_the_payloads() {
    let runtime = started();
    runtime
        .adopt(Smol, || async {
            spawn_local(async { panic!("on purpose") }).await
        })
        .unwrap();
    let error = runtime.wait().unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
}

#[test]
#[should_panic(expected = "no smol flavour runs on this thread")]
fn elsewhere_there_is_nothing_to_spawn_on() {
    drop(spawn_local(async {}));
}
