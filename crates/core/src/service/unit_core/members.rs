//! What is alive in a group, beside the services and groups in it.

use std::any::Any;
use std::collections::BTreeSet;
use std::time::Instant;

use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::base::sync::{Arc, Mutex, Weak, lock};
use crate::lifetime::gate::{Gate, Gates};
use crate::lifetime::{GroupPart, Phase};
use crate::runtime::site::Site;
use crate::service::state::UnitState;
use crate::service::supervision::Id;
use crate::task::Task;

/// A value without a destructor, by its type.
pub(in crate::service) type Carried = Arc<dyn Any + Send + Sync>;

/// The payloads of a group, and who may hand in more.
pub(in crate::service) struct Members {
    pub(in crate::service) site: Arc<Site>,
    /// The group's own limit.
    pub(in crate::service) limit: Option<Arc<Gate>>,
    pub(in crate::service) owner: Owner,
    /// What all that is in the group may look for.
    pub(in crate::service) carried: Option<Carried>,
    known: Mutex<Known>,
}

/// What is known by name of what is in a group, to be forgotten with it.
#[derive(Default)]
struct Known {
    /// The series of the places in the code that hand in services without a name.
    series: Vec<Arc<str>>,
    /// The services in the group itself, by their serial numbers.
    units: BTreeSet<u64>,
}

/// Who hands in to a group, and whose end closes it.
pub(in crate::service) enum Owner {
    /// Whoever has one of so many handles. Whoever makes the group has one.
    Handles(AtomicUsize),
    /// A run of a unit.
    Run,
    /// A payload.
    Payload(Weak<Task>),
}

impl Members {
    pub(in crate::service) fn new(
        site: Arc<Site>,
        limit: Option<Arc<Gate>>,
        owner: Owner,
        carried: Option<Carried>,
    ) -> Self {
        let known = Mutex::default();
        Self {
            site,
            limit,
            owner,
            carried,
            known,
        }
    }

    pub(in crate::service) fn part(&self) -> &GroupPart {
        let group = self.site.part.group();
        group.expect("the site of a group is that of a part")
    }

    /// Whether executes and calls that are made in it belong here.
    pub(in crate::service) fn keeps_calls(&self) -> bool {
        self.part().keeps_calls.get().is_some()
    }

    pub(in crate::service) fn gates(&self) -> Gates {
        self.part().gates.clone()
    }

    /// One more has a handle. Whether nobody had one.
    pub(in crate::service) fn add_handle(&self) -> bool {
        match &self.owner {
            Owner::Handles(handles) => handles.fetch_add(1, SeqCst) == 0,
            Owner::Run | Owner::Payload(_) => false,
        }
    }

    /// A handle is dropped. Whether it was the last.
    pub(in crate::service) fn drop_handle(&self) -> bool {
        match &self.owner {
            Owner::Handles(handles) => handles.fetch_sub(1, SeqCst) == 1,
            Owner::Run | Owner::Payload(_) => false,
        }
    }

    /// Whether all handles were dropped.
    pub(in crate::service) fn is_abandoned(&self) -> bool {
        matches!(&self.owner, Owner::Handles(handles) if handles.load(SeqCst) == 0)
    }

    /// Whether it takes more in, and is not empty. Of a group that nobody has a handle of that is so until it is found.
    pub(in crate::service) fn is_in_use(&self) -> bool {
        let part = &self.site.part;
        let is_empty = || self.site.schedulers.iter().all(|one| one.is_drained());
        part.phase() < Phase::Stopping && !is_empty()
    }

    pub(in crate::service) fn add_series(&self, series: Arc<str>) {
        lock(&self.known).series.push(series);
    }

    pub(in crate::service) fn add_unit(&self, unit: Id) {
        lock(&self.known).units.insert(unit.serial);
    }

    pub(in crate::service) fn forget_unit(&self, unit: Id) {
        lock(&self.known).units.remove(&unit.serial);
    }

    /// Takes out the series and the units.
    pub(in crate::service) fn take_known(&self) -> (Vec<Arc<str>>, BTreeSet<u64>) {
        let Known { series, units } = std::mem::take(&mut *lock(&self.known));
        (series, units)
    }

    /// Nothing more is taken in once it is asked to end or over.
    pub(in crate::service) fn show(&self, state: UnitState) {
        if state == UnitState::Stopping {
            self.site.part.advance(Phase::Stopping);
        } else if state.is_over() {
            self.site.part.advance(Phase::Over);
        }
    }

    /// Has every payload hear that it is to end. The phase says so by now.
    pub(in crate::service) fn ask(&self) {
        let part = &self.site.part;
        for scheduler in self.site.schedulers.iter() {
            scheduler.sweep();
        }
        let mut wakers = part.notify_tokens();
        for gate in self.part().gates.iter() {
            wakers.append(gate.notify(self.part().number));
        }
        part.lifetime().wake_aside(wakers);
    }

    /// Has every payload dropped where it awaits.
    pub(in crate::service) fn cancel(&self) {
        self.site.part.end_time();
        self.site.part.advance(Phase::Cancelling);
        for scheduler in self.site.schedulers.iter() {
            scheduler.cancel_all();
        }
    }

    /// Whether nothing is alive any more, once it stops but for threads that cannot be cancelled. If nobody holds up its
    /// stop any more, and `is_held` does not say that others do, the rest is cancelled. Otherwise until when it is not known.
    pub(in crate::service) fn look(&self, is_held: bool) -> Result<bool, Instant> {
        let (part, schedulers) = (&self.site.part, &self.site.schedulers);
        if part.phase() == Phase::Stopping && schedulers.iter().all(|one| one.timely_started()) {
            if let Some(at) = schedulers.iter().filter_map(|one| one.settles_at()).max() {
                return Err(at);
            }
            if !is_held && part.end_time_if_unheld() {
                self.cancel();
            }
        }
        let is_over = |phase| match phase {
            Phase::Cancelling | Phase::Over => schedulers.iter().all(|one| one.is_quiet()),
            _ => schedulers.iter().all(|one| one.is_drained()),
        };
        Ok(is_over(part.phase()))
    }

    /// Its payloads that have started or are about to, and are not over.
    pub(in crate::service) fn alive(&self) -> Vec<Arc<Task>> {
        let schedulers = self.site.schedulers.iter();
        schedulers.flat_map(|scheduler| scheduler.alive()).collect()
    }

    /// How many payloads are alive.
    pub(in crate::service) fn count(&self) -> usize {
        let schedulers = self.site.schedulers.iter();
        schedulers.map(|scheduler| scheduler.unended()).sum()
    }
}
