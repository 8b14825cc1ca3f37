//! Keeps a lease, on a thread for that alone, and begins and ends what it gates.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Waker};
use std::time::Duration;

use foster_core::{
    BoxError, Clock, Group, Run, Service, Settings, Shutdown, Standing, StateFuture, Subroutine,
    Unit,
};
use foster_thread::Thread;
use parking::{Parker, Unparker};

use crate::answer::{Answer, LeaseError};
use crate::fence::Fence;
use crate::lease::{Acquired, Lease, Renewed};
use crate::overrun::Overrun;
use crate::rules::Rules;
use crate::tenure::{At, Call, Effect, News, Tenure};
use crate::term::Term;
use crate::time::Time;

/// How often is looked whether something that was left behind has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Begins the work of a turn in its group. What it returns ends the turn when it is over.
pub(crate) type Begin = dyn Fn(&Group) -> Result<Option<Unit>, BoxError> + Send + Sync;

/// The service that keeps a lease.
pub(crate) struct Keeper {
    pub(crate) clock: Clock,
    pub(crate) lease: Arc<dyn Lease>,
    pub(crate) rules: Rules,
    pub(crate) overrun: Overrun,
    pub(crate) begin: Box<Begin>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("lease", &self.lease)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Service for Keeper {
    type Flavour = Thread;

    fn flavour(&self) -> Thread {
        Thread
    }

    fn settings(&self) -> Settings {
        let name = self.lease.name().to_owned();
        // Kept for the release, as the group has all else: see row G2.
        let ends = self.rules.stop_time + crate::rules::MARGIN;
        Settings::new().name(name).stop_time(ends)
    }

    fn run(&self) -> impl Run<Subroutine> {
        Loop::new(self).run()
    }
}

enum Event {
    Acquired(Call, Result<Acquired, LeaseError>),
    Renewed(Call, Result<Renewed, LeaseError>),
    Released(Call, Result<(), LeaseError>),
    Freed(Result<(), LeaseError>),
}

/// The work of a turn.
struct Turn {
    term: Arc<Term>,
    group: Group,
    stopped: Pin<Box<StateFuture>>,
    /// What ends the turn when it is over.
    whole: Option<Pin<Box<StateFuture>>>,
    is_over: bool,
}

struct Loop<'a> {
    keeper: &'a Keeper,
    time: Time,
    tenure: Tenure,
    parker: Parker,
    waker: Waker,
    unparker: Unparker,
    events: Receiver<Event>,
    sender: Sender<Event>,
    shutdown: Shutdown,
    standing: Standing,
    turn: Option<Turn>,
    is_finished: bool,
}

impl<'a> Loop<'a> {
    fn new(keeper: &'a Keeper) -> Self {
        let (parker, unparker) = parking::pair();
        let (sender, events) = channel();
        Self {
            keeper,
            time: Time::of(&keeper.clock),
            tenure: Tenure::new(keeper.rules, fastrand::u64(..)),
            parker,
            waker: Waker::from(unparker.clone()),
            unparker,
            events,
            sender,
            shutdown: Shutdown::current(),
            standing: Standing::current(),
            turn: None,
            is_finished: false,
        }
    }

    fn run(mut self) -> Result<(), BoxError> {
        self.standing.standby();
        let mut requested = Box::pin(self.shutdown.requested());
        let mut is_requested = false;
        loop {
            let mut effects = Vec::new();
            let now = self.time.now();
            while let Ok(event) = self.events.try_recv() {
                self.take_in(now, event, &mut effects);
            }
            if !is_requested && is_ready(requested.as_mut(), &self.waker) {
                is_requested = true;
                self.tenure.stop(now, &mut effects);
            }
            self.look_at_turn(now, &mut effects);
            self.tenure.tick(now, &mut effects);
            let has_acted = !effects.is_empty();
            for effect in effects {
                self.perform(effect)?;
            }
            if self.is_finished {
                return Ok(());
            }
            if !has_acted {
                self.sleep();
            }
        }
    }

    fn take_in(&mut self, now: At, event: Event, effects: &mut Vec<Effect>) {
        let tenure = &mut self.tenure;
        match event {
            Event::Acquired(call, answer) => tenure.acquired(now, call, &answer, effects),
            Event::Renewed(call, answer) => tenure.renewed(now, call, &answer, effects),
            Event::Released(call, answer) => tenure.released(now, call, &answer, effects),
            Event::Freed(answer) => tenure.freed(now, &answer),
        }
    }

    /// Looks whether the work is over, and whether something of it is left.
    fn look_at_turn(&mut self, now: At, effects: &mut Vec<Effect>) {
        let Some(turn) = &mut self.turn else { return };
        let is_whole_over =
            |whole: &mut Pin<Box<StateFuture>>| is_ready(whole.as_mut(), &self.waker);
        if turn.whole.as_mut().is_some_and(is_whole_over) {
            turn.whole = None;
            turn.group.shutdown();
        }
        if !turn.is_over && !is_ready(turn.stopped.as_mut(), &self.waker) {
            return;
        }
        let is_first = !std::mem::replace(&mut turn.is_over, true);
        let is_left = !turn.term.is_done();
        if !is_left {
            turn.term.close();
            self.turn = None;
            self.standing.standby();
        }
        if is_first || !is_left {
            self.tenure.run_over(now, is_left, effects);
        }
    }

