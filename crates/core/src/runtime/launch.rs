//! Hands payloads to their flavours: adopt, execute, call.

use super::core::Core;
use super::spawn::{refuse, refuse_rejected, spawn};
use crate::base::sync::Arc;
use crate::contract::backend::Typed;
use crate::errors::failure::{Cause, Failure, Origin};
use crate::errors::outcome::Outcome;
use crate::errors::refusal::{AdoptError, ExecuteError, Reason};
use crate::errors::report::RunError;
use crate::lifetime::gate::Gates;
use crate::lifetime::{Caller, Phase, StopReason};
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;
use crate::runtime::choice::sealed::Chosen;
use crate::runtime::deadlock;
use crate::runtime::site::Site;
use crate::scheduler::{Listed, Scheduler};
use crate::task::Identity;
use crate::task::JoinState;
use crate::task::Ticket;

pub(crate) use crate::runtime::site::PayloadName;
pub(crate) use crate::task::Place;

impl Core {
    /// Hands `payload` in at `site`. It takes a place there, or has the one that is given, which is taken out for it.
    ///
    /// Here and below, `MAY_BE_FULL` says whether a limit may refuse it, so that it is given back. Each way that a large
    /// payload may go takes stack space in an unoptimised build, whether it goes there or not.
    #[inline(always)]
    pub(crate) fn adopt<const MAY_BE_FULL: bool, C, P>(
        &self,
        site: &Site,
        key: C,
        payload: P,
        (name, place): (PayloadName, Place),
        place_taken: &mut Option<Gates>,
    ) -> Result<(), AdoptError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Outcome> + Send + 'static,
    {
        let origin = |name| site.origin(name, place, key.chosen());
        let chosen = self.choose(site, &key, &name, place_taken);
        let Chosen { listed, typed } = match chosen {
            Ok(chosen) => chosen,
            Err(reason) if MAY_BE_FULL => {
                return Err(AdoptError::new(origin(name), reason.with(payload)));
            }
            Err(reason) => return Err(AdoptError::new(origin(name), reason)),
        };
        let scheduler = &listed.scheduler;
        scheduler.accept();
        let known = name.clone();
        let payload =
            payload.into_payload(Ticket::adopted(Identity::new(name, place, listed.here())));
        self.admit(site, scheduler, typed, payload, || origin(known.clone()))
            .map_err(|reason| AdoptError::new(origin(known.clone()), reason))
    }

