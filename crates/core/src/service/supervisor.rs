//! The shell around [`Supervision`]: it takes events from any thread, applies what can be read at once, and has all
//! else done in order.
//!
//! Whoever brings an event takes the one lock of services, in `bring`. Under it the supervision decides, and what
//! callers can read is written: states, requests, failures. What goes outward (launches, cancels, starts of flavours)
//! is put into a queue, which is worked off by one thread at a time, in `perform`, without the lock: by whoever
//! brought the event, up to a bound, else by the supervisor's own thread. That one brings what falls due, too.
//! Code of the user's (subscribers, wakers, destructors) runs with no lock held, and not on the supervisor's thread.
//!
//! Order of locks: registry, supervisor, then one of a unit's standing, the watchers, the ledger of failures. No event
//! is brought under a lock of a scheduler or a queue.

mod aftermath;
mod bell;
mod closing;
mod outward;
mod words;

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::{Duration, Instant};

use self::aftermath::Aftermath;
use self::bell::Bell;
pub(super) use self::closing::{drop_at_last, drop_value};
use self::outward::Outward;
use super::attempt::Attempt;
use super::supervision::{Blame, Effect, Event, Id, Newcomer, RunId, Supervision};
use super::unit_core::UnitCore;
use super::watch::{UnitChanges, Watchers};
use crate::base::identifier::Identifier;
use crate::base::moment::Moment;
use crate::base::panics::panic_message;
use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use crate::errors::failure::{Cause, Failure, Origin};
use crate::errors::report::{Straggler, StragglerReason};
use crate::errors::serve::Problem;
use crate::lifetime::{Lifetime, Phase};
use crate::service::seams::supervisor;
use crate::task;

/// How long whoever moves a manual clock waits for all that fell due to be done, at most, in real time.
const SETTLED_WITHIN: Duration = Duration::from_secs(1);

/// How many outward effects whoever brings an event performs, at most.
const BOUND: usize = 128;

/// On whose thread something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A thread that runs code of the user's anyway.
    User,
    /// One of Foster's own, which must not wait for such code.
    Foster,
}

/// The services of a runtime that are not over, and the thread that sees to what falls due.
pub(crate) struct Supervisor {
    state: Mutex<State>,
    /// Wakes the supervisor's thread.
    bell: Bell,
    /// Notified when something was done, if somebody waits for all to be.
    settled: Condvar,
    pub(super) watchers: Watchers,
    /// How many services were taken in, and how many are over. They only grow.
    served: AtomicUsize,
    over: AtomicUsize,
}

struct State {
    supervision: Supervision,
    units: HashMap<Id, Arc<UnitCore>>,
    /// The present run of each unit that has one.
    runs: HashMap<Id, Attempt>,
    effects: Vec<Effect<Failure>>,
    outward: VecDeque<Outward>,
    /// Some thread performs what is in `outward`.
    is_performed: bool,
    /// How many wait for all to be settled.
    awaited: usize,
    thread: Option<JoinHandle<()>>,
    /// The grace time goes on until the stop of all services is over.
    holds_grace: bool,
    /// For each flavour the thread that started it last.
    starters: HashMap<usize, JoinHandle<()>>,
    stragglers: Vec<Straggler>,
    /// Who waited in vain when the stop began, in words.
    in_vain: Vec<String>,
    /// Units that are over with a value that could not be dropped on its flavour.
    left: Vec<Arc<UnitCore>>,
    is_closed: bool,
}

/// A service that is handed in, and those that it comes after.
pub(super) struct Entrant {
    pub(super) unit: Arc<UnitCore>,
    pub(super) after: Vec<Arc<UnitCore>>,
    /// Whether its runs are blocking code.
    pub(super) is_blocking: bool,
}

