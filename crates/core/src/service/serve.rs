//! Handing services in, and looking at them.

use std::borrow::Cow;
use std::panic::Location;
use std::time::Duration;

use super::roster::derived;
use super::source::{Make, Source};
use super::supervisor::supervisor;
use super::{Dependency, Restart, Served, Settings, Unit, UnitChanges, UnitStatus};
use crate::base::sync::Arc;
use crate::contract::key::Key;
use crate::errors::failure::Origin;
use crate::errors::serve::{Problem, ServeError};
use crate::lifetime::Phase;
use crate::runtime::Runtime;
use crate::runtime::choice::sealed::{Chosen, Select as _};

impl Runtime {
    /// Takes `service`: the runtime starts it, watches it, restarts it as its settings say, and stops it in order.
    ///
    /// Before the runtime's start the service waits. Services of one flavour that are handed in before the start begin in
    /// that order. The call never waits for the service or its flavour; it may be made from any thread and inside any payload.
    /// The first service of a runtime starts one more thread, the supervisor's.
    ///
    /// The same value is used for every run, with whatever the run before left in it: a mutex that was locked when a run
    /// panicked is poisoned for the next. [`serve_with`](Self::serve_with) makes a new value for each run.
    ///
    /// # Errors
    ///
    /// If the runtime is stopping or has stopped; if the settings can never work, the name is taken, or the
    /// service comes after one that is not known (while the runtime runs; before its start that is an
    /// error of [`run`](Self::run)); if the key disagrees with an earlier one. The service is dropped.
    ///
    /// A flavour that cannot be started is a failure of the service.
    #[track_caller]
    pub fn serve<S: Served + Send>(&self, service: S) -> Result<Unit, ServeError> {
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
    pub fn serve_with<S: Served + Send>(
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
        UnitBuilder {
            runtime: self,
            settings: Settings::new(),
        }
    }

    /// The status of each service, in the order in which they were handed in.
    ///
    /// Services that are over are listed as well. When there are many of them the oldest are forgotten; the last 512
    /// always stay.
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
        let core = supervisor(&self.core().lifetime).find(name)?;
        Some(Unit { core })
    }

    /// A stream of all changes of the services' states from now on, in order, to log or show them. It holds at most
    /// `capacity` changes, and at least one: see [`UnitChanges`].
    pub fn unit_changes(&self, capacity: usize) -> UnitChanges {
        let lifetime = &self.core().lifetime;
        supervisor(lifetime).watch(lifetime, capacity)
    }
}

/// A runtime together with settings for the next service: see [`Runtime::unit`].
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until a service is handed in with them"]
pub struct UnitBuilder<'a> {
    runtime: &'a Runtime,
    settings: Settings,
}

impl UnitBuilder<'_> {
    fn map(mut self, change: impl FnOnce(Settings) -> Settings) -> Self {
        self.settings = change(self.settings);
        self
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
    pub fn serve<S: Served + Send>(self, service: S) -> Result<Unit, ServeError> {
        self.take(service, None)
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
    pub fn serve_with<S: Served + Send>(
        self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Unit, ServeError> {
        self.take(make(), Some(Box::new(make)))
    }

    #[track_caller]
    fn take<S: Served + Send>(self, service: S, make: Option<Make<S>>) -> Result<Unit, ServeError> {
        let (core, location) = (self.runtime.core(), Location::caller());
        let settings = self.settings.over(service.settings());
        let key = service.flavour();
        let refused = |problem| {
            let name = settings.name.clone();
            let name = name.unwrap_or_else(|| derived::<S>(location).into());
            let mut origin = Origin::new(Some(name), location, key.identifier());
            origin.service = true;
            ServeError::new(origin, problem)
        };
        settings.check().map_err(refused)?;
        let chosen = key.select(&core.schedulers, &core.lifetime);
        let Chosen { scheduler, .. } = chosen.map_err(|reason| refused(reason.into()))?;
        if core.lifetime.phase() >= Phase::Stopping {
            return Err(refused(Problem::Stopping));
        }
        let source = Arc::new(Source::new(service, make));
        let supervisor = supervisor(&core.lifetime);
        let taken = supervisor.take_in(&settings, derived::<S>, location, scheduler, source);
        taken.map(|core| Unit { core }).map_err(refused)
    }
}
