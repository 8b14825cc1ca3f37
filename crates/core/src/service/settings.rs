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
    pub(crate) part_of: Vec<Dependency>,
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
    /// `other` is a unit, a group or a name. In a group a name is that of what is beside the service, if there is such a one,
    /// else of what is around it; what is in another group has its path: `after("ingest/poller")`. Before the runtime's start a
    /// name may stand for a service that is handed in later; while the runtime runs it must be known.
    ///
    /// Readiness counts once: this service goes on if `other` is restarted or ends.
    ///
    /// If `other` [may fail](Self::may_fail), this service starts also when `other` is over without having been ready.
    pub fn after(mut self, other: impl Into<Dependency>) -> Self {
        self.after.push(other.into());
        self
    }

    /// As [`after`](Self::after), of a service that this one cannot do without: if `other` is over without having been
    /// ready, this one has failed, also where `other` [may fail](Self::may_fail).
    ///
    /// Like `after` it concerns the start alone: this service goes on if `other` is restarted or ends later on. A service
    /// that may not fail is required by all that come after it.
    pub fn requires(mut self, other: impl Into<Dependency>) -> Self {
        self.after.push(other.into().required());
        self
    }

    /// Stops and restarts this service with `other`: when that is stopped, is over, or starts again for whatever reason.
    ///
    /// Where it also comes [after](Self::after) `other`, it ends before `other` does, and starts again when that is ready.
    /// Example: three services of which each comes after the one before and is a part of it are restarted from the one that
    /// fails onward.
    ///
    /// `other` is a unit, a group or a name, as for `after`.
    pub fn part_of(mut self, other: impl Into<Dependency>) -> Self {
        self.part_of.push(other.into());
        self
    }

    /// A failure of this service is its own affair: it is told, the unit is *failed*, and nothing else ends for it. That
    /// holds for all failures: errors, panics, a start that takes too long, a run that [cannot be
    /// restarted](crate::FailureKind::Stuck), and a service that is given up at the [limit](Restart::limit) of its restarts.
    /// A [`restart`](Self::restart) policy is followed first.
    ///
    /// Services that come [after](Self::after) it start without it if it is over without having been ready, unless they
    /// [require](Self::requires) it. If it has failed when the runtime is over, it is listed in
    /// [`Runtime::tolerated`](crate::Runtime::tolerated), which has an example, and in the report if there is one.
    pub fn may_fail(mut self) -> Self {
        self.policy.may_fail = true;
        self
    }

    /// After its end the service keeps its name and its value, and can be started again by
    /// [`Unit::start`](crate::Unit::start), which has an example. Until then it is *ended* or *failed*, and a runtime that ends
    /// when it is [idle](crate::Builder::until_idle) does not wait for it.
    ///
    /// A failure ends the runtime as ever, unless the service [may fail](Self::may_fail) as well.
    ///
    /// A service that comes [after](Self::after) it, and waits for it to be ready, goes on waiting if it is stopped.
    pub fn startable(mut self) -> Self {
        self.policy.startable = true;
        self
    }

    /// A [reload](crate::Runtime::reload) restarts the service, as [`Unit::restart`](crate::Unit::restart) does, instead of
    /// asking it. It has reloaded when its new run is ready.
    ///
    /// It is for a service that reads its configuration at its start alone. One that has not started, or waits for its
    /// delay, is left alone: it starts with what it finds then.
    ///
    /// The new run is a run like any other: if it fails of what it finds, and no policy restarts the service, the runtime
    /// ends. A service that is to outlive a wrong configuration keeps what it has, and is asked
    /// ([`Reload::current`](crate::Reload::current)); or it has a policy, or [may fail](Self::may_fail).
    pub fn restart_on_reload(mut self) -> Self {
        self.policy.restart_on_reload = true;
        self
    }

    /// The service only looks on, and does so until everything else has ended: an admin page, or one that tells a service
    /// manager.
    ///
    /// What a stop still [waits for](crate::status::StopStatus::waits_for) leaves it out, so that its run can end when
    /// [nothing is left](crate::status::StopStatus::is_empty) there, also where several look on. All else is as with any
    /// other service: it is asked to end with them, goes on while it sees that the stop waits for others, and has to end
    /// before the grace time does.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use foster_core::{Manual, Runtime, service};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// let status = runtime.clone();
    /// let reporter = move || {
    ///     let status = status.clone();
    ///     async move {
    ///         let clock = status.clock();
    ///         loop {
    ///             let stop = status.status().stop;
    ///             println!("{stop:?}");
    ///             if stop.is_some_and(|stop| stop.is_empty() || stop.grace_left < Duration::from_millis(100)) {
    ///                 return;
    ///             }
    ///             clock.sleep(Duration::from_millis(50)).await;
    ///         }
    ///     }
    /// };
    /// runtime.unit().looks_on().may_fail().serve(service(manual, reporter))?;
    /// # runtime.shutdown();
    /// # Ok::<(), foster_core::ServeError>(())
    /// ```
    pub fn looks_on(mut self) -> Self {
        self.policy.looks_on = true;
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
    /// A coroutine that takes longer is dropped where it awaits. A thread goes on, and the services that it comes after
    /// are asked nevertheless. While the runtime stops, a service that takes longer is a straggler in the report, also a
    /// coroutine without a token that blocks. If the service alone was asked to stop, a line tells of it.
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
        self.after.splice(0..0, own.after);
        self.part_of.splice(0..0, own.part_of);
        let (policy, own) = (&mut self.policy, own.policy);
        policy.restart = policy.restart.take().or(own.restart);
        policy.notifies_ready |= own.notifies_ready;
        policy.return_is_failure |= own.return_is_failure;
        policy.may_fail |= own.may_fail;
        policy.startable |= own.startable;
        policy.restart_on_reload |= own.restart_on_reload;
        policy.looks_on |= own.looks_on;
        policy.start_timeout = policy.start_timeout.or(own.start_timeout);
        policy.stop_time = policy.stop_time.or(own.stop_time);
        self
    }

    /// Looks for what would need a second value, of a service that has one alone.
    pub(super) fn check_once(&self) -> Result<(), Problem> {
        let what = if self.policy.restart().is_on_failure() {
            "a restart policy"
        } else if self.policy.startable {
            "`startable`"
        } else if self.policy.restart_on_reload {
            "`restart_on_reload`"
        } else {
            return Ok(());
        };
        Err(Problem::Settings(format!(
            "{what} needs a second value, and its `run` takes the only one: `serve_with` makes one for each run"
        )))
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