impl Supervisor {
    /// One for a runtime with this grace time.
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                supervision: Supervision::new(grace, fastrand::u64(..)),
                units: HashMap::new(),
                runs: HashMap::new(),
                effects: Vec::new(),
                outward: VecDeque::new(),
                is_performed: false,
                awaited: 0,
                thread: None,
                holds_grace: false,
                starters: HashMap::new(),
                stragglers: Vec::new(),
                in_vain: Vec::new(),
                left: Vec::new(),
                is_closed: false,
            }),
            bell: Bell::default(),
            settled: Condvar::new(),
            watchers: Watchers::default(),
            served: AtomicUsize::new(0),
            over: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many services were taken in.
    pub(crate) fn served(&self) -> usize {
        self.served.load(SeqCst)
    }

    /// How many of them are over. Read before [`served`](Self::served), it is as large only if all were.
    pub(crate) fn over(&self) -> usize {
        self.over.load(SeqCst)
    }

    /// Enters a unit that is about to be handed in, or waits for the start. Counted before it is told of, so that a
    /// runtime that ends when it is idle does not.
    pub(super) fn enrol(&self, unit: &Arc<UnitCore>) {
        self.served.fetch_add(1, SeqCst);
        self.lock().units.insert(unit.id, Arc::clone(unit));
    }

    /// Forgets a unit that is not handed in after all.
    pub(super) fn strike(&self, unit: &UnitCore) {
        // Bound to a name so that it is dropped after the lock.
        let _unit = self.lock().units.remove(&unit.id);
        self.over.fetch_add(1, SeqCst);
    }

    /// Has the supervisor look at the phase. Takes no lock of services.
    pub(crate) fn poke(&self) {
        self.bell.ring();
    }

    /// Has the stop be known at once, where whoever began it may look next.
    pub(crate) fn look(&self, lifetime: &Arc<Lifetime>) {
        if self.lock().thread.is_some() {
            self.bring(lifetime, By::User, Event::Due);
        }
    }

    /// Tells changes from here on.
    pub(super) fn watch(&self, lifetime: &Lifetime, capacity: usize) -> UnitChanges {
        // Under the lock, so that no change is told that could be seen before.
        let _state = self.lock();
        let clock = lifetime.settings.clock.clone();
        let is_over = lifetime.phase() == Phase::Over;
        self.watchers.add(capacity, clock, is_over)
    }

    /// Takes in what has happened, on the thread of `by`.
    pub(crate) fn bring(&self, lifetime: &Arc<Lifetime>, by: By, event: Event<Failure>) {
        self.bring_about(lifetime, by, event, &[]);
    }

    /// As [`bring`](Self::bring), for what is about a unit that may be over by now.
    pub(super) fn bring_of(&self, unit: &Arc<UnitCore>, by: By, event: Event<Failure>) {
        self.bring_about(unit.lifetime(), by, event, std::slice::from_ref(unit));
    }

    fn bring_about(
        &self,
        lifetime: &Arc<Lifetime>,
        by: By,
        event: Event<Failure>,
        about: &[Arc<UnitCore>],
    ) {
        let mut state = self.lock();
        if state.is_closed {
            drop(state);
            return closing::too_late(lifetime, event);
        }
        let aftermath = self.handle(&mut state, lifetime, event, about);
        drop(state);
        aftermath.come(lifetime, by);
        self.perform(lifetime, by);
    }

    /// Takes in services that may start. What comes of it is to be [let come](Aftermath::come) and
    /// [performed](Self::perform) where nothing is locked.
    ///
    /// # Errors
    ///
    /// If the runtime stops, or there is no thread for its supervisor.
    pub(super) fn hand_in(
        &self,
        lifetime: &Arc<Lifetime>,
        entrants: Vec<Entrant>,
    ) -> Result<Aftermath, Problem> {
        let mut state = self.lock();
        if state.is_closed || lifetime.phase() >= Phase::Stopping {
            return Err(Problem::Stopping);
        }
        self.ensure_thread(&mut state, lifetime)?;
        Ok(self.enter(&mut state, lifetime, entrants))
    }

    /// As [`hand_in`](Self::hand_in), for those that waited for the start: if the runtime stops they are over at once.
    ///
    /// # Errors
    ///
    /// If there is no thread for the supervisor. They are not taken in then.
    pub(super) fn launch(
        &self,
        lifetime: &Arc<Lifetime>,
        entrants: Vec<Entrant>,
    ) -> std::io::Result<Aftermath> {
        let mut state = self.lock();
        match self.ensure_thread(&mut state, lifetime) {
            Err(Problem::Thread(error)) => Err(error),
            _ => Ok(self.enter(&mut state, lifetime, entrants)),
        }
    }

    fn enter(
        &self,
        state: &mut State,
        lifetime: &Arc<Lifetime>,
        entrants: Vec<Entrant>,
    ) -> Aftermath {
        let mut about = Vec::new();
        let mut newcomers = Vec::new();
        for entrant in entrants {
            let unit = entrant.unit;
            newcomers.push(Newcomer {
                id: unit.id,
                policy: unit.policy().clone(),
                after: (entrant.after.iter())
                    .map(|other| (other.id, other.was_ready()))
                    .collect(),
                is_blocking: entrant.is_blocking,
                flavour: unit.scheduler().number(),
                is_flavour_up: unit.source().is_flavour_up(unit.scheduler()),
                wish: unit.wish(),
            });
            about.extend(entrant.after);
        }
        self.handle(state, lifetime, Event::HandedIn(newcomers), &about)
    }

    /// Makes sure that the thread is there, and that the runtime's stop waits for its services.
    fn ensure_thread(&self, state: &mut State, lifetime: &Arc<Lifetime>) -> Result<(), Problem> {
        if state.thread.is_some() {
            return Ok(());
        }
        if !lifetime.hold() {
            return Err(Problem::Stopping);
        }
        let on_thread = Arc::clone(lifetime);
        let thread = Builder::new()
            .name("foster supervisor".to_owned())
            .spawn(move || supervise(&on_thread));
        match thread {
            Ok(thread) => {
                state.thread = Some(thread);
                state.holds_grace = true;
                Ok(())
            }
            Err(error) => {
                lifetime.release();
                lifetime.look();
                Err(Problem::Thread(error))
            }
        }
    }

    /// Brings what falls due, until the runtime is over.
    fn bring_what_is_due(&self, lifetime: &Arc<Lifetime>) {
        loop {
            let due = {
                let state = self.lock();
                if state.is_closed {
                    return;
                }
                state.supervision.next_due()
            };
            self.bell.wait(lifetime, due);
            if !self.lock().is_closed {
                self.bring(lifetime, By::Foster, Event::Due);
            }
        }
    }

    /// Has the supervision decide, and applies what can be read at once.
    fn handle(
        &self,
        state: &mut State,
        lifetime: &Arc<Lifetime>,
        event: Event<Failure>,
        about: &[Arc<UnitCore>],
    ) -> Aftermath {
        let now = lifetime.now();
        let mut effects = std::mem::take(&mut state.effects);
        let was_due = state.supervision.next_due();
        if !state.supervision.is_stopping() && lifetime.phase() >= Phase::Stopping {
            // The phase came first, and what is decided now comes after it.
            let grace_over_at = lifetime.moment(lifetime.grace_deadline());
            let stops = Event::Stops(grace_over_at);
            state.supervision.handle(now, stops, &mut effects);
        }
        state.supervision.handle(now, event, &mut effects);
        let mut aftermath = Aftermath::default();
        for effect in effects.drain(..) {
            self.apply(state, lifetime, now, effect, about, &mut aftermath);
        }
        state.effects = effects;
        let due = state.supervision.next_due();
        if due.is_some_and(|due| was_due.is_none_or(|was_due| due < was_due)) {
            self.bell.ring();
        }
        self.tell_if_awaited(state);
        aftermath
    }

    fn tell_if_awaited(&self, state: &State) {
        if state.awaited > 0 {
            self.settled.notify_all();
        }
    }

    fn apply(
        &self,
        state: &mut State,
        lifetime: &Arc<Lifetime>,
        now: Moment,
        effect: Effect<Failure>,
        about: &[Arc<UnitCore>],
        aftermath: &mut Aftermath,
    ) {
        let find = |id: Id| {
            let known = state.units.get(&id);
            known.or_else(|| about.iter().find(|unit| unit.id == id))
        };
        let run = |run: RunId| state.runs.get(&run.unit).filter(|one| one.id() == run);
        match effect {
            Effect::State(id, now_is) => {
                let Some(unit) = find(id) else { return };
                if let Some(change) = unit.set_state(now_is, now) {
                    aftermath.news(self.watchers.publish(&change));
                    aftermath.wake(unit.changed().notify_threads());
                }
            }
            Effect::Starting(run) => {
                let Some(unit) = find(run.unit).map(Arc::clone) else {
                    return;
                };
                unit.set_run(run.number);
                let attempt = Attempt::new(unit, run.number);
                aftermath.drop_run(state.runs.insert(run.unit, attempt));
            }
            Effect::Delayed(id, next) => {
                if let Some(unit) = find(id) {
                    unit.set_next_start(next);
                }
            }
            Effect::Keep(id, cause) => {
                let Some(unit) = find(id) else { return };
                let failure = words::failure(unit, cause, &find);
                aftermath.drop_failure(unit.set_failure(failure.clone()));
                aftermath.line(words::kept(failure));
            }
            Effect::Mention(id, cause) => {
                let Some(unit) = find(id) else { return };
                aftermath.line(words::kept(words::failure(unit, cause, &find)));
            }
            Effect::Task(id, cause, given_up) => {
                let Some(unit) = find(id) else { return };
                let mut failure = words::failure(unit, cause, &find);
                if let Some((starts, window)) = given_up {
                    failure = failure.give_up(starts, window);
                }
                aftermath.drop_failure(unit.set_failure(failure.clone()));
                aftermath.untold(lifetime.record(failure));
            }
            Effect::Request(id) => {
                if let Some(attempt) = state.runs.get(&id) {
                    attempt.request();
                    aftermath.wake(attempt.unit().changed().notify_threads());
                }
            }
            Effect::Blame(id, blame) => {
                let task = state.runs.get(&id).and_then(Attempt::task);
                let Some(task) = task else { return };
                let mut straggler = task.straggler(reason_of(&blame));
                if let Some(story) = words::blame(&blame, &find) {
                    straggler = straggler.with_story(story);
                }
                state.stragglers.push(straggler);
            }
            Effect::InVain(id, other) => {
                let (Some(unit), Some(other)) = (find(id), find(other)) else {
                    return;
                };
                let line = words::in_vain(unit, other);
                aftermath.line(line.0);
                state.in_vain.push(line.1);
            }
            Effect::StopRuntime => aftermath.stop(),
            Effect::StopOver => {
                // Not where no service ever came: then nothing is held.
                if std::mem::take(&mut state.holds_grace) {
                    lifetime.release();
                    lifetime.look();
                }
            }
            Effect::Over(id) => {
                aftermath.drop_run(state.runs.remove(&id));
                aftermath.drop_unit(state.units.remove(&id));
                self.over.fetch_add(1, SeqCst);
                if lifetime.settings.until_idle {
                    lifetime.look();
                }
            }
            Effect::StartFlavour(id) => {
                let unit = find(id).cloned();
                state.outward.extend(unit.map(Outward::StartFlavour));
            }
            Effect::Launch(id) => {
                let run = run(id).cloned();
                state.outward.extend(run.map(Outward::Launch));
            }
            Effect::Wake(id) => {
                let run = run(id).cloned();
                state.outward.extend(run.map(Outward::Wake));
            }
            Effect::Cancel(id) => {
                let run = run(id).cloned();
                state.outward.extend(run.map(Outward::Cancel));
            }
            Effect::Cut(id) => {
                let run = run(id).cloned();
                state.outward.extend(run.map(Outward::Cut));
            }
            Effect::Dispose(id) => {
                let unit = find(id).cloned();
                state.outward.extend(unit.map(Outward::Dispose));
            }
            Effect::Tell(id, line) => {
                if let Some(unit) = find(id) {
                    aftermath.line(words::line(unit, &line));
                }
            }
            Effect::Drop(failure) => aftermath.drop_failure(Some(failure)),
        }
    }

    /// Performs what goes outward, unless somebody does: all of it on a thread of Foster's, else up to a bound.
    pub(super) fn perform(&self, lifetime: &Arc<Lifetime>, by: By) {
        let mut state = self.lock();
        if state.is_performed || state.outward.is_empty() {
            return;
        }
        state.is_performed = true;
        let mut left = BOUND;
        while by == By::Foster || left > 0 {
            let Some(next) = state.outward.pop_front() else {
                break;
            };
            left -= usize::from(by == By::User);
            drop(state);
            self.go_outward(lifetime, next);
            state = self.lock();
        }
        state.is_performed = false;
        if !state.outward.is_empty() {
            self.bell.ring();
        }
        self.tell_if_awaited(&state);
    }

    /// Whether the value of a run that is at its end is kept for another one.
    pub(super) fn keeps_value(&self, run: RunId) -> bool {
        self.lock().supervision.keeps_value(run)
    }

    /// When something falls due by itself.
    pub(crate) fn next_due(&self, lifetime: &Lifetime) -> Option<Instant> {
        let due = self.lock().supervision.next_due()?;
        Some(lifetime.instant(due))
    }

    /// A manual clock was moved: does all that has fallen due, and waits until it is done.
    pub(crate) fn settle(&self, lifetime: &Arc<Lifetime>) {
        let units: Vec<_> = self.lock().units.values().cloned().collect();
        // Whoever waits by this clock looks at it again.
        for unit in units {
            unit.changed().notify();
        }
        self.watchers.wake().wake();
        if self.lock().thread.is_none() {
            return;
        }
        self.bring(lifetime, By::User, Event::Due);
        // A payload of this runtime would wait for itself, if its own flavour is to do something.
        let is_inside = task::current()
            .is_some_and(|task| std::ptr::eq(Arc::as_ptr(task.lifetime()), &**lifetime));
        if is_inside {
            return;
        }
        let by = Instant::now() + SETTLED_WITHIN;
        let mut state = self.lock();
        state.awaited += 1;
        while !state.is_settled(lifetime) {
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .settled
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.awaited -= 1;
    }
}

impl State {
    /// Whether nothing is to be done that has fallen due.
    fn is_settled(&self, lifetime: &Lifetime) -> bool {
        let is_done = self.outward.is_empty() && !self.is_performed;
        self.is_closed || is_done && self.supervision.is_settled(lifetime.now())
    }
}

/// The supervisor's thread. It runs nothing of the user's that could panic; still, services must not go on unwatched.
fn supervise(lifetime: &Arc<Lifetime>) {
    let watch = || supervisor(lifetime).bring_what_is_due(lifetime);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(watch)) {
        let origin = Origin {
            payload: "supervisor".into(),
            named: false,
            service: false,
            flavour: const { Identifier::new("foster") },
            location: Location::caller(),
        };
        let cause = Cause::lost(format!("it panicked: {}", panic_message(panic)));
        lifetime.fail(Failure::new(origin, cause));
    }
}

fn reason_of(blame: &Blame) -> StragglerReason {
    match blame {
        Blame::Overran => StragglerReason::Overran,
        Blame::NotAsked { .. } => StragglerReason::NotAsked,
        Blame::CutShort { .. } => StragglerReason::CutShort,
    }
}
