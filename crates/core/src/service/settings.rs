//! Settings of a service: its name and order, and the policy for its ends.

use std::borrow::Cow;
use std::time::Duration;

use super::dependency::Dependency;
use super::policy::Policy;
use super::restart::Restart;
use crate::errors::serve::Problem;

/// The settings of a service: what it is called, what it comes after, and what its ends mean.
///
/// Whatever is not set is as if nothing had been said: no order, no restarts, any failure ends the
/// runtime.
#[derive(Debug, Clone, Default)]
#[must_use = "settings do nothing until they are given to a service"]
pub struct Settings {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) after: Vec<Dependency>,
    pub(super) policy: Policy,
}

impl Settings {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The service's name, which is not empty. It must be free: a second service that is given the same one
    /// is refused, until the first is over.
    ///
    /// Without this the name comes from the type, `beat` for `Beat`, and a second one is `beat#2`. A
    /// closure without a name is known by the place that hands it in, such as `src/main.rs:12`.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// When it is started again. Never unless set.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = Some(Box::new(restart));
        self
    }

    /// Starts it only when `other` is ready, and stops it before `other` is asked to. May be said
    /// several times; what the caller says is added to what the service says.
    ///
    /// `other` is a unit, or a name. A name may be that of a service which is handed in later, as long as
    /// that is before the start; while the runtime runs it must be known.
    ///
    /// Once ready is ready: if `other` is restarted or ends, that changes nothing for those after it,
    /// which go on.
    pub fn after(mut self, other: impl Into<Dependency>) -> Self {
        self.after.push(other.into());
        self
    }

    /// The service says by [`Ready::notify`](crate::Ready::notify) when it is ready. Else it counts as
    /// ready as soon as it has started: a coroutine when it had its first poll, a subroutine when it has
    /// its thread.
    ///
    /// A run that ends without having said so has failed.
    pub fn notifies_ready(mut self) -> Self {
        self.policy.notifies_ready = true;
        self
    }

    /// How long the service may take to become ready, counted from each of its starts; before that, how long it
    /// may wait for those that it comes after. What takes longer is a failure that says who waited for
    /// whom. No limit unless set. No restart follows if it was the waiting that took too long.
    pub fn start_timeout(mut self, time: Duration) -> Self {
        self.policy.start_timeout = Some(time);
        self
    }

    /// How long it may take to end once it is asked to. Unless set it has the runtime's [grace
    /// time](crate::Builder::grace) where it alone is asked, and a share of that while the runtime stops.
    ///
    /// While the runtime stops, a service without a stop time has what is left of the grace time, less what those need
    /// that stop after it: their own stop times, and a second for each that has none; at most half of what is left is
    /// kept for those seconds. With a grace time of 10 s, a service that comes after three others has 7 s. Stop times
    /// that exceed what is left are shortened in proportion, which a line says at the start.
    ///
    /// A coroutine that takes longer is dropped where it awaits. A thread goes on, and those before it in the order have
    /// their turn. While the runtime stops, whoever takes longer is a straggler, also a coroutine without a token that
    /// blocks; if the service alone was asked, a line says so. `Duration::MAX` means never.
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
        let problem = self.policy.restart().problem().or(never);
        problem.map_or(Ok(()), |problem| Err(Problem::Settings(problem)))
    }
}
