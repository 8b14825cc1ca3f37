//! A call's future against its payload's end.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use shuttle::thread;

use super::{Count, Model, holds, runtime};

/// A call that is dropped while its payload ends: its value, if there is one, is dropped once, and so
/// is all that the payload held.
#[test]
fn a_call_dropped_while_its_payload_ends_loses_nothing() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let (made, dropped, freed) = (Count::default(), Count::default(), Count::default());
        let (makes, drops, frees) = (made.clone(), dropped.clone(), freed.on_drop());
        {
            let mut call = pin!(runtime.call(Model("a"), move || async move {
                let _frees = frees;
                makes.add();
                drops.on_drop()
            }));
            if let Poll::Ready(value) = call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                value.unwrap();
            }
        }
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(dropped.get(), made.get());
        assert_eq!(freed.get(), 1);
    });
}

/// The panic of a call's payload goes on in the caller, or is a failure once the caller is gone:
/// exactly one of the two.
#[test]
fn a_panic_is_the_callers_or_the_runtimes() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let panicked = Count::default();
        let panics = panicked.clone();
        let caller = {
            let runtime = runtime.clone();
            thread::spawn(move || {
                let mut call = Box::pin(runtime.call(Model("a"), move || async move {
                    panics.add();
                    // As a panic, without the noise.
                    resume_unwind(Box::new("gone"))
                }));
                let mut context = Context::from_waker(Waker::noop());
                for _ in 0..2 {
                    let polled =
                        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context)));
                    match polled {
                        Err(_) => return 1,
                        Ok(Poll::Ready(value)) => {
                            let (Ok(()) | Err(_)) = value;
                            return 0;
                        }
                        Ok(Poll::Pending) => thread::yield_now(),
                    }
                }
                0
            })
        };
        let in_caller = caller.join().unwrap();
        runtime.shutdown();
        let told = match runtime.wait() {
            Ok(()) => 0,
            Err(error) => error.failures().len(),
        };
        assert_eq!(in_caller + told, panicked.get());
    });
}

/// A value that is awaited on another flavour arrives.
#[test]
fn a_call_across_flavours_yields_its_value() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let inner = runtime.clone();
        let value = runtime.execute(Model("a"), move || async move {
            inner.call(Model("b"), || async { 7 }).await
        });
        assert_eq!(value.unwrap().unwrap(), 7);
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}
