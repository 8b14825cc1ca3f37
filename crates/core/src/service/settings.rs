//! Settings of a service: its name and order, and the policy for its ends.

use std::borrow::Cow;
use std::time::Duration;

use super::dependency::Dependency;
use super::policy::Policy;
use super::restart::Restart;
use crate::errors::serve::Problem;

/// The settings of a service: its name, its order, and the meaning of its ends.
///
/// By default a service has a derived name, no order and no restarts, and any failure of it ends the runtime.
#[derive(Debug, Clone, Default)]
#[must_use = "settings do nothing until they are given to a service"]
pub struct Settings {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) after: Vec<Dependency>,
    pub(super) policy: Policy,
}

impl Settings {
    /// Settings in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The service's name. It is not empty, and no other service of the runtime has it: a second service with the same
    /// name is refused until the first is over.
    ///
    /// Without it the name comes from the type, `beat` for `Beat`; the second one is `beat#2`. A closure without a name is
    /// called after the place that hands it in, such as `src/main.rs:12`.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The policy for restarts. Without it the service is never started again.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = Some(Box::new(restart));
        self
    }

    /// Starts the service when `other` is ready, and stops it before `other` is asked to stop. May be called several times;
    /// the caller's settings add to the service's own.
    ///
    /// `other` is a unit or a name. Before the runtime's start a name may stand for a service that is handed in later; while
    /// the runtime runs it must be known.
    ///
    /// Readiness counts once: this service goes on if `other` is restarted or ends.
    pub fn after(mut self, other: impl Into<Dependency>) -> Self {
        self.after.push(other.into());
        self
    }

    /// The service tells by [`Ready::notify`](crate::Ready::notify) when it is ready. A run that ends without doing so has
    /// failed.
    ///
    /// Without this setting a service is ready as soon as it has started: a coroutine after its first poll, a subroutine
    /// when it has its thread.
    pub fn notifies_ready(mut self) -> Self {
        self.policy.notifies_ready = true;
        self
    }

    /// The time that the service has to become ready, counted from each of its starts; and the time that its first start
    /// may wait for the services that it comes after. No limit unless set.
    ///
    /// Taking longer is a failure; its text says which services waited for which. No restart follows where the wait for
    /// others took too long.
    pub fn start_timeout(mut self, time: Duration) -> Self {
        self.policy.start_timeout = Some(time);
        self
    }

    /// The time that the service has to end in once it is asked to. `Duration::MAX` is no limit.
    ///
    /// Unless set, it is the runtime's [grace time](crate::Builder::grace) if this service alone is asked to stop, and a
    /// share of the grace time while the runtime stops: what is left of it, less the time of the services that stop after
    /// this one. Those need their own stop times, and a second each if they have none; at most half of what is left is kept
    /// for such seconds. Example: with a grace time of 10 s, a service that comes after three others has 7 s. Stop times
    /// that exceed the grace time are shortened in proportion; a line at the start says so.
    ///
    /// A coroutine that takes longer is dropped where it awaits. A thread goes on, and the services that it comes after are
    /// asked nevertheless. While the runtime stops, a service that takes longer is a straggler in the report, also a coroutine
    /// without a token that blocks. If the service alone was asked to stop, a line tells of it.
    pub fn stop_time(mut self, time: Duration) -> Self {
        self.policy.stop_time = Some(time);
        self
    }

    /// Makes a normal return a failure, for a service that must never end.
    pub fn return_is_failure(mut self) -> Self {
        self.policy.return_is_failure = true;
        self
    }

    /// These settings, with those of `own` where these say nothing.
    pub(crate) fn over(mut self, own: Self) -> Self {
        self.name = self.name.or(own.name);
        let said = std::mem::replace(&mut self.after, own.after);
        self.after.extend(said);
        let (policy, own) = (&mut self.policy, own.policy);
        policy.restart = policy.restart.take().or(own.restart);
        policy.notifies_ready |= own.notifies_ready;
        policy.return_is_failure |= own.return_is_failure;
        policy.start_timeout = policy.start_timeout.or(own.start_timeout);
        policy.stop_time = policy.stop_time.or(own.stop_time);
        self
    }

    /// Looks for what can never work.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.name.as_deref() == Some("") {
            return Err(Problem::NoName);
        }
        let never = self.policy.start_timeout == Some(Duration::ZERO);
        let never = never.then(|| "a start time-out of no time at all cannot be met".to_owned());
        let restart = self.policy.restart.as_ref();
        let problem = restart.and_then(|restart| restart.problem()).or(never);
        problem.map_or(Ok(()), |problem| Err(Problem::Settings(problem)))
    }
}
