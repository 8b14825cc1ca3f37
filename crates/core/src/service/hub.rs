//! Where the supervisor hears of all that happens to services.

use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::application::Newcomer;
use super::attempt::Attempt;
use super::starts::Starts;
use super::unit_core::UnitCore;
use super::watch::Watchers;
use crate::clock::Clock;
use crate::context;
use crate::error::Reason;
use crate::latch::Latch;
use crate::lifetime::Lifetime;
use crate::report::Straggler;
use crate::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::sync::thread::JoinHandle;
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

/// How long whoever moves a manual clock waits for the supervisor, at most, in real time.
const SETTLED_WITHIN: Duration = Duration::from_secs(1);

/// What the supervisor is told.
pub(crate) enum Told {
    /// Services were handed in before the start; the first of them wait for no other and are held.
    Served(Vec<Arc<UnitCore>>, Vec<Newcomer>),
    /// A service was handed in.
    ServedOne(Newcomer),
    /// A service was handed in, and whoever did it launches its first run, begun at that moment. One of an
    /// unattended service is not told.
    Launched(Arc<UnitCore>, Instant),
    /// A run that is awaited had its first poll, or has its thread.
    Begun(Attempt),
    /// A run to which the supervisor sees says that it is ready.
    Ready(Attempt),
    /// A run is over.
    Ended(Attempt),
    /// Somebody wants a unit to stop or to restart, or waits for the one or the other.
    Asked(Arc<UnitCore>),
    /// The flavour of a unit was started for it, or was not.
    FlavourStarted(Arc<UnitCore>, Result<(), Reason>),
    /// A manual clock was moved; the answer is awaited.
    Moved(Ack),
    /// The grace time is over.
    CutOff,
    /// The runtime is over.
    Close,
}

/// Lets somebody go on when it is dropped, whatever becomes of it.
pub(crate) struct Ack(Arc<Latch>);

impl Drop for Ack {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// The mailbox of the supervisor, and what else all services of a runtime share.
#[derive(Default)]
pub(crate) struct Hub {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    taken: CachePadded<Counts>,
    gone: CachePadded<Counts>,
    pub(crate) watchers: Watchers,
    starts: Mutex<Starts>,
    /// Those that overran their stop time while the runtime stopped.
    overran: Mutex<Vec<Straggler>>,
    /// Threads that start flavours for services, and are about to end.
    starters: Mutex<Vec<Starter>>,
}

/// How many services were taken in, or are over, by whether the supervisor sees to them. They only grow, and
/// are on a cache line of their own: whoever hands services in writes one pair, the flavours' threads the
/// other, and both read what else is here.
#[derive(Default)]
struct Counts {
    attended: AtomicUsize,
    unattended: AtomicUsize,
}

impl Counts {
    fn of(&self, is_attended: bool) -> &AtomicUsize {
        match is_attended {
            true => &self.attended,
            false => &self.unattended,
        }
    }