    fn perform(&mut self, effect: Effect) -> Result<(), BoxError> {
        let lease = &self.keeper.lease;
        match effect {
            Effect::Acquire(call) => {
                let answer = self.answer(move |answer| Event::Acquired(call, answer));
                contained(|| lease.acquire(answer));
            }
            Effect::Renew(call, fence) => {
                let answer = self.answer(move |answer| Event::Renewed(call, answer));
                contained(|| lease.renew(fence, answer));
            }
            Effect::Release(call, fence) => {
                let answer = self.answer(move |answer| Event::Released(call, answer));
                contained(|| lease.release(fence, answer));
            }
            Effect::Watch => {
                let answer = self.answer(Event::Freed);
                contained(|| lease.watch(answer));
            }
            Effect::Start { fence, until } => self.start(fence, until)?,
            Effect::Extend { until } | Effect::Shorten { until } => {
                if let Some(turn) = &self.turn {
                    turn.term.set_until(until);
                }
            }
            Effect::Ask => {
                if let Some(turn) = &self.turn {
                    turn.group.shutdown();
                }
            }
            Effect::Cancel => {
                if let Some(turn) = &self.turn {
                    turn.group.shutdown();
                    turn.group.cancel();
                }
            }
            Effect::Tell(news) => self.tell(&news),
            Effect::Finish => self.is_finished = true,
        }
        Ok(())
    }

    /// Begins the work, in a group of its own that carries the fence.
    fn start(&mut self, fence: u64, until: At) -> Result<(), BoxError> {
        let Keeper {
            lease,
            rules,
            overrun,
            begin,
            ..
        } = self.keeper;
        let term = Term::begin(lease.name(), fence, until, &self.time, *overrun)?;
        let group = Group::current()
            .group(fence.to_string())
            .carry(Fence::of(&term))
            .stop_time(rules.stop_time)
            // Its places count what is alive in it and in groups in it.
            .limit(usize::MAX)
            .create();
        let group = group.inspect_err(|_| term.close())?;
        term.works_in(&group);
        let begun = begin(&group);
        self.turn = Some(Turn {
            term,
            stopped: Box::pin(group.stopped()),
            whole: None,
            group,
            is_over: false,
        });
        let whole = begun?;
        if let Some(turn) = &mut self.turn {
            turn.whole = whole.map(|whole| Box::pin(whole.stopped()));
        }
        self.standing.held();
        Ok(())
    }

    fn answer<T: Send + 'static>(
        &self,
        event: impl FnOnce(Result<T, LeaseError>) -> Event + Send + 'static,
    ) -> Answer<T> {
        let (sender, unparker) = (self.sender.clone(), self.unparker.clone());
        Answer::new(move |answer| {
            // Nobody listens once the keeper is over.
            let _ = sender.send(event(answer));
            unparker.unpark();
        })
    }

    fn sleep(&self) {
        let due = self.tenure.next_due();
        let look = self.turn.as_ref().filter(|turn| turn.is_over).map(|_| LOOK);
        match &self.time {
            Time::System => {
                // Nothing falls due after a suspension that has not while nothing is due at all.
                let sleep = due.map(|due| self.time.longest_sleep(due));
                match sleep.into_iter().chain(look).min() {
                    Some(time) => drop(self.parker.park_timeout(time)),
                    None => self.parker.park(),
                }
            }
            Time::Manual { clock, origin } => {
                let mut alarm = due.map(|due| Box::pin(clock.sleep_until(*origin + due)));
                if let Some(alarm) = &mut alarm {
                    if is_ready(alarm.as_mut(), &self.waker) {
                        return;
                    }
                }
                match look {
                    Some(time) => drop(self.parker.park_timeout(time)),
                    None => self.parker.park(),
                }
            }
        }
    }

    fn tell(&self, news: &News) {
        let name = self.keeper.lease.name();
        let (event, warning, text) = match news {
            News::Acquired { fence } => (
                "lease.acquired",
                false,
                format!("the lease `{name}` is held, with fence {fence}"),
            ),
            News::Released { fence } => (
                "lease.released",
                false,
                format!("the lease `{name}` is free again, after fence {fence}"),
            ),
            News::Recovered => (
                "lease.recovered",
                false,
                format!("the engine of the lease `{name}` answers again"),
            ),
            News::Failing { error } => (
                "lease.failing",
                true,
                format!("the engine of the lease `{name}` fails: {error}"),
            ),
            News::RunsOut { fence } => (
                "lease.runs_out",
                true,
                format!(
                    "the lease `{name}` (fence {fence}) was not renewed in time, so its work ends"
                ),
            ),
            News::Lost { fence } => (
                "lease.lost",
                true,
                format!(
                    "the lease `{name}` (fence {fence}) is held no more, so its work is cancelled"
                ),
            ),
            News::Left { fence } => (
                "lease.left",
                true,
                format!(
                    "something of the work of the lease `{name}` (fence {fence}) has not ended, so it is not released"
                ),
            ),
        };
        self.standing.tell(event, warning, text);
    }
}

/// Whether a future is ready; if not, `waker` hears when it is.
fn is_ready<F: Future>(future: Pin<&mut F>, waker: &Waker) -> bool {
    future.poll(&mut Context::from_waker(waker)).is_ready()
}

/// Calls an engine. If that panics, its answer is dropped, which is one.
fn contained(call: impl FnOnce()) {
    let outcome: Result<(), Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(call));
    drop(outcome);
}
