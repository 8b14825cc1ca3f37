//! What is behind a unit or a group: who it is, what it is made of, and how it does. `attempt` is one run of a unit,
//! `members` what is alive in a group.

mod attempt;
mod members;

use std::num::NonZero;
use std::panic::Location;
use std::time::Duration;

pub(crate) use self::attempt::Attempt;
pub(super) use self::members::{Carried, Members, Owner};
use super::policy::Policy;
use super::state::{UnitState, UnitStatus};
use super::supervision::Id;
use crate::base::event::{self, EventListener};
use crate::base::identifier::Identifier;
use crate::base::moment::Moment;
use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak, lock};
use crate::errors::failure::{Cause, Failure, Origin, What};
use crate::errors::refusal::Reason;
use crate::lifetime::Lifetime;
use crate::lifetime::gate::Gates;
use crate::scheduler::Scheduler;
use crate::task::Task;

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

/// How a unit does, for all who look. Its state and its next start are written under the lock of the supervisor, once that
/// knows of the unit.
struct Present {
    state: UnitState,
    /// What the present run says of itself, shown in place of [`UnitState::Running`].
    standing: Option<UnitState>,
    was_ready: bool,
    /// The runtime as a whole is not ready before this is ready or over.
    is_awaited: bool,
    /// It was asked to stop. Only read of one that waits for the start.
    is_unwanted: bool,
    since: Moment,
    starts: u64,
    /// Boxed, as most have none.
    last_failure: Option<Box<Failure>>,
    next_start: Option<Moment>,
    /// The reload that the present run is asked for, until it looks.
    reload: Option<NonZero<u64>>,
    /// The payload of the present run.
    task: Option<Weak<Task>>,
    /// The group that the present run has made: see [`Group::current`](crate::Group::current).
    children: Option<Arc<UnitCore>>,
}

impl Present {
    fn shown(&self) -> UnitState {
        match (self.state, self.standing) {
            (UnitState::Running, Some(standing)) => standing,
            (state, _) => state,
        }
    }

    fn is_present(&self, task: &Arc<Task>) -> bool {
        let present = self.task.as_ref().map(Weak::as_ptr);
        present.is_some_and(|present| std::ptr::addr_eq(present, Arc::as_ptr(task)))
    }
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
            present: Mutex::new(Present {
                state: UnitState::Waiting,
                standing: None,
                was_ready: false,
                is_awaited: false,
                is_unwanted: false,
                since: now,
                starts: 0,
                last_failure: None,
                next_start: None,
                reload: None,
                task: None,
                children: None,
            }),
            changed: event::Event::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Present> {
        lock(&self.present)
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

    /// The group that the present run has made.
    pub(super) fn children(&self) -> Option<Arc<Self>> {
        self.lock().children.clone()
    }

    /// Sets that group; returns the one before, to be dropped where nothing is locked.
    #[must_use]
    pub(super) fn set_children(&self, children: Option<Arc<Self>>) -> Option<Arc<Self>> {
        std::mem::replace(&mut self.lock().children, children)
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

    pub(crate) fn state(&self) -> UnitState {
        self.lock().state
    }

    /// The state as others see it: with what the run says of itself.
    pub(super) fn shown(&self) -> UnitState {
        self.lock().shown()
    }

    pub(super) fn was_ready(&self) -> bool {
        self.lock().was_ready
    }

    /// Whether it was asked to stop, of one that waits for the start.
    pub(super) fn is_unwanted(&self) -> bool {
        self.lock().is_unwanted
    }

    pub(super) fn last_failure(&self) -> Option<Failure> {
        self.lock().last_failure.as_deref().cloned()
    }

    pub(super) fn status(&self) -> UnitStatus {
        let present = self.lock();
        UnitStatus {
            name: Arc::clone(self.name()),
            flavour: self.flavour(),
            state: present.shown(),
            since: self.lifetime().instant(present.since),
            restarts: present.starts.saturating_sub(1),
            last_failure: present.last_failure.clone(),
            next_start: present.next_start.map(|next| self.lifetime().instant(next)),
        }
    }

    /// The runtime as a whole waits for it.
    pub(super) fn set_awaited(&self) {
        self.lock().is_awaited = true;
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.lock().is_awaited
    }

    /// Whether the runtime as a whole has waited for it, and need not any more.
    pub(super) fn end_awaited(&self) -> bool {
        let mut present = self.lock();
        let is_decided = present.was_ready || present.state.is_over();
        is_decided && std::mem::take(&mut present.is_awaited)
    }

    /// It was asked to stop.
    pub(super) fn set_unwanted(&self, is_unwanted: bool) {
        self.lock().is_unwanted = is_unwanted;
    }

    /// Whether it never comes back.
    pub(super) fn is_gone(&self) -> bool {
        !self.is_startable && self.state().is_over()
    }

    pub(super) fn set_next_start(&self, next: Moment) {
        self.lock().next_start = Some(next).filter(|next| *next != Moment::NEVER);
    }

    /// Keeps a failure as the last one; returns the one before, whose error is the user's to drop.
    #[must_use]
    pub(super) fn set_failure(&self, failure: Failure) -> Option<Box<Failure>> {
        self.lock().last_failure.replace(Box::new(failure))
    }

    /// Changes the state. Returns whether it was another.
    pub(super) fn set_state(&self, state: UnitState, now: Moment) -> bool {
        let mut present = self.lock();
        if state == UnitState::Starting {
            // A new run is not asked what the one before was, and does not say it.
            present.reload = None;
            present.standing = None;
            present.starts += 1;
        }
        let is_change = present.state != state;
        if is_change {
            present.state = state;
            present.since = present.since.max(now);
            present.was_ready |= state == UnitState::Running;
        }
        is_change
    }

    /// Takes what a run says of itself. Whether that shows.
    pub(super) fn set_standing(&self, task: &Arc<Task>, standing: UnitState, now: Moment) -> bool {
        let mut present = self.lock();
        if !present.is_present(task) {
            return false;
        }
        let before = present.shown();
        present.standing = Some(standing);
        let is_change = present.shown() != before;
        if is_change {
            present.since = present.since.max(now);
        }
        is_change
    }

    /// The payload of the present run, as long as there is anything of it.
    pub(super) fn task(&self) -> Option<Arc<Task>> {
        self.lock().task.as_ref()?.upgrade()
    }

    pub(super) fn set_task(&self, task: Option<Weak<Task>>) {
        self.lock().task = task;
    }

    /// Whether `task` is the payload of the present run.
    pub(super) fn is_present(&self, task: &Arc<Task>) -> bool {
        self.lock().is_present(task)
    }

    /// The present run is asked in this reload.
    pub(super) fn set_reload(&self, round: u64) {
        self.lock().reload = NonZero::new(round);
    }

    /// The reload for which the run with this payload is asked, which is for whoever looks first.
    pub(super) fn take_reload(&self, task: &Arc<Task>) -> Option<u64> {
        let mut present = self.lock();
        match present.is_present(task) {
            true => present.reload.take().map(NonZero::get),
            false => None,
        }
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