    /// The flavour for a payload that is adopted, with a place there if it has none yet.
    #[inline(always)]
    fn choose<'a, C: Choice>(
        &self,
        site: &'a Site,
        key: &C,
        name: &PayloadName,
        place_taken: &mut Option<Gates>,
    ) -> Result<Chosen<'a, C::Payload>, Reason> {
        check_name(name)?;
        let chosen = key.select(site, &self.root)?;
        // Checked before the count as well: a flood of refused payloads must not hide from the
        // runner that everything else has ended.
        site.check_open()?;
        if place_taken.take().is_none() {
            chosen.listed.scheduler.take_place()?;
        }
        Ok(chosen)
    }

    /// Spawns the payload, lets it wait for the start, or refuses it.
    #[inline(always)]
    fn admit<P: Send + 'static>(
        &self,
        site: &Site,
        scheduler: &Arc<Scheduler>,
        typed: &Typed<P>,
        payload: P,
        origin: impl Fn() -> Origin,
    ) -> Result<(), Reason> {
        // Looked at after it was counted: see `Scheduler::accept`.
        let payload = match self.lifetime.phase() {
            _ if site.part.is_closed() => return refuse(payload, site.closed()),
            Phase::Running => return spawn(scheduler, typed, payload),
            _ => match self.waiting.push(scheduler, payload, origin) {
                Ok(()) => return Ok(()),
                Err(payload) => payload,
            },
        };
        // The start ended meanwhile, or the stop has begun.
        if site.part.is_closed() {
            return refuse(payload, site.closed());
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
            self.lifetime.stop(StopReason::Call);
            self.waiting.drop_unrun();
            self.lifetime.services.end_unrun(&self.lifetime);
            return Err(RunError::thread(error));
        }
        self.waiting.launch(&self.lifetime);
        // A runtime that ends when idle may be idle from the start.
        self.lifetime.look();
        Ok(())
    }

    pub(crate) fn execute<const MAY_BE_FULL: bool, C, P>(
        &self,
        site: &Site,
        key: C,
        payload: P,
        (name, place): (PayloadName, Place),
    ) -> Result<P::Output, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let join = Arc::new(JoinState::default());
        self.block_on::<MAY_BE_FULL, _, _>(site, &key, payload, &join, (name.clone(), place))
            .and_then(|()| join.take().ok_or_else(|| site.cancelled()))
            .map_err(|reason| ExecuteError::new(site.origin(name, place, key.chosen()), reason))
    }

    fn block_on<const MAY_BE_FULL: bool, C, P>(
        &self,
        site: &Site,
        key: &C,
        payload: P,
        join: &Arc<JoinState<P::Output>>,
        (name, place): (PayloadName, Place),
    ) -> Result<(), Reason>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        check_name(&name)?;
        self.admits_execute(site)?;
        let Chosen { listed, typed } = key.select(site, &self.root)?;
        let scheduler = &listed.scheduler;
        // Counted before the flavour is started: the runner may have ended meanwhile, and nobody
        // would end a flavour that starts afterwards.
        let who = (name, place);
        let payload = self.prepare::<MAY_BE_FULL, _, _, _>(site, listed, payload, join, who)?;
        let flavour = match scheduler.host.started(typed) {
            Ok(flavour) => flavour,
            Err(reason) => return refuse(payload, reason),
        };
        // Blocking code runs right here: its caller waits for nobody, so it cannot be released.
        let waits = join.task().is_some_and(|task| !task.state().is_blocking());
        if waits {
            self.look_here();
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

    /// Has every flavour say whether it runs payloads on the calling thread, which is about to wait: the ring may come back
    /// to it through any of them.
    pub(super) fn look_here(&self) {
        self.root
            .schedulers
            .hosts()
            .for_each(|host| host.look_here());
    }

    /// Makes the payload of an execute or a call, unless the runtime began to stop meanwhile.
    fn prepare<const MAY_BE_FULL: bool, P, T: Send + 'static, I>(
        &self,
        site: &Site,
        listed: &Listed,
        payload: I,
        join: &Arc<JoinState<T>>,
        (name, place): (PayloadName, Place),
    ) -> Result<P, Reason>
    where
        I: IntoPayload<P, Output = T> + Send + 'static,
    {
        let scheduler = &listed.scheduler;
        match scheduler.take_place() {
            Err(reason) if MAY_BE_FULL => return Err(reason.with(payload)),
            taken => taken?,
        }
        let is_late = scheduler.accept_call();
        let header = Identity::new(name, place, listed.here());
        let payload = payload.into_payload(Ticket::called(header, is_late, join));
        match self.admits_execute(site) {
            Ok(()) => Ok(payload),
            Err(reason) => refuse(payload, reason),
        }
    }

    /// Hands in the payload of a call. Its join state opens when the payload is over.
    pub(super) fn submit<const MAY_BE_FULL: bool, C, P>(
        self: &Arc<Self>,
        site: &Arc<Site>,
        key: C,
        payload: P,
        (name, place): (PayloadName, Place),
    ) -> Result<Submitted<P::Output>, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let join = Arc::new(JoinState::default());
        let submitted = Submitted {
            watched: self.lifetime.watch(Arc::clone(&join) as Arc<dyn Caller>),
            core: Arc::clone(self),
            site: Arc::clone(site),
            origin: site.origin(name.clone(), place, key.chosen()),
            join,
        };
        self.spawn_call::<MAY_BE_FULL, _, _>(site, &key, payload, &submitted.join, (name, place))
            .map_err(|reason| ExecuteError::new(submitted.origin.clone(), reason))?;
        Ok(submitted)
    }

    fn spawn_call<const MAY_BE_FULL: bool, C, P>(
        &self,
        site: &Site,
        key: &C,
        payload: P,
        join: &Arc<JoinState<P::Output>>,
        (name, place): (PayloadName, Place),
    ) -> Result<(), Reason>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        check_name(&name)?;
        self.admits_execute(site)?;
        let Chosen { listed, typed } = key.select(site, &self.root)?;
        let scheduler = &listed.scheduler;
        let who = (name, place);
        let payload = self.prepare::<MAY_BE_FULL, _, _, _>(site, listed, payload, join, who)?;
        spawn(scheduler, typed, payload)
    }
}

/// Refuses the empty name, which identifies nothing.
#[inline]
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
    pub(super) core: Arc<Core>,
    /// Where its payload is.
    pub(super) site: Arc<Site>,
    watched: usize,
}

impl<T: Send + 'static> Drop for Submitted<T> {
    fn drop(&mut self) {
        let lifetime = &self.core.lifetime;
        lifetime.unwatch(self.watched);
        // From here on the payload itself has to report its failures.
        let unheard = self.join.abandon();
        if let Some(task) = self.join.task() {
            task.cancel();
        }
        if let Some(Err(panic)) = unheard {
            let failure = Failure::new(self.origin.clone(), Cause::panic(panic));
            drop(self.site.part.record(failure));
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
