//! Settings of a service: its name and order, and the policy for its ends.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use super::dependency::Dependency;
use super::error::Problem;
use super::restart::Restart;
use crate::sync::Arc;

/// The settings of a service: what it is called, what it comes after, and what its ends mean.
///
/// Whatever is not set is as if nothing had been said: no order, no restarts, any failure ends the
/// runtime.
#[derive(Debug, Clone, Default)]
#[must_use = "settings do nothing until they are given to a service"]
pub struct Settings {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) after: Vec<Dependency>,
    /// Shared, as settings are cloned for each of the services that have them in common.
    policy: Option<Arc<Policy>>,
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
        self.said().restart = Some(restart);
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
        self.said().notifies_ready = true;
        self
    }

    /// How long the service may take to become ready, from each of its starts; before that, how long it
    /// may wait for those that it comes after. What takes longer is a failure that says who waited for
    /// whom. No limit unless set. No restart follows if it was the waiting that took too long.
    pub fn start_timeout(mut self, time: Duration) -> Self {
        self.said().start_timeout = Some(Span::new(time));
        self
    }

    /// How long it may take to end once it is asked to; the runtime's [grace time](crate::Builder::grace)
    /// unless set. While the runtime stops, all of them together have no more than that.
    ///
    /// A coroutine that takes longer is dropped where it awaits. A thread goes on: those before it in the order
    /// have their turn, and the runtime waits for it until the grace time is over. While the runtime stops,
    /// whoever takes longer is a straggler; if the service alone was asked, a `tracing` event says so.
    pub fn stop_time(mut self, time: Duration) -> Self {
        self.said().stop_time = Some(Span::new(time));
        self
    }

    /// Makes a normal return a failure, for a service that must never end.
    pub fn return_is_failure(mut self) -> Self {
        self.said().return_is_failure = true;
        self
    }

    fn said(&mut self) -> &mut Policy {
        Arc::make_mut(self.policy.get_or_insert_default())
    }

    /// These settings, with those of `own` where these say nothing.
    pub(crate) fn over(mut self, own: Self) -> Self {
        self.name = self.name.or(own.name);
        let said = std::mem::replace(&mut self.after, own.after);
        self.after.extend(said);
        self.policy = match (self.policy, own.policy) {
            (Some(said), Some(own)) => Some(Arc::new(said.over(&own))),
            (said, own) => said.or(own),
        };
        self
    }

    /// Takes the policy, if anything was said of it. A problem is whatever can never work.
    pub(crate) fn take_policy(&mut self) -> Result<Option<Arc<Policy>>, Problem> {
        if self.name.as_deref() == Some("") {
            return Err(Problem::NoName);
        }
        if let Some(policy) = &self.policy {
            policy.check()?;
        }
        Ok(self.policy.take())
    }
}

/// What a service's ends mean, as far as something was said of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    restart: Option<Restart>,
    pub(crate) notifies_ready: bool,
    pub(crate) return_is_failure: bool,
    start_timeout: Option<Span>,
    stop_time: Option<Span>,
}

impl Policy {
    /// That of a service of which nothing was said.
    pub(crate) const SILENT: &'static Self = &Self {
        restart: None,
        notifies_ready: false,
        return_is_failure: false,
        start_timeout: None,
        stop_time: None,
    };

    fn over(&self, own: &Self) -> Self {
        Self {
            restart: self.restart.as_ref().or(own.restart.as_ref()).cloned(),
            notifies_ready: self.notifies_ready || own.notifies_ready,
            return_is_failure: self.return_is_failure || own.return_is_failure,
            start_timeout: self.start_timeout.or(own.start_timeout),
            stop_time: self.stop_time.or(own.stop_time),
        }
    }

    /// Whether it can work.
    fn check(&self) -> Result<(), Problem> {
        let problem = self.restart().problem().or_else(|| {
            let never = self.start_timeout().is_some_and(|time| time.is_zero());
            never.then(|| "a start time-out of no time at all cannot be met".to_owned())
        });
        problem.map_or(Ok(()), |problem| Err(Problem::Settings(problem)))
    }

    pub(crate) fn start_timeout(&self) -> Option<Duration> {
        self.start_timeout.map(Span::time)
    }

    pub(crate) fn stop_time(&self) -> Option<Duration> {
        self.stop_time.map(Span::time)
    }

    pub(crate) fn restart(&self) -> &Restart {
        const NEVER: &Restart = &Restart::never();
        self.restart.as_ref().unwrap_or(NEVER)
    }
}

/// A time in half the size of a [`Duration`], whether there is one or not. It is cut off at five hundred years.
#[derive(Clone, Copy)]
struct Span(NonZeroU64);

impl Span {
    fn new(time: Duration) -> Self {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self(NonZeroU64::MIN.saturating_add(nanoseconds))
    }

    fn time(self) -> Duration {
        Duration::from_nanos(self.0.get() - 1)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.time().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As for a unit: where it is too large nothing fails, but a service with a policy costs more.
    #[test]
    fn a_policy_is_small() {
        assert!(16 + size_of::<Policy>() <= 120, "{}", size_of::<Policy>());
    }

    #[test]
    fn a_span_is_the_time_that_it_was_made_of() {
        for time in [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_secs(1 << 33),
        ] {
            assert_eq!(Span::new(time).time(), time);
        }
        assert!(Span::new(Duration::MAX).time() > Duration::from_secs(1 << 33));
    }
}
