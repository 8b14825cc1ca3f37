//! Hands payloads to their flavours: adopt, execute, call.

use std::borrow::Cow;

use super::core::Core;
use super::spawn::{refuse, refuse_rejected, spawn};
use crate::base::sync::Arc;
use crate::contract::backend::Typed;
use crate::errors::failure::{Cause, Failure, Origin};
use crate::errors::outcome::Outcome;
use crate::errors::refusal::{AdoptError, ExecuteError, Reason};
use crate::errors::report::RunError;
use crate::lifetime::{Caller, Lifetime, Phase};
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;
use crate::runtime::choice::sealed::Chosen;
use crate::runtime::deadlock;
use crate::scheduler::Scheduler;
use crate::task::Identity;
use crate::task::JoinState;
use crate::task::Ticket;

/// The name of a payload, if it has one.
pub(super) type PayloadName = Option<Cow<'static, str>>;
pub(super) use crate::task::Place;

impl Core {
    pub(super) fn adopt<C, P>(
        &self,
        key: C,
        payload: P,
        name: PayloadName,
        place: Place,
    ) -> Result<(), AdoptError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Outcome>,
    {
        let origin = {
            let name = name.clone();
            let key = &key;
            move || Origin::new(name.clone(), place, key.chosen())
        };
        let chosen = check_name(&name).and_then(|()| key.select(&self.schedulers, &self.lifetime));
        let Chosen { scheduler, typed } = match chosen {
            Ok(chosen) => chosen,
            Err(reason) => return Err(AdoptError::new(origin(), reason)),
        };
        // Checked before the count as well: a flood of refused payloads must not hide from the
        // runner that everything else has ended.
        if self.lifetime.phase() >= Phase::Stopping {
            return Err(AdoptError::new(origin(), Reason::Stopping));
        }
        scheduler.accept();
        let payload = payload.into_payload(Ticket::adopted(Identity::new(
            name,
            place,
            Arc::clone(scheduler) as _,
        )));
        self.admit(scheduler, typed, payload, &origin)
            .map_err(|reason| AdoptError::new(origin(), reason))
    }

