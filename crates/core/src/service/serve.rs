//! Handing services in, and looking at them.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::roster::{Derive, derived};
use super::source::{Make, Source};
use super::supervisor::supervisor;
use super::unit_core::UnitCore;
use super::{
    Dependency, PayloadOf, Restart, Runs, Served, Service, Settings, Unit, UnitChanges, UnitStatus,
};
use crate::base::clock::Clock;
use crate::base::sync::Arc;
use crate::contract::key::Key;
use crate::errors::failure::{Origin, What};
use crate::errors::serve::{Problem, ServeError};
use crate::lifetime::Phase;
use crate::lifetime::gate::Gates;
use crate::runtime::Runtime;
use crate::runtime::choice::sealed::{Chosen, Select as _};
use crate::runtime::core::Core;

impl Runtime {
    /// Takes `service`: the runtime starts it, watches it, restarts it as its settings say, and stops it in order.
    ///
    /// Before the runtime's start the service waits. Services of one flavour that are handed in before the start begin in
    /// that order. The call never waits for the service or its flavour; it may be made from any thread and inside any
    /// payload. The first service of a runtime starts one more thread, the supervisor's.
    ///
    /// The same value is used for every run, unless a run [owns](crate::OwnedService) it, with whatever the run before
    /// left in it: a mutex that was locked when a run panicked is poisoned for the next. [`serve_with`](Self::serve_with)
    /// makes a new value for each run.
    ///
    /// # Errors
    ///
    /// If the runtime is stopping or has stopped; if the settings can never work, the name is taken, or the
    /// service comes after one that is not known (while the runtime runs; before its start that is an
    /// error of [`run`](Self::run)); if the key disagrees with an earlier one. The service is dropped.
    ///
    /// A flavour that cannot be started is a failure of the service.
    #[track_caller]
    pub fn serve<S: Served<Way> + Send, Way>(&self, service: S) -> Result<Unit, ServeError> {
        self.unit().serve(service)
    }

    /// As [`serve`](Self::serve), with a new value for each run.
    ///
    /// `make` is called once for each run. For the first one that happens at once, on the calling thread:
    /// the value is asked for its flavour and its settings, and then serves the first run. For each later
    /// run it is made on the flavour's thread, and a panic of `make` there is a failure of the service.
    /// Each value is dropped at the end of its run, there as well.
    ///
    /// # Errors
    ///
    /// As for [`serve`](Self::serve).
    ///
    /// # Panics
    ///
    /// With a panic of the first call of `make`.
    #[track_caller]
    pub fn serve_with<S: Served<Way> + Send, Way>(
        &self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Unit, ServeError> {
        self.unit().serve_with(make)
    }

    /// Begins the settings of the next service. They win over the service's own.
    ///
    /// ```
    /// # use foster_core::{Manual, Restart, Runtime, service};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// # let poller = service(manual, || async {});
    /// let unit = runtime.unit().name("poller").restart(Restart::on_failure()).serve(poller)?;
    /// assert_eq!(unit.name(), "poller");
    /// # Ok::<(), foster_core::ServeError>(())
    /// ```
    pub fn unit(&self) -> UnitBuilder<'_> {
        UnitBuilder::inside(self.core(), None)
    }

    /// The status of each service, in the order in which they were handed in.
    ///
    /// Services that are over are listed as well. When there are many of them the oldest are forgotten; the last 512
    /// always stay, and all that are [startable](Settings::startable).
    pub fn units(&self) -> Vec<UnitStatus> {
        let units = supervisor(&self.core().lifetime).units();
        units.iter().map(|unit| unit.status()).collect()
    }

    /// The service with this name: the last one that has or had it. `None` if no service is known by it.
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime, service};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// runtime.unit().name("poller").serve(service(manual, || async {}))?;
    /// let unit = runtime.unit_named("poller").expect("it was handed in above");
    /// unit.stop();
    /// assert!(runtime.unit_named("nobody").is_none());
    /// # Ok::<(), foster_core::ServeError>(())
    /// ```
    pub fn unit_named(&self, name: &str) -> Option<Unit> {
        let found = supervisor(&self.core().lifetime).find(name);
        let core = found.filter(|unit| unit.members().is_none())?;
        Some(Unit { core })
    }

    /// A stream of all changes of the services' states from now on, in order, to log or show them. It holds at most
    /// `capacity` changes, and at least one: see [`Changes`](crate::Changes). [`changes`](Self::changes) tells of the runtime
    /// itself.
    pub fn unit_changes(&self, capacity: usize) -> UnitChanges {
        let lifetime = &self.core().lifetime;
        supervisor(lifetime).watch(lifetime, capacity)
    }
}

/// A runtime together with settings for the next service: see [`Runtime::unit`].
#[derive(Clone)]
#[must_use = "settings do nothing until a service is handed in with them"]
pub struct UnitBuilder<'a> {
    core: &'a Arc<Core>,
    group: Option<&'a Arc<UnitCore>>,
    settings: Settings,
    /// Where it is handed in, if not where that is called.
    location: Option<&'static Location<'static>>,
}

