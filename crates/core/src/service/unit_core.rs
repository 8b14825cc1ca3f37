//! A unit: one service that a runtime has taken.

use std::panic::Location;

use super::PayloadOf;
use super::attendance::Attendance;
use super::course::Course;
use super::hub::{Hub, Told};
use super::names::Name;
use super::settings::Policy;
use super::source::{Launch, Runs, Source};
use super::standing::Past;
use super::state::UnitState;
use crate::event::Event;
use crate::failure::Origin;
use crate::lifetime::Lifetime;
use crate::record::Record;
use crate::slot::Slot;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use crate::sync::{Arc, Mutex, MutexGuard, OnceBox, OnceLock, PoisonError, Weak};

/// What a user wants of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Intent {
    None,
    Restart,
    Stop,
}

/// A unit, whatever its service is.
///
/// Kept small, as a runtime may have many: an allocation of up to 120 bytes, the two counts of its `Arc`
/// included, is much cheaper for common allocators.
pub(crate) struct UnitCore {
    pub(crate) id: usize,
    pub(super) name: Name,
    slot: Arc<Slot>,
    policy: Option<Arc<Policy>>,
    rest: OnceBox<Rest>,
    pub(super) attendance: Attendance,
    /// Those of the first run.
    pub(super) course: Course,
    intent: AtomicU8,
    was_ready: AtomicBool,
    /// Written under the lock of `own`.
    pub(super) state: AtomicU8,
    /// Whether anybody listens to `changed`; written under that lock, too.
    pub(super) listened: AtomicBool,
    own: Mutex<Own>,
    pub(super) changed: Event,
}

pub(super) struct Own {
    /// Since when it is in its state: how old the runtime was.
    pub(super) since: u64,
    /// The payload of the first run, until that is over: the unit may be kept for long after that.
    pub(super) record: Option<Weak<Record>>,
}

/// What most units never have.
#[derive(Default)]
pub(super) struct Rest {
    /// Absent as long as the first run has the only value.
    source: OnceLock<Arc<dyn Launch>>,
    /// The name of one of many, once somebody has asked for it.
    name: OnceLock<Arc<str>>,
    past: OnceLock<Box<Mutex<Past>>>,
}

impl Rest {
    pub(super) fn new(source: Arc<dyn Launch>) -> Self {
        Self {
            source: OnceLock::from(source),
            ..Self::default()
        }
    }

    pub(super) fn past(&self) -> MutexGuard<'_, Past> {
        let past = self.past.get_or_init(Box::default).lock();
        past.unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnitCore {
    pub(super) fn new(
        id: usize,
        name: Name,
        slot: Arc<Slot>,
        attendance: Attendance,
        state: UnitState,
        policy: Option<Arc<Policy>>,
        rest: Option<Rest>,
    ) -> Self {
        let since = age(&slot.lifetime, policy.as_deref(), attendance.is_there());
        Self {
            id,
            name,
            own: Mutex::new(Own {
                since,
                record: None,
            }),
            slot,
            policy,
            rest: rest.map_or_else(OnceBox::new, |rest| OnceBox::with_value(Box::new(rest))),
            attendance,
            course: Course::default(),
            intent: AtomicU8::new(Intent::None as u8),
            was_ready: AtomicBool::new(false),
            state: AtomicU8::new(state as u8),
            listened: AtomicBool::new(false),
            changed: Event::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rest(&self) -> &Rest {
        self.rest.get_or_init(Box::default)
    }

    pub(crate) fn name(&self) -> &str {
        self.shared_name()
    }

    pub(super) fn shared_name(&self) -> &Arc<str> {
        match self.name.whole() {
            Some(name) => name,
            None => self
                .rest()
                .name
                .get_or_init(|| self.name.to_string().into()),
        }
    }

    pub(crate) fn policy(&self) -> &Policy {
        self.policy.as_deref().unwrap_or(Policy::SILENT)
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.name.location()
    }

    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        &self.slot.lifetime
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.slot.lifetime.hub
    }

    /// What has become of its earlier runs, if there is anything to tell.
    pub(super) fn past(&self) -> Option<MutexGuard<'_, Past>> {
        let past = self.rest.get()?.past.get()?.lock();
        Some(past.unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the values for further runs come from, if there may be any.
    pub(crate) fn source(&self) -> Option<&Arc<dyn Launch>> {
        self.rest.get()?.source.get()
    }

    /// The same, for the unit of a service `S`, and made if it is not there.
    pub(super) fn source_of<S>(&self) -> &Source<S>
    where
        S: Runs<PayloadOf<S>> + Send,
    {
        let source = self
            .rest()
            .source
            .get_or_init(|| Arc::new(Source::<S>::new(None, None)));
        let source = source.as_any().downcast_ref();
        source.expect("a unit has values of one type")
    }

    /// The same, if there is a value for another run.
    pub(crate) fn next_source(&self) -> Option<&Arc<dyn Launch>> {
        self.source().filter(|source| source.can_run())
    }

    /// Who it is, in words.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            payload: Arc::clone(self.shared_name()),
            named: true,
            service: true,
            flavour: self.slot.identifier().clone(),
            location: self.location(),
        }
    }

    pub(crate) fn intent(&self) -> Intent {
        match self.intent.load(SeqCst) {
            0 => Intent::None,
            1 => Intent::Restart,
            _ => Intent::Stop,
        }
    }

    /// The restart that was asked for has come, or is no matter.
    pub(crate) fn clear_restart(&self) {
        let _ =
            self.intent
                .compare_exchange(Intent::Restart as u8, Intent::None as u8, SeqCst, SeqCst);
    }

    pub(super) fn ask(self: &Arc<Self>, intent: Intent) {
        if self.state().is_over() {
            return;
        }
        match intent {
            // It waits for its first start.
            Intent::Restart if self.state() == UnitState::Waiting => return,
            Intent::Restart => {
                let asked = self.intent.compare_exchange(
                    Intent::None as u8,
                    Intent::Restart as u8,
                    SeqCst,
                    SeqCst,
                );
                if asked.is_err() {
                    return;
                }
            }
            _ => self.intent.store(intent as u8, SeqCst),
        }
        // Before the supervisor hears of it: who asked must not find it running any more.
        self.change(|state| is_ready(state).then_some(UnitState::Stopping));
        // Refused only when the runtime is over, and the unit with it.
        let _ = self.hub().push(Told::Asked(Arc::clone(self)));
    }

    pub(crate) fn was_ready(&self) -> bool {
        self.was_ready.load(SeqCst) || self.attendance.has_ended_ready()
    }

    pub(crate) fn set_was_ready(&self) {
        self.was_ready.store(true, SeqCst);
    }
}

/// How old the runtime is; to the tick of the system's timer unless `times_matter`, or a time of the unit's is kept
/// by it.
pub(super) fn age(lifetime: &Lifetime, policy: Option<&Policy>, times_matter: bool) -> u64 {
    match times_matter || policy.is_some_and(|policy| policy.start_timeout().is_some()) {
        true => lifetime.age(),
        false => lifetime.rough_age(),
    }
}

pub(super) fn is_ready(state: UnitState) -> bool {
    state == UnitState::Running
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    /// Where it is too large nothing fails, but every service costs a third more.
    #[test]
    fn a_unit_is_small() {
        assert!(
            16 + size_of::<UnitCore>() <= 120,
            "{}",
            size_of::<UnitCore>()
        );
    }
}
