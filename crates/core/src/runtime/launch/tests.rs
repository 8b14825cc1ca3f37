//! What is refused, what is forgotten of callers, and what comes late.

use std::future::{Future as _, pending};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::task::{Runnable, Task};
use crate::{
    AdoptErrorKind, BoxError, Coroutine, ExecuteErrorKind, Flavour, Identifier, Key, Manual,
    Rejected, Reporter, Runtime, Shutdown, Signals, Subroutine,
};

/// Refuses every payload while somebody else, such as the runner, holds its task.
#[derive(Debug, Clone, Default)]
struct Refusing(Arc<Held>);

#[derive(Default)]
struct Held(Mutex<Vec<Arc<Task>>>);

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

impl PartialEq for Refusing {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Key for Refusing {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("refusing")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Ok(Arc::clone(&self.0) as _)
    }
}

impl Flavour for Held {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let payload = Runnable::from(payload);
        self.0.lock().unwrap().push(Arc::clone(payload.task()));
        Err(Rejected::because(payload.into(), "it is a test"))
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.spawn(payload)
    }

    fn cancel(&self) {}

    fn join(&self, _: Instant) -> bool {
        true
    }
}

#[test]
fn l3_what_is_refused_is_dropped_before_its_adopter_knows() {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    let (refusing, code) = (Refusing::default(), Arc::new(()));
    let is_dropped = || Arc::strong_count(&code) == 1;
    let held = Arc::clone(&code);
    let adopted = runtime.adopt(refusing.clone(), move || async move { drop(held) });
    assert_eq!(adopted.unwrap_err().kind(), AdoptErrorKind::Rejected);
    assert!(is_dropped());
    let held = Arc::clone(&code);
    let executed = runtime.execute(refusing.clone(), move || async move { drop(held) });
    assert_eq!(executed.unwrap_err().kind(), ExecuteErrorKind::Rejected);
    assert!(is_dropped());
    assert_eq!(refusing.0.0.lock().unwrap().len(), 2);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Runs subroutines where they are handed in.
#[derive(Debug, Clone, PartialEq)]
struct Here;

impl Key for Here {
    type Payload = Subroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("here")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Subroutine>>, BoxError> {
        Ok(Arc::new(Self))
    }
}

impl Flavour for Here {
    type Payload = Subroutine;

    fn spawn(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        payload.run();
        Ok(())
    }

    fn block_on(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        self.spawn(payload)
    }

    fn cancel(&self) {}

    fn join(&self, _: Instant) -> bool {
        true
    }
}

/// Executes that come one after the other while the runtime stops must not hold it up.
#[test]
fn s2_late_subroutines_have_no_time_to_settle() {
    let settles = |is_late: bool| {
        let runtime = Runtime::builder().signals(Signals::Leave).build();
        let manual = Manual::new();
        let holds = || async { Shutdown::current().requested().await };
        runtime.adopt(manual.clone(), holds).unwrap();
        runtime.start().unwrap();
        manual.step();
        if is_late {
            runtime.shutdown();
        }
        let inside = runtime.clone();
        let look = move || {
            let mut schedulers = inside.core().root.schedulers.iter();
            let here = schedulers.find(|one| one.identifier().as_str() == "here");
            here.expect("this runs on it").settles_at().is_some()
        };
        let settles = runtime.execute(Here, look).unwrap();
        runtime.shutdown();
        while manual.step() {}
        runtime.wait().unwrap();
        settles
    };
    assert!((0..100).any(|_| settles(false)), "for 20 ms");
    assert!(!settles(true));
}

/// A runtime that lives long would otherwise keep something of each call.
#[test]
fn callers_that_went_on_are_forgotten() {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    let manual = Manual::new();
    let watched = || runtime.core().lifetime.watched();
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut call = pin!(runtime.call(manual.clone(), || async { 1 }));
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert_eq!(watched(), 1);
        manual.step();
        let Poll::Ready(result) = call.as_mut().poll(&mut context) else {
            panic!("the payload is over");
        };
        assert_eq!(result.unwrap(), 1);
    }
    assert_eq!(watched(), 0);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| runtime.execute(manual.clone(), || async { 2 }));
        while !caller.is_finished() {
            manual.step();
            std::thread::yield_now();
        }
        assert_eq!(caller.join().unwrap().unwrap(), 2);
    });
    assert_eq!(watched(), 0);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Nor of those that went before anything came of what they asked for.
#[test]
fn callers_that_got_nothing_are_forgotten() {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    let watched = || runtime.core().lifetime.watched();
    let manual = Manual::new();
    let mut context = Context::from_waker(Waker::noop());
    let call = || Box::pin(runtime.call(manual.clone(), || async {}));
    // Refused, as nothing runs yet.
    assert!(call().as_mut().poll(&mut context).is_ready());
    assert!(runtime.execute(manual.clone(), || async {}).is_err());
    assert_eq!(watched(), 0);
    runtime.start().unwrap();
    // Dropped before it was handed in.
    drop(call());
    assert_eq!(watched(), 0);
    // Before its payload was polled.
    let mut unpolled = call();
    assert!(unpolled.as_mut().poll(&mut context).is_pending());
    assert_eq!(watched(), 1);
    drop(unpolled);
    assert_eq!(watched(), 0);
    // And after.
    let mut polled = Box::pin(runtime.call(manual.clone(), pending::<()>));
    assert!(polled.as_mut().poll(&mut context).is_pending());
    while manual.waiting() > 1 {
        manual.step();
    }
    manual.step();
    drop(polled);
    assert_eq!(watched(), 0);
    // Refused for its name.
    let mut unnamed = Box::pin(runtime.named("").call(manual.clone(), || async {}));
    assert!(unnamed.as_mut().poll(&mut context).is_ready());
    assert!(
        runtime
            .named("")
            .execute(manual.clone(), || async {})
            .is_err()
    );
    assert_eq!(watched(), 0);
    // By its flavour.
    let scheduler = runtime.core().root.schedulers.iter().next().unwrap();
    scheduler.host.cancel_flavour();
    assert!(call().as_mut().poll(&mut context).is_ready());
    // As it could never end on the thread that steps, and by its flavour on another one.
    let execute = || runtime.execute(manual.clone(), || async {});
    assert_eq!(execute().unwrap_err().kind(), ExecuteErrorKind::Deadlock);
    let elsewhere = std::thread::scope(|scope| scope.spawn(execute).join().unwrap());
    assert_eq!(elsewhere.unwrap_err().kind(), ExecuteErrorKind::Rejected);
    assert_eq!(watched(), 0);
    runtime.shutdown();
    while manual.step() {}
    runtime.wait().unwrap();
    assert!(call().as_mut().poll(&mut context).is_ready());
    assert!(runtime.execute(manual.clone(), || async {}).is_err());
    assert_eq!(watched(), 0);
}
