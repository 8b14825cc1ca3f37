//! What is behind a unit or a group: who it is, what it is made of, and how it does. `attempt` is one run of a unit,
//! `present` how either does, and `members` what is alive in a group.

mod attempt;
mod members;
mod present;

use std::panic::Location;
use std::time::Duration;

pub(crate) use self::attempt::Attempt;
pub(super) use self::members::{Carried, Members, Owner};
use self::present::Present;
use super::policy::Policy;
use super::state::UnitState;
use super::supervision::Id;
use crate::base::event::{self, EventListener};
use crate::base::identifier::Identifier;
use crate::base::moment::Moment;
use crate::base::sync::{Arc, Mutex, OnceLock};
use crate::errors::failure::{Cause, Failure, Origin, What};
use crate::errors::refusal::Reason;
use crate::lifetime::Lifetime;
use crate::lifetime::gate::Gates;
use crate::scheduler::Scheduler;

/// What a unit is called. Its number is put to it when somebody asks, as there may be very many.
pub(super) struct Name {
    series: Arc<str>,
    number: u64,
    numbered: OnceLock<Arc<str>>,
}

impl Name {
    pub(super) fn new(series: Arc<str>, number: u64) -> Self {
        let numbered = OnceLock::new();
        Self {
            series,
            number,
            numbered,
        }
    }

    pub(super) fn whole(&self) -> &Arc<str> {
        let Self { series, number, .. } = self;
        match number {
            1 => series,
            _ => (self.numbered).get_or_init(|| format!("{series}#{number}").into()),
        }
    }
}

/// A unit, whatever its service is, or a group.
pub(crate) struct UnitCore {
    pub(crate) id: Id,
    name: Name,
    pub(super) location: &'static Location<'static>,
    kind: Kind,
    /// The group that it is in. A group that a run has made has the unit of that run here.
    pub(super) parent: Option<Arc<Self>>,
    /// Its failures are its own.
    pub(super) may_fail: bool,
    /// It may be started again when it is over.
    pub(super) is_startable: bool,
    /// It looks on until all else has ended.
    pub(super) looks_on: bool,
    present: Mutex<Present>,
    changed: event::Event,
}

/// What a unit is made of.
#[cfg_attr(
    foster_model,
    allow(
        clippy::large_enum_variant,
        reason = "what a model schedules is larger than what it stands for"
    )
)]
pub(super) enum Kind {
    Service {
        scheduler: Arc<Scheduler>,
        /// Where the values for its runs come from.
        source: Arc<dyn AnySource>,
    },
    Group(Members),
}

impl UnitCore {
    pub(super) fn new(
        id: Id,
        name: Name,
        location: &'static Location<'static>,
        kind: Kind,
        parent: Option<Arc<Self>>,
        policy: &Policy,
        now: Moment,
    ) -> Self {
        Self {
            id,
            name,
            location,
            kind,
            parent,
            may_fail: policy.may_fail,
            is_startable: policy.startable,
            looks_on: policy.looks_on,
            present: Mutex::new(Present::new(now)),
            changed: event::Event::new(),
        }
    }

    /// The series and the number of its name.
    pub(super) fn series(&self) -> (&str, u64) {
        (&self.name.series, self.name.number)
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        self.name.whole()
    }

