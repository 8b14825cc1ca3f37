//! What payloads spawn beside them.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use async_io::Timer;
use foster_core::{Runtime, Signals};
use foster_smol::{Smol, spawn_local};

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
    struct OnDrop(Arc<AtomicBool>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }
    let (runtime, dropped) = (started(), Arc::new(AtomicBool::new(false)));
    let on_drop = OnDrop(Arc::clone(&dropped));
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
