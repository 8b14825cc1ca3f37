//! Many services of one kind, spread over processes.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use foster_core::{Served, Settings, Unit, UnitBuilder};

use crate::keeper::{Keeper, Kept};
use crate::lease::{Lease, Leases};
use crate::only_one::OnlyOneError;
use crate::overrun::Overrun;
use crate::planner::Planner;
use crate::rules::Rules;
use crate::seat::Begin;
use crate::tenure::At;

/// What a plan wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To know which leases are held.
    List,
    /// This shard, which is free.
    Try(usize),
    /// To give this one up.
    Cede(usize),
}

/// The leases of all shards.
pub(crate) struct Pool {
    leases: Arc<dyn Leases>,
    name: String,
    member: String,
    shards: usize,
    length: Duration,
}

impl Pool {
    pub(crate) fn member(&self) -> Arc<dyn Lease> {
        self.leases
            .lease(&format!("{}/members/{}", self.name, self.member))
    }

    pub(crate) fn shard(&self, shard: usize) -> Arc<dyn Lease> {
        self.leases.lease(&format!("{}/shards/{shard}", self.name))
    }

    /// The lease below which all others are.
    pub(crate) fn all(&self) -> Arc<dyn Lease> {
        self.leases.lease(&self.name)
    }

    pub(crate) fn planner(&self, now: At) -> Planner {
        const LONGEST: Duration = Duration::from_secs(1);
        let period = (self.length / 10).min(LONGEST);
        Planner::new(&self.name, self.shards, period, fastrand::u64(..), now)
    }
}

/// Spreads what a [`UnitBuilder`] serves over processes.
pub trait Shards<'a>: Sized {
    /// `number` services, numbered from 0, of which each runs on one process at a time, and each process that asks `leases` has its
    /// share: all of them divided by the processes, rounded up.
    ///
    /// A process above its share hands over, a few at a time; when one is lost only its shards move. What the builder says is that
    /// of the unit that keeps them: see [`ShardsBuilder`].
    fn shards(self, number: usize, leases: Arc<dyn Leases>) -> ShardsBuilder<'a>;
}

impl<'a> Shards<'a> for UnitBuilder<'a> {
    fn shards(self, number: usize, leases: Arc<dyn Leases>) -> ShardsBuilder<'a> {
        ShardsBuilder {
            unit: self,
            number,
            leases,
            name: "shards".to_owned(),
            stop_time: None,
            renew_every: None,
            overrun: Overrun::default(),
            settings: Settings::new(),
        }
    }
}

/// What is to be spread over processes: see [`Shards::shards`].
///
/// What it takes is a unit that is [held](foster_core::UnitState::Held) while this process has any shard, and
/// [standby](foster_core::UnitState::Standby) while it has none. In it there is a group for each shard that it has, named by the shard and
/// the fence, as `17-3`.
#[must_use = "nothing is spread until something is handed in"]
pub struct ShardsBuilder<'a> {
    unit: UnitBuilder<'a>,
    number: usize,
    leases: Arc<dyn Leases>,
    name: String,
    stop_time: Option<Duration>,
    renew_every: Option<Duration>,
    overrun: Overrun,
    settings: Settings,
}

impl ShardsBuilder<'_> {
    /// The name of the leases, by which processes find each other: `shards`, unless set. It is the unit's as well, unless that has
    /// another one.
    pub fn lease_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// As [`OnlyOneBuilder::stop_time`](crate::OnlyOneBuilder::stop_time).
    pub fn stop_time(mut self, time: Duration) -> Self {
        self.stop_time = Some(time);
        self
    }

    /// As [`OnlyOneBuilder::renew_every`](crate::OnlyOneBuilder::renew_every).
    pub fn renew_every(mut self, time: Duration) -> Self {
        self.renew_every = Some(time);
        self
    }

    /// As [`OnlyOneBuilder::on_overrun`](crate::OnlyOneBuilder::on_overrun).
    pub fn on_overrun(mut self, overrun: Overrun) -> Self {
        self.overrun = overrun;
        self
    }

    /// As [`OnlyOneBuilder::each`](crate::OnlyOneBuilder::each).
    pub fn each(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Serves what `make` makes of the number of a shard, while this process has that.
    ///
    /// A shard whose service returns is free again, for any process to take.
    ///
    /// # Errors
    ///
    /// If there are to be 0 shards, the times cannot work, or the unit is refused.
    #[track_caller]
    pub fn serve<S: Served<Way> + Send, Way: 'static>(
        self,
        make: impl Fn(usize) -> S + Send + Sync + 'static,
    ) -> Result<Unit, OnlyOneError> {
        if self.number == 0 {
            return Err(OnlyOneError::NoShards);
        }
        let (make, settings) = (Arc::new(make), self.settings.clone());
        let location = Location::caller();
        let begin: Box<Begin> = Box::new(move |group, shard| {
            let (make, unit) = (Arc::clone(&make), group.unit().name("run"));
            let unit = unit.__from(location).with(settings.clone());
            Ok(Some(unit.serve_with(move || make(shard))?))
        });
        let length = self.leases.lease(&self.name).length();
        let rules = Rules::new(length, self.stop_time, self.renew_every)?;
        let keeper = Keeper {
            clock: self.unit.clock().clone(),
            name: self.name.clone(),
            kept: Kept::Shards(Pool {
                leases: self.leases,
                name: self.name,
                member: format!("{:016x}", fastrand::u64(..)),
                shards: self.number,
                length,
            }),
            rules,
            overrun: self.overrun,
            begin,
        };
        Ok(self.unit.serve(keeper)?)
    }
}

impl fmt::Debug for ShardsBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardsBuilder")
            .field("unit", &self.unit)
            .field("number", &self.number)
            .field("leases", &self.leases)
            .finish_non_exhaustive()
    }
}
