//! Services and groups that run on one process at a time.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use foster_core::{
    BoxError, Group, PayloadOf, Run, ServeError, Served, Service, Settings, Unit, UnitBuilder,
};

use crate::keeper::{Keeper, Kept};
use crate::lease::Lease;
use crate::overrun::Overrun;
use crate::rules::{Rules, RulesError};
use crate::seat::Begin;

/// Gates what a [`UnitBuilder`] serves by a lease.
pub trait OnlyOne<'a>: Sized {
    /// The service, or the group, that is handed in next runs while this process holds `lease`, and on no other one that asks for the
    /// same lease.
    ///
    /// What the builder says (its name, what it comes after, whether it may fail) is that of the unit that stands by and
    /// holds: see [`OnlyOneBuilder`].
    fn only_one(self, lease: Arc<dyn Lease>) -> OnlyOneBuilder<'a>;
}

impl<'a> OnlyOne<'a> for UnitBuilder<'a> {
    fn only_one(self, lease: Arc<dyn Lease>) -> OnlyOneBuilder<'a> {
        OnlyOneBuilder {
            unit: self,
            lease,
            stop_time: None,
            renew_every: None,
            overrun: Overrun::default(),
            settings: Settings::new(),
        }
    }
}

/// What is to run on one process at a time: see [`OnlyOne::only_one`].
///
/// What it takes is a unit with the lease's name, unless it has another one. That unit is [standby](foster_core::UnitState::Standby) or
/// [held](foster_core::UnitState::Held), and ready in both, so that what comes after it starts. While it is held there is a group in it,
/// named by the fence; the service is `run` in there, and what it does with its
/// [`Group::current`](foster_core::Group::current) is in there as well. All of it is asked to end, and cancelled, with the turn, and the
/// lease is released when all of it is over.
#[must_use = "nothing is gated until something is handed in"]
pub struct OnlyOneBuilder<'a> {
    unit: UnitBuilder<'a>,
    lease: Arc<dyn Lease>,
    stop_time: Option<Duration>,
    renew_every: Option<Duration>,
    overrun: Overrun,
    settings: Settings,
}

impl OnlyOneBuilder<'_> {
    /// How long the work may take to end, once it is asked to: a third of the lease, unless set. It is asked so early that this time, and a
    /// second more, end before the lease does; what has not ended by then is cancelled.
    pub fn stop_time(mut self, time: Duration) -> Self {
        self.stop_time = Some(time);
        self
    }

    /// How often the lease is renewed: three times in what the stop time and a second leave of it, unless set.
    pub fn renew_every(mut self, time: Duration) -> Self {
        self.renew_every = Some(time);
        self
    }

    /// What happens where the work does not end with the lease, although it was cancelled.
    pub fn on_overrun(mut self, overrun: Overrun) -> Self {
        self.overrun = overrun;
        self
    }

    /// The settings of the service in each of its turns, such as its restarts. Its name is `run`.
    pub fn each(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Serves `service` while the lease is held: the same value in every turn.
    ///
    /// A service that returns ends its unit, with a release before. One that fails and is not restarted ends the runtime, or the unit if
    /// that may fail, and the next process takes over.
    ///
    /// # Errors
    ///
    /// If the times cannot work, or the unit is refused.
    #[track_caller]
    pub fn serve<S>(self, service: S) -> Result<Unit, OnlyOneError>
    where
        S: Service + Send + Sync,
        Shared<S>: Served,
    {
        let (shared, location) = (Arc::new(service), Location::caller());
        let settings = self.settings.clone();
        self.take(Box::new(move |group, _| {
            let unit = group.unit().name("run").__from(location);
            let unit = unit.with(settings.clone());
            Ok(Some(unit.serve(Shared(Arc::clone(&shared)))?))
        }))
    }

    /// As [`serve`](Self::serve), with a new value for each run.
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn serve_with<S: Served<Way> + Send, Way: 'static>(
        self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Unit, OnlyOneError> {
        let (make, settings) = (Arc::new(make), self.settings.clone());
        let location = Location::caller();
        self.take(Box::new(move |group, _| {
            let (make, unit) = (Arc::clone(&make), group.unit().name("run"));
            let unit = unit.__from(location).with(settings.clone());
            Ok(Some(unit.serve_with(move || make())?))
        }))
    }

    /// Has `fill` put payloads and services into a group, at the beginning of each turn. It must not block: the lease is not renewed
    /// meanwhile. The turn ends when the lease does, when the group is shut down, or when the runtime stops.
    ///
    /// # Errors
    ///
    /// As of [`serve`](Self::serve). An error of `fill` is a failure of the unit.
    #[track_caller]
    pub fn group(
        self,
        fill: impl Fn(&Group) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Result<Unit, OnlyOneError> {
        self.take(Box::new(move |group, _| fill(group).map(|()| None)))
    }

    #[track_caller]
    fn take(self, begin: Box<Begin>) -> Result<Unit, OnlyOneError> {
        let rules = Rules::new(self.lease.length(), self.stop_time, self.renew_every)?;
        let keeper = Keeper {
            clock: self.unit.clock().clone(),
            name: self.lease.name().to_owned(),
            kept: Kept::Only(self.lease),
            rules,
            overrun: self.overrun,
            begin,
        };
        Ok(self.unit.serve(keeper)?)
    }
}

impl fmt::Debug for OnlyOneBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnlyOneBuilder")
            .field("unit", &self.unit)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// A service that serves in one turn after the other.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shared<S>(Arc<S>);

impl<S: Service> Service for Shared<S> {
    type Flavour = S::Flavour;

    fn flavour(&self) -> S::Flavour {
        self.0.flavour()
    }

    fn settings(&self) -> Settings {
        self.0.settings()
    }

    fn run(&self) -> impl Run<PayloadOf<Self>> {
        self.0.run()
    }
}

/// Why something was not gated.
#[derive(Debug)]
#[non_exhaustive]
pub enum OnlyOneError {
    /// The times cannot work.
    Rules(RulesError),
    /// There is no shard to run.
    NoShards,
    /// The unit was refused.
    Serve(ServeError),
}

impl From<RulesError> for OnlyOneError {
    fn from(error: RulesError) -> Self {
        Self::Rules(error)
    }
}

impl From<ServeError> for OnlyOneError {
    fn from(error: ServeError) -> Self {
        Self::Serve(error)
    }
}

impl fmt::Display for OnlyOneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rules(error) => fmt::Display::fmt(error, f),
            Self::NoShards => f.write_str("0 shards were asked for, and it takes one at least"),
            Self::Serve(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for OnlyOneError {}
