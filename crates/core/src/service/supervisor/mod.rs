//! The supervisor: the one thread that starts services in their order, starts them again, and stops them.
//!
//! It runs no code of the user's that may block. Runs begin and end on their flavours; a flavour that has
//! to be started first is started on a thread of its own, so that it holds up no other unit. Most services it
//! never hears of: see `attendance`.
//!
//! ```text
//!            `start`                    Told::Begun
//!   Waiting ─────────► Alive (launched) ───────────► Alive (begun) ──► `stop_run`: its turn to end
//!      ▲                 │                              │
//!      └── Delayed ◄─────┴───── Told::Ended: `decide` ──┘──► `over`
//! ```

mod ending;
mod flavours;
mod starting;
mod stopping;
mod timing;
mod unattended;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use self::flavours::FlavourStart;
use self::stopping::state_left;
use self::unattended::Turn;

use crate::clock::Clock;
use crate::error::Reason;
use crate::failure::{Cause, Failure, FailureKind, Origin, panic_message};
use crate::identifier::Identifier;
use crate::lifetime::{Lifetime, Phase};
use crate::report::{Straggler, StragglerReason};
use crate::service::application::Newcomer;
use crate::service::attempt::Attempt;
use crate::service::hub::{Ack, Hub, Told};
use crate::service::registry::{Registry, drop_value};
use crate::service::state::UnitState;
use crate::service::unit_core::{Intent, UnitCore};
use crate::slot::{SETTLING, Slot};
use crate::sync::Arc;
use crate::sync::thread;
use crate::telling::Line;

/// A unit's number.
type Id = usize;

pub(crate) struct Supervisor {
    lifetime: Arc<Lifetime>,
    registry: Arc<Registry>,
    clock: Clock,
    /// Boxed, as a map that grows moves what is in it.
    entries: FxHashMap<Id, Box<Entry>>,
    timers: BinaryHeap<Reverse<Timer>>,
    timers_made: u64,
    /// Blocking runs that were asked to end in their first moments, and until when, in real time, they
    /// may still be about to take a token.
    settling: Vec<(Id, Instant)>,
    flavours: Vec<FlavourStart>,
    /// Runs of which it is not known that they have begun.
    unbegun: usize,
    /// Units that the stop waits for, beside those that are unattended.
    unreleased: usize,
    /// Units whose turn to be asked has come.
    turns: Vec<Turn>,
    /// Units that are over with a value that could not be dropped on its flavour.
    left: Vec<Arc<UnitCore>>,
    acks: Vec<Ack>,
    stopping: bool,
    stop_over: bool,
    /// When the first of those that are unattended may have overrun its stop time.
    stop_due: Option<Instant>,
}

/// What the supervisor keeps of a unit until it is over.
struct Entry {
    unit: Arc<UnitCore>,
    after: Vec<Id>,
    /// Those that wait for this unit to be ready.
    waiters: Vec<Id>,
    /// How many this unit waits for.
    pending: usize,
    /// How many that come after it are not over.
    dependents: usize,
    /// The stop does not wait for it any more.
    released: bool,
    stage: Stage,
    runs: u64,
    /// Restarts in a row, for the delay.
    row: u32,
    /// When it started, within the window of its limit.
    starts: VecDeque<Instant>,
}

enum Stage {
    Waiting,
    Alive(Alive),
    Delayed,
}

struct Alive {
    attempt: Attempt,
    started: Instant,
    launched: bool,
    begun: bool,
    ready: bool,
    /// It is to be asked to end as soon as it has begun.
    stop_due: bool,
    /// When the stop asked it, if that was before the supervisor saw to it.
    asked: Option<Instant>,
    /// It was cancelled, or cannot be.
    given_up: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Timer {
    at: Instant,
    /// Those of one moment fall due in the order in which they were made.
    number: u64,
    unit: Id,
    run: u64,
    due: Due,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// It has waited for others as long as it may.
    Wait,
    /// It should be ready.
    Start,
    /// Its delay is over.
    Restart,
    /// It should have ended.
    Stop,
}

impl Supervisor {
    pub(crate) fn new(lifetime: Arc<Lifetime>, registry: Arc<Registry>) -> Self {
        Self {
            clock: lifetime.settings.clock.clone(),
            lifetime,
            registry,
            entries: FxHashMap::default(),
            timers: BinaryHeap::new(),
            timers_made: 0,
            settling: Vec::new(),
            flavours: Vec::new(),
            unbegun: 0,
            unreleased: 0,
            turns: Vec::new(),
            left: Vec::new(),
            acks: Vec::new(),
            stopping: false,
            stop_over: false,
            stop_due: None,
        }
    }