    fn sum(&self) -> usize {
        self.attended.load(SeqCst) + self.unattended.load(SeqCst)
    }
}

struct Starter {
    thread: JoinHandle<()>,
    /// Gone when the thread has done what it is for.
    at_work: Weak<()>,
}

#[derive(Default)]
struct Inbox {
    told: Vec<Told>,
    /// Something else changed that the supervisor looks at.
    poked: bool,
    asleep: bool,
    /// A supervisor is there to hear it.
    heard: bool,
    closed: bool,
    next_due: Option<Instant>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the supervisor; hands it back if that has ended.
    pub(crate) fn push(&self, told: Told) -> Result<(), Told> {
        let asleep = {
            let mut inbox = self.lock();
            if inbox.closed {
                return Err(told);
            }
            inbox.told.push(told);
            std::mem::replace(&mut inbox.asleep, false)
        };
        if asleep {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Has the supervisor look at the phase, and at what falls due.
    pub(crate) fn poke(&self) {
        let asleep = {
            let mut inbox = self.lock();
            inbox.poked = true;
            std::mem::replace(&mut inbox.asleep, false)
        };
        if asleep {
            self.arrived.notify_one();
        }
    }

    /// Waits until something was told, or `due` on the clock or `real` has come. Swaps what was told into
    /// the empty `batch`; `false` if nothing is told any more.
    pub(crate) fn next(
        &self,
        clock: &Clock,
        due: Option<Instant>,
        real: Option<Instant>,
        batch: &mut Vec<Told>,
    ) -> bool {
        let mut inbox = self.lock();
        inbox.next_due = due;
        loop {
            let is_due = due.is_some_and(|due| clock.now() >= due)
                || real.is_some_and(|real| Instant::now() >= real);
            if inbox.poked || !inbox.told.is_empty() || is_due || inbox.closed {
                inbox.poked = false;
                inbox.asleep = false;
                std::mem::swap(&mut inbox.told, batch);
                return !inbox.closed;
            }
            inbox.asleep = true;
            let limit = due.and_then(|due| clock.sleep_limit(due));
            inbox = match limit.into_iter().chain(real).min() {
                Some(limit) => {
                    let left = limit.saturating_duration_since(Instant::now());
                    self.arrived
                        .wait_timeout(inbox, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .arrived
                    .wait(inbox)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Whether nothing more was told until now.
    pub(crate) fn is_empty(&self) -> bool {
        let inbox = self.lock();
        inbox.told.is_empty() && !inbox.poked
    }

    /// A supervisor is there from now on.
    pub(crate) fn open(&self) {
        self.lock().heard = true;
    }

    /// Nothing is heard any more; what was told and not heard is dropped. Lets a supervisor that is still there
    /// end, as what was dropped may have said so.
    pub(crate) fn close(&self) {
        let left = {
            let mut inbox = self.lock();
            inbox.closed = true;
            inbox.heard = false;
            inbox.next_due = None;
            std::mem::take(&mut inbox.told)
        };
        self.arrived.notify_one();
        drop(left);
    }

    /// When the supervisor will act by itself.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.lock().next_due
    }

    pub(crate) fn set_next_due(&self, due: Option<Instant>) {
        self.lock().next_due = due;
    }

    /// Lets the supervisor do all that has fallen due.
    pub(crate) fn settle(&self, lifetime: &Lifetime) {
        let latch = Arc::new(Latch::default());
        let pushed = {
            let mut inbox = self.lock();
            let heard = inbox.heard;
            if heard {
                inbox.told.push(Told::Moved(Ack(Arc::clone(&latch))));
                inbox.asleep = false;
            }
            heard
        };
        if !pushed {
            return;
        }
        self.arrived.notify_one();
        // A payload of this runtime would wait for itself, if its own flavour is to do something.
        let inside = context::current()
            .is_some_and(|record| std::ptr::eq(Arc::as_ptr(record.lifetime()), lifetime));
        if !inside {
            latch.wait(Instant::now() + SETTLED_WITHIN);
        }
    }

    /// A unit with a start time-out to which nobody sees is about to start.
    pub(super) fn watch_start(&self, unit: &Arc<UnitCore>) {
        let (ready, is_first) = self.starts().enter(unit);
        drop(ready);
        if is_first {
            self.poke();
        }
    }

    /// How old the runtime is when one of them may be late.
    pub(super) fn next_late(&self) -> Option<u64> {
        self.starts().next()
    }

    /// Those that are late when the runtime is so old, and may be others that are not.
    pub(super) fn late(&self, now: u64) -> Vec<Arc<UnitCore>> {
        self.starts().look(now)
    }

    fn starts(&self) -> MutexGuard<'_, Starts> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many services were taken in.
    pub(crate) fn served(&self) -> usize {
        self.taken.sum()
    }

    /// How many of them are over. Read before [`served`](Self::served), it is as large only if all were.
    pub(crate) fn over(&self) -> usize {
        self.gone.sum()
    }

    pub(crate) fn count_taken(&self, is_attended: bool) {
        self.taken.of(is_attended).fetch_add(1, SeqCst);
    }

    pub(crate) fn count_over(&self, is_attended: bool) {
        self.gone.of(is_attended).fetch_add(1, SeqCst);
    }

    /// The supervisor sees to a service from here on.
    pub(crate) fn count_attended(&self) {
        // In this order, so that at no moment too few are alive.
        self.count_taken(true);
        self.count_over(false);
    }

    /// Whether a service is alive to which the supervisor does not see.
    pub(crate) fn has_unattended(&self) -> bool {
        // In this order: what comes meanwhile may be missed, what has gone may not be seen before it came.
        let gone = self.gone.unattended.load(SeqCst);
        gone != self.taken.unattended.load(SeqCst)
    }

    pub(crate) fn add_overran(&self, straggler: Straggler) {
        let mut overran = self.overran.lock().unwrap_or_else(PoisonError::into_inner);
        overran.push(straggler);
    }

    pub(crate) fn take_overran(&self) -> Vec<Straggler> {
        let mut overran = self.overran.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut overran)
    }

    pub(crate) fn add_starter(&self, thread: JoinHandle<()>, at_work: Weak<()>) {
        let mut starters = self.starters.lock().unwrap_or_else(PoisonError::into_inner);
        starters.retain(|starter| starter.at_work.strong_count() > 0);
        starters.push(Starter { thread, at_work });
    }

    pub(crate) fn take_starters(&self) -> Vec<JoinHandle<()>> {
        let mut starters = self.starters.lock().unwrap_or_else(PoisonError::into_inner);
        let starters = std::mem::take(&mut *starters);
        starters.into_iter().map(|starter| starter.thread).collect()
    }
}