impl fmt::Debug for UnitBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitBuilder")
            .field("group", &self.group.map(|group| group.name()))
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<'a> UnitBuilder<'a> {
    /// Of a service in this group, or in none.
    pub(super) fn inside(core: &'a Arc<Core>, group: Option<&'a Arc<UnitCore>>) -> Self {
        let settings = Settings::new();
        Self {
            core,
            group,
            settings,
            location: None,
        }
    }

    /// Has the unit name this place in the code, for crates that hand in for others.
    #[doc(hidden)]
    pub fn __from(mut self, location: &'static Location<'static>) -> Self {
        self.location = Some(location);
        self
    }

    fn map(mut self, change: impl FnOnce(Settings) -> Settings) -> Self {
        self.settings = change(self.settings);
        self
    }

    /// The clock of the runtime that takes the service.
    pub fn clock(&self) -> &Clock {
        &self.core.lifetime.settings.clock
    }

    /// [`Settings::name`].
    pub fn name(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.map(|settings| settings.name(name))
    }

    /// [`Settings::restart`].
    pub fn restart(self, restart: Restart) -> Self {
        self.map(|settings| settings.restart(restart))
    }

    /// [`Settings::after`].
    pub fn after(self, other: impl Into<Dependency>) -> Self {
        self.map(|settings| settings.after(other))
    }

    /// [`Settings::requires`].
    pub fn requires(self, other: impl Into<Dependency>) -> Self {
        self.map(|settings| settings.requires(other))
    }

    /// [`Settings::part_of`].
    pub fn part_of(self, other: impl Into<Dependency>) -> Self {
        self.map(|settings| settings.part_of(other))
    }

    /// [`Settings::may_fail`].
    pub fn may_fail(self) -> Self {
        self.map(Settings::may_fail)
    }

    /// [`Settings::startable`].
    pub fn startable(self) -> Self {
        self.map(Settings::startable)
    }

    /// [`Settings::restart_on_reload`].
    pub fn restart_on_reload(self) -> Self {
        self.map(Settings::restart_on_reload)
    }

    /// [`Settings::looks_on`].
    pub fn looks_on(self) -> Self {
        self.map(Settings::looks_on)
    }

    /// [`Settings::notifies_ready`].
    pub fn notifies_ready(self) -> Self {
        self.map(Settings::notifies_ready)
    }

    /// [`Settings::return_is_failure`].
    pub fn return_is_failure(self) -> Self {
        self.map(Settings::return_is_failure)
    }

    /// [`Settings::start_timeout`].
    pub fn start_timeout(self, time: Duration) -> Self {
        self.map(|settings| settings.start_timeout(time))
    }

    /// [`Settings::stop_time`].
    pub fn stop_time(self, time: Duration) -> Self {
        self.map(|settings| settings.stop_time(time))
    }

    /// All of `settings`, where nothing was said before.
    pub fn with(self, settings: Settings) -> Self {
        self.map(|said| said.over(settings))
    }

    /// [`Runtime::serve`], with these settings.
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn serve<S: Served<Way> + Send, Way>(self, service: S) -> Result<Unit, ServeError> {
        self.take(service.keep(), None, S::IS_ONCE, derived::<S>)
            .map_err(|refused| refused.with(|kept| Some(S::give_back(kept))))
    }

    /// [`Runtime::serve_with`], with these settings.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn serve_with<S: Served<Way> + Send, Way>(
        self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Unit, ServeError> {
        // Shared with the runs, so that it can be given back.
        let make = Arc::new(make);
        let for_runs = Arc::clone(&make);
        let make_kept = move || for_runs().keep();
        self.take(
            make_kept(),
            Some(Box::new(make_kept)),
            S::IS_ONCE,
            derived::<S>,
        )
        .map_err(|refused| refused.with(|_| Arc::into_inner(make)))
    }

    #[track_caller]
    fn take<S>(
        self,
        service: S,
        make: Option<Make<S>>,
        is_once: bool,
        derive: Derive,
    ) -> Result<Unit, Refused<S>>
    where
        S: Service + Runs<PayloadOf<S>> + Send,
    {
        let (core, group) = (self.core, self.group);
        let location = self.location.unwrap_or(Location::caller());
        let settings = self.settings.over(service.settings());
        let key = service.flavour();
        let refused = |problem| {
            let name = settings.name.clone();
            let name = name.unwrap_or_else(|| derive(location).into());
            let mut origin = Origin::new(Some(name), location, key.identifier());
            origin.what = What::Service;
            ServeError::new(origin, problem)
        };
        settings.check().map_err(refused)?;
        if is_once && make.is_none() {
            settings.check_once().map_err(refused)?;
        }
        let chosen = key.select(&core.root, &core.root);
        let Chosen { listed, .. } = chosen.map_err(|reason| refused(reason.into()))?;
        let scheduler = &listed.scheduler;
        if core.lifetime.phase() >= Phase::Stopping {
            return Err(refused(Problem::Stopping).into());
        }
        if let Some(closed) = group.and_then(|group| group.closed_path()) {
            return Err(refused(Problem::GroupStopping(closed)).into());
        }
        let gates = group.map_or_else(Gates::default, |group| group.gates());
        if let Err(full) = gates.take() {
            let (error, kept) = (refused(Problem::Full(full)), Some(service));
            return Err(Refused { error, kept });
        }
        let source = Arc::new(Source::new(service, make, is_once));
        let supervisor = supervisor(&core.lifetime);
        let taken = supervisor.take_in(&settings, derive, location, scheduler, source, group);
        let taken = taken.inspect_err(|_| gates.give_back().wake());
        Ok(Unit {
            core: taken.map_err(refused)?,
        })
    }
}

/// A service that was not taken, which is there if a limit was reached.
struct Refused<S> {
    error: ServeError,
    kept: Option<S>,
}

impl<S> From<ServeError> for Refused<S> {
    fn from(error: ServeError) -> Self {
        Self { error, kept: None }
    }
}

impl<S> Refused<S> {
    /// The error, with what is made of the service, which is what was handed in.
    fn with<T: Send + 'static>(self, back: impl FnOnce(S) -> Option<T>) -> ServeError {
        match self.kept.and_then(back) {
            Some(handed) => self.error.with(handed),
            None => self.error,
        }
    }
}