    fn hub(&self) -> &Hub {
        &self.lifetime.hub
    }

    /// The thread's life.
    pub(crate) fn run(self) {
        let lifetime = Arc::clone(&self.lifetime);
        // It has no code of the user's to fear but subscribers; still, services must not go on unwatched.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.supervise())) {
            let origin = Origin {
                payload: "supervisor".into(),
                named: false,
                service: false,
                flavour: const { Identifier::new("foster") },
                location: Location::caller(),
            };
            let cause = Cause::lost(format!("it panicked: {}", panic_message(panic)));
            lifetime.fail(Failure::new(origin, cause));
            lifetime.hub.close();
            lifetime.end_grace();
            lifetime.cut_short();
        }
    }

    fn supervise(mut self) {
        let mut batch = Vec::new();
        let mut closing = false;
        while !closing {
            let due = self.next_due();
            let real = self.settling.iter().map(|(_, until)| *until).min();
            let hub = &self.lifetime.hub;
            closing = !hub.next(&self.clock, due, real, &mut batch);
            for told in batch.drain(..) {
                closing |= matches!(told, Told::Close);
                self.take(told);
            }
            self.look_at_phase();
            self.take_due();
            self.take_settled();
            self.take_turns();
            self.end_stop_if_over();
            self.acknowledge();
        }
        self.close();
    }

    fn take(&mut self, told: Told) {
        match told {
            Told::Served(held, newcomers) => {
                self.serve_held(held);
                self.serve(newcomers);
            }
            Told::ServedOne(newcomer) => self.serve(vec![newcomer]),
            Told::Launched(unit, at) => self.enter_launched(unit, at),
            Told::Begun(attempt) => {
                if let Some(id) = self.current(&attempt) {
                    self.begun(id);
                }
            }
            Told::Ready(attempt) => {
                if let Some(id) = self.current(&attempt) {
                    self.ready(id);
                }
            }
            Told::Ended(attempt) => {
                self.attend(attempt.unit());
                if let Some(id) = self.current(&attempt) {
                    self.ended(id);
                }
            }
            Told::Asked(unit) => {
                self.attend(&unit);
                self.asked(&unit);
            }
            Told::FlavourStarted(unit, result) => self.flavour_started(unit.id, result),
            Told::Moved(ack) => {
                self.wake_waiters();
                self.await_all();
                self.acks.push(ack);
            }
            Told::CutOff => self.cut_off(),
            Told::Close => {}
        }
    }

    /// The unit whose present run this is.
    fn current(&self, attempt: &Attempt) -> Option<Id> {
        let id = attempt.unit().id;
        match &self.entries.get(&id)?.stage {
            Stage::Alive(alive) if alive.attempt.is(attempt) => Some(id),
            _ => None,
        }
    }

    fn alive(&mut self, id: Id) -> Option<&mut Alive> {
        match &mut self.entries.get_mut(&id)?.stage {
            Stage::Alive(alive) => Some(alive),
            _ => None,
        }
    }

    fn set_timer(&mut self, unit: Id, run: u64, since: Instant, time: Duration, due: Due) {
        let at = since.checked_add(time);
        self.set_timer_at(unit, run, at.unwrap_or_else(|| self.clock.after(time)), due);
    }

    fn set_timer_at(&mut self, unit: Id, run: u64, at: Instant, due: Due) {
        self.timers_made += 1;
        self.timers.push(Reverse(Timer {
            at,
            number: self.timers_made,
            unit,
            run,
            due,
        }));
    }
}

/// Says of a unit what is no failure, but should be known.
fn tell(what: &str, unit: &UnitCore) {
    unit.lifetime().tell_line(Line::about(unit.origin(), what));
}