    /// The scheduler of a unit's runs.
    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        match &self.kind {
            Kind::Service { scheduler, .. } => scheduler,
            Kind::Group(_) => unreachable!("a group has no run of its own"),
        }
    }

    /// Where the values for a unit's runs come from.
    pub(super) fn source(&self) -> &Arc<dyn AnySource> {
        match &self.kind {
            Kind::Service { source, .. } => source,
            Kind::Group(_) => unreachable!("a group has no run of its own"),
        }
    }

    /// What is alive in it, if it is a group.
    pub(super) fn members(&self) -> Option<&Members> {
        match &self.kind {
            Kind::Service { .. } => None,
            Kind::Group(members) => Some(members),
        }
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        match &self.kind {
            Kind::Service { scheduler, .. } => scheduler.lifetime(),
            Kind::Group(members) => members.site.part.lifetime(),
        }
    }

    fn flavour(&self) -> Identifier {
        match &self.kind {
            Kind::Service { scheduler, .. } => scheduler.identifier().clone(),
            Kind::Group(_) => const { Identifier::new("foster::group") },
        }
    }

    /// The path of the group that this is, or that it is in, if nothing more is taken in there.
    pub(super) fn closed_path(&self) -> Option<Arc<str>> {
        match (&self.kind, &self.parent) {
            (Kind::Group(members), _) => {
                let part = &members.site.part;
                part.is_closed().then(|| Arc::clone(self.name()))
            }
            (_, Some(parent)) => parent.closed_path(),
            (_, None) => None,
        }
    }

    /// The limits that count what it is or has in it: those of the group that it is in, and its own.
    pub(super) fn gates(&self) -> Gates {
        match (&self.kind, &self.parent) {
            (Kind::Group(members), _) => members.gates(),
            (_, Some(parent)) => parent.gates(),
            (_, None) => Gates::default(),
        }
    }

    /// The limits in which it counts itself.
    pub(super) fn gates_of_unit(&self) -> Gates {
        match self.kind {
            Kind::Group(_) => Gates::default(),
            Kind::Service { .. } => self.gates(),
        }
    }

    /// Whether it is in `group`, or in one that is in there.
    pub(super) fn is_inside(&self, group: &Self) -> bool {
        let parents = std::iter::successors(self.parent.as_ref(), |one| one.parent.as_ref());
        parents.into_iter().any(|parent| parent.id == group.id)
    }

    /// Whether it is that one, or in there.
    pub(super) fn is_or_is_inside(&self, other: &Self) -> bool {
        self.id == other.id || self.is_inside(other)
    }

    /// Who it is, in words.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            payload: Arc::clone(self.name()),
            named: true,
            what: match self.kind {
                Kind::Service { .. } => What::Service,
                Kind::Group(_) => What::Group,
            },
            flavour: self.flavour(),
            location: self.location,
        }
    }

    pub(super) fn failure(&self, cause: Cause) -> Failure {
        Failure::new(self.origin(), cause)
    }

    /// Listens to the unit's changes, and to what its run is asked.
    pub(super) fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    pub(super) fn changed(&self) -> &event::Event {
        &self.changed
    }

    pub(super) fn wait(&self, time: Duration, is_it: fn(UnitState) -> bool) -> bool {
        let clock = &self.lifetime().settings.clock;
        let look = || is_it(self.state()).then_some(());
        event::wait(|| self.listen(), clock, time, look).is_some()
    }
}

/// A service's values and its flavour, whatever their types are.
pub(crate) trait AnySource: Send + Sync {
    /// Whether the runs are blocking code.
    fn is_blocking(&self) -> bool;

    /// Whether there is a value for another run.
    fn can_run(&self) -> bool;

    /// Whether there is a value that was made already.
    fn has_value(&self) -> bool;

    /// Whether the flavour is there, so that a launch waits for nothing.
    fn is_flavour_up(&self, scheduler: &Scheduler) -> bool;

    /// Starts the flavour, which may take its time.
    fn start_flavour(&self, scheduler: &Arc<Scheduler>) -> Result<(), Reason>;

    /// Hands the payload of a run to its flavour.
    fn launch(self: Arc<Self>, unit: &UnitCore, attempt: Attempt) -> Result<(), Reason>;

    /// Has the value that no run will need dropped on the flavour's thread; `false` if there is one, and that
    /// cannot be.
    fn dispose(&self, unit: &Arc<UnitCore>) -> bool;

    /// Drops the value that no run will need right here.
    fn drop_value(&self);
}