    /// Spawns the payload, lets it wait for the start, or refuses it.
    fn admit<P: Send + 'static>(
        &self,
        scheduler: &Arc<Scheduler>,
        typed: &Typed<P>,
        payload: P,
        origin: &dyn Fn() -> Origin,
    ) -> Result<(), Reason> {
        let payload = match self.lifetime.phase() {
            Phase::Running => return spawn(scheduler, typed, payload),
            _ => match self.waiting.push(scheduler, payload, origin) {
                Ok(()) => return Ok(()),
                Err(payload) => payload,
            },
        };
        // The start ended meanwhile, or the stop has begun.
        if self.lifetime.phase() >= Phase::Stopping {
            return refuse(payload, Reason::Stopping);
        }
        spawn(scheduler, typed, payload)
    }

    /// Starts the waiting payloads in order, and opens the runtime to all others.
    pub(super) fn launch(&self) -> Result<(), RunError> {
        let launched = self.launch_or_drop();
        self.waiting.open();
        launched
    }

    fn launch_or_drop(&self) -> Result<(), RunError> {
        if !self.lifetime.launch() {
            // It was asked to end before it began.
            self.waiting.drop_unrun();
            self.lifetime.services.end_unrun(&self.lifetime);
            return Ok(());
        }
        if let Err(error) = self.lifetime.services.launch(&self.lifetime) {
            self.lifetime.stop();
            self.waiting.drop_unrun();
            self.lifetime.services.end_unrun(&self.lifetime);
            return Err(RunError::thread(error));
        }
        self.waiting.launch(&self.lifetime);
        // A runtime that ends when idle may be idle from the start.
        self.lifetime.look();
        Ok(())
    }

    pub(super) fn execute<C, P>(
        &self,
        key: C,
        payload: P,
        name: PayloadName,
        place: Place,
    ) -> Result<P::Output, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send>,
    {
        let join = Arc::new(JoinState::default());
        self.block_on(&key, payload, &join, name.clone(), place)
            .and_then(|()| join.take().ok_or(Reason::Cancelled))
            .map_err(|reason| ExecuteError::new(Origin::new(name, place, key.chosen()), reason))
    }

    fn block_on<C, P>(
        &self,
        key: &C,
        payload: P,
        join: &Arc<JoinState<P::Output>>,
        name: PayloadName,
        place: Place,
    ) -> Result<(), Reason>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send>,
    {
        check_name(&name)?;
        self.admits_execute()?;
        let Chosen { scheduler, typed } = key.select(&self.schedulers, &self.lifetime)?;
        // Counted before the flavour is started: the runner may have ended meanwhile, and nobody
        // would end a flavour that starts afterwards.
        let payload = self.prepare(scheduler, payload, join, name, place)?;
        let flavour = match scheduler.started(typed) {
            Ok(flavour) => flavour,
            Err(reason) => return refuse(payload, reason),
        };
        // Blocking code runs right here: its caller waits for nobody, so it cannot be released.
        let waits = join.task().is_some_and(|task| !task.state().is_blocking());
        if waits {
            // For every flavour: the ring may come back to this thread through another one.
            self.schedulers
                .iter()
                .for_each(|scheduler| scheduler.look_here());
        }
        let executing = match join.task().map(deadlock::enter).transpose() {
            Ok(executing) => executing,
            Err(ring) => return refuse(payload, Reason::Deadlock(ring)),
        };
        let watched = waits.then(|| self.lifetime.watch(Arc::clone(join) as Arc<dyn Caller>));
        let result = flavour.block_on(payload);
        if let Some(watched) = watched {
            self.lifetime.unwatch(watched);
        }
        drop(executing);
        result.or_else(|rejected| refuse_rejected(scheduler, rejected))
    }

    /// Makes the payload of an execute or a call, unless the runtime began to stop meanwhile.
    fn prepare<P, T: Send + 'static>(
        &self,
        scheduler: &Arc<Scheduler>,
        payload: impl IntoPayload<P, Output = T>,
        join: &Arc<JoinState<T>>,
        name: PayloadName,
        place: Place,
    ) -> Result<P, Reason> {
        let is_late = scheduler.accept_call();
        let header = Identity::new(name, place, Arc::clone(scheduler) as _);
        let payload = payload.into_payload(Ticket::called(header, is_late, join));
        match self.admits_execute() {
            Ok(()) => Ok(payload),
            Err(reason) => refuse(payload, reason),
        }
    }

    /// Hands in the payload of a call. Its join state opens when the payload is over.
    pub(super) fn submit<C, P>(
        &self,
        key: C,
        payload: P,
        name: PayloadName,
        place: Place,
    ) -> Result<Submitted<P::Output>, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send>,
    {
        let join = Arc::new(JoinState::default());
        let submitted = Submitted {
            watched: self.lifetime.watch(Arc::clone(&join) as Arc<dyn Caller>),
            lifetime: Arc::clone(&self.lifetime),
            origin: Origin::new(name.clone(), place, key.chosen()),
            join,
        };
        self.spawn_call(&key, payload, &submitted.join, name, place)
            .map_err(|reason| ExecuteError::new(submitted.origin.clone(), reason))?;
        Ok(submitted)
    }

    fn spawn_call<C, P>(
        &self,
        key: &C,
        payload: P,
        join: &Arc<JoinState<P::Output>>,
        name: PayloadName,
        place: Place,
    ) -> Result<(), Reason>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send>,
    {
        check_name(&name)?;
        self.admits_execute()?;
        let Chosen { scheduler, typed } = key.select(&self.schedulers, &self.lifetime)?;
        let payload = self.prepare(scheduler, payload, join, name, place)?;
        spawn(scheduler, typed, payload)
    }
}

/// Refuses the empty name, which identifies nothing.
fn check_name(name: &PayloadName) -> Result<(), Reason> {
    match name.as_deref() {
        Some("") => Err(Reason::NoName),
        _ => Ok(()),
    }
}

/// The payload of a call that has been handed in.
pub(super) struct Submitted<T: Send + 'static> {
    pub(super) join: Arc<JoinState<T>>,
    pub(super) origin: Origin,
    lifetime: Arc<Lifetime>,
    watched: usize,
}

impl<T: Send + 'static> Drop for Submitted<T> {
    fn drop(&mut self) {
        self.lifetime.unwatch(self.watched);
        // From here on the payload itself has to report its failures.
        let unheard = self.join.abandon();
        if let Some(task) = self.join.task() {
            task.cancel();
        }
        if let Some(Err(panic)) = unheard {
            let failure = Failure::new(self.origin.clone(), Cause::panic(panic));
            self.lifetime.fail(failure);
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::future::{Future as _, pending};
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Waker};
    use std::time::Instant;

    use crate::task::Task;
    use crate::{
        AdoptErrorKind, BoxError, Coroutine, ExecuteErrorKind, Flavour, Identifier, Key, Manual,
        Rejected, Reporter, Runtime, Signals,
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
            self.0.lock().unwrap().push(Arc::clone(payload.task()));
            Err(Rejected::because(payload, "it is a test"))
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
        let scheduler = runtime.core().schedulers.iter().next().unwrap();
        scheduler.cancel_flavour();
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
}
