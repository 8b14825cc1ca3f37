//! One lease that a keeper keeps, and what it gates.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use foster_core::{BoxError, Group, StateFuture, Unit};

use crate::answer::{Answer, LeaseError};
use crate::fence::Fence;
use crate::lease::{Acquired, Lease, Renewed};
use crate::office::Office;
use crate::tenure::{At, Call, Effect, News, Tenure};
use crate::term::Term;

/// Begins the work of a turn in its group; of a shard, with its number. What it returns ends the turn when it is over.
pub(crate) type Begin = dyn Fn(&Group, usize) -> Result<Option<Unit>, BoxError> + Send + Sync;

/// An answer of the engine about one lease.
pub(crate) enum Event {
    Acquired(Call, Result<Acquired, LeaseError>),
    Renewed(Call, Result<Renewed, LeaseError>),
    Released(Call, Result<(), LeaseError>),
    Freed(Result<(), LeaseError>),
}

/// What a lease is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The one service or group.
    Only,
    /// One of many.
    Shard(usize),
    /// To be counted by others.
    Member,
}

/// A lease, as its keeper has it.
pub(crate) struct Seat {
    key: u64,
    pub(crate) purpose: Purpose,
    lease: Arc<dyn Lease>,
    tenure: Tenure,
    turn: Option<Turn>,
    /// It is being given up.
    pub(crate) is_leaving: bool,
    /// A turn without work is to end.
    ends_idle: bool,
    pub(crate) is_finished: bool,
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

impl Seat {
    pub(crate) fn new(key: u64, purpose: Purpose, lease: Arc<dyn Lease>, tenure: Tenure) -> Self {
        Self {
            key,
            purpose,
            lease,
            tenure,
            turn: None,
            is_leaving: false,
            ends_idle: false,
            is_finished: false,
        }
    }

    /// Whether there is work of a turn, or something is left of it.
    pub(crate) fn has_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// Whether something was left behind, whose end nobody tells.
    pub(crate) fn waits_for_what_is_left(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.is_over)
    }

    pub(crate) fn next_due(&self) -> Option<At> {
        self.tenure.next_due()
    }

    pub(crate) fn stop(&mut self, now: At, effects: &mut Vec<Effect>) {
        self.is_leaving = true;
        self.tenure.stop(now, effects);
    }

    pub(crate) fn take_in(&mut self, now: At, event: Event, effects: &mut Vec<Effect>) {
        let tenure = &mut self.tenure;
        match event {
            Event::Acquired(call, answer) => tenure.acquired(now, call, &answer, effects),
            Event::Renewed(call, answer) => tenure.renewed(now, call, &answer, effects),
            Event::Released(call, answer) => tenure.released(now, call, &answer, effects),
            Event::Freed(answer) => tenure.freed(now, &answer),
        }
    }

    /// Looks whether the work is over, and whether something of it is left; then at what is due.
    pub(crate) fn look(&mut self, now: At, waker: &Waker, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.ends_idle) {
            self.tenure.run_over(now, false, effects);
        }
        self.look_at_turn(now, waker, effects);
        self.tenure.tick(now, effects);
    }

    fn look_at_turn(&mut self, now: At, waker: &Waker, effects: &mut Vec<Effect>) {
        let Some(turn) = &mut self.turn else { return };
        let is_whole_over = |whole: &mut Pin<Box<StateFuture>>| is_ready(whole.as_mut(), waker);
        if turn.whole.as_mut().is_some_and(is_whole_over) {
            turn.whole = None;
            turn.group.shutdown();
        }
        if !turn.is_over && !is_ready(turn.stopped.as_mut(), waker) {
            return;
        }
        let is_first = !std::mem::replace(&mut turn.is_over, true);
        let is_left = !turn.term.is_done();
        if !is_left {
            turn.term.close();
            self.turn = None;
        }
        if is_first || !is_left {
            self.tenure.run_over(now, is_left, effects);
        }
    }

    pub(crate) fn perform(&mut self, office: &Office<'_>, effect: Effect) -> Result<(), BoxError> {
        let (lease, key) = (&self.lease, self.key);
        match effect {
            Effect::Acquire(call) => {
                let answer = office.answer(key, move |answer| Event::Acquired(call, answer));
                contained(|| lease.acquire(answer));
            }
            Effect::Renew(call, fence) => {
                let answer = office.answer(key, move |answer| Event::Renewed(call, answer));
                contained(|| lease.renew(fence, answer));
            }
            Effect::Release(call, fence) => {
                let answer = office.answer(key, move |answer| Event::Released(call, answer));
                contained(|| lease.release(fence, answer));
            }
            Effect::Watch => {
                let answer = office.answer(key, Event::Freed);
                contained(|| lease.watch(answer));
            }
            Effect::Start { fence, until } => self.start(office, fence, until)?,
            Effect::Extend { until } | Effect::Shorten { until } => {
                if let Some(turn) = &self.turn {
                    turn.term.set_until(until);
                }
            }
            Effect::Ask | Effect::Cancel => match &self.turn {
                None => self.ends_idle = true,
                Some(turn) => {
                    turn.group.shutdown();
                    if effect == Effect::Cancel {
                        turn.group.cancel();
                    }
                }
            },
            Effect::Tell(news) => self.tell(office, &news),
            Effect::Finish => self.is_finished = true,
        }
        Ok(())
    }

    /// Begins the work, in a group of its own that carries the fence.
    fn start(&mut self, office: &Office<'_>, fence: u64, until: At) -> Result<(), BoxError> {
        let (name, number) = match self.purpose {
            Purpose::Member => return Ok(()),
            Purpose::Only => (fence.to_string(), 0),
            Purpose::Shard(shard) => (format!("{shard}-{fence}"), shard),
        };
        let term = Term::begin(
            self.lease.name(),
            fence,
            until,
            &office.time,
            office.overrun,
        )?;
        let group = office
            .home
            .group(name)
            .carry(Fence::of(&term))
            .stop_time(office.rules.stop_time)
            // Its places count what is alive in it and in groups in it.
            .limit(usize::MAX)
            .create();
        let group = group.inspect_err(|_| term.close())?;
        term.works_in(&group);
        let begun = (office.begin)(&group, number);
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
        Ok(())
    }

    fn tell(&self, office: &Office<'_>, news: &News) {
        let name = self.lease.name();
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
        office.standing.tell(event, warning, text);
    }
}

/// Whether a future is ready; if not, `waker` hears when it is.
pub(crate) fn is_ready<F: Future>(future: Pin<&mut F>, waker: &Waker) -> bool {
    future.poll(&mut Context::from_waker(waker)).is_ready()
}

/// Calls an engine. If that panics, its answer is dropped, which is one.
pub(crate) fn contained(call: impl FnOnce()) {
    let outcome: Result<(), Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(call));
    drop(outcome);
}

/// Takes an answer to where its keeper finds it.
impl Office<'_> {
    pub(crate) fn answer<T: Send + 'static>(
        &self,
        key: u64,
        event: impl FnOnce(Result<T, LeaseError>) -> Event + Send + 'static,
    ) -> Answer<T> {
        let post = self.post.clone();
        Answer::new(move |answer| post.send(key, event(answer)))
    }
}
