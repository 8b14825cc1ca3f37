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
mod tests;
