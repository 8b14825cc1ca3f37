//! A lease in memory, sound or with one fault.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::answer::{Answer, LeaseError};
use crate::lease::{Acquired, Lease, Renewed};

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    ManyHolders,
    NamesakesShare,
    LooksThenTakes,
    NamesTheAsker,
    FenceStays,
    FenceFallsAfterTheEnd,
    NeverRunsOut,
    RunsOutEarly,
    RenewalAddsNothing,
    AnyFenceRenews,
    NothingRenews,
    RenewsWhatIsReleased,
    RenewalTakesBack,
    AnyFenceReleases,
    StaleReleaseIsAnError,
    ReleaseDoesNothing,
    WatchIsSilent,
    WatchHearsNoRelease,
    WatchHearsNoEnd,
    OneWatchAlone,
    MembersAreNeighboursToo,
    MembersInAnyCase,
    MembersOfAPattern,
    MembersAreAlsoFree,
    WatchBlocks,
    WatchLocks,
    AnswersAreDropped,
    Panics,
}

#[derive(Debug, Default)]
struct Row {
    holder: String,
    fence: u64,
    until: Option<Instant>,
    /// Its holder has released it, and nobody has acquired it since.
    released: bool,
    watched: bool,
}

impl Row {
    fn is_held(&self) -> bool {
        !self.released && self.until.is_some_and(|until| until > Instant::now())
    }
}

#[derive(Debug, Clone)]
pub(super) struct Memory {
    fault: Option<Fault>,
    rows: Arc<Mutex<BTreeMap<String, Row>>>,
    changed: Arc<Condvar>,
}

impl Memory {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Self {
            fault,
            rows: Arc::default(),
            changed: Arc::default(),
        }
    }

    pub(super) fn lease(&self, name: &str, holder: &str, length: Duration) -> MemoryLease {
        MemoryLease {
            engine: self.clone(),
            name: name.to_owned(),
            holder: holder.to_owned(),
            length,
        }
    }
}

pub(super) struct MemoryLease {
    engine: Memory,
    name: String,
    holder: String,
    length: Duration,
}

impl fmt::Debug for MemoryLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.holder)
    }
}

impl MemoryLease {
    fn has(&self, fault: Fault) -> bool {
        self.engine.fault == Some(fault)
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        // Other tests go on after one that panics on purpose.
        self.engine
            .rows
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn until(&self) -> Option<Instant> {
        let length = match self.engine.fault {
            Some(Fault::NeverRunsOut) => Duration::from_secs(3_600),
            Some(Fault::RunsOutEarly) => self.length / 3,
            _ => self.length,
        };
        Some(Instant::now() + length)
    }

    fn take(&self) -> Acquired {
        let mut rows = self.rows();
        let row = rows.entry(self.name.clone()).or_default();
        let shared = self.has(Fault::ManyHolders)
            || (self.has(Fault::NamesakesShare) && row.holder == self.holder);
        let looked = self.has(Fault::LooksThenTakes);
        if row.is_held() && !shared && !looked {
            let by = match self.has(Fault::NamesTheAsker) {
                true => self.holder.clone(),
                false => row.holder.clone(),
            };
            return Acquired::taken(Some(by));
        }
        let ran_out = row.until.is_some() && !row.released;
        row.fence = match self.engine.fault {
            Some(Fault::FenceStays) => 1,
            Some(Fault::FenceFallsAfterTheEnd) if ran_out => 1,
            _ => row.fence + 1,
        };
        row.holder.clone_from(&self.holder);
        row.until = self.until();
        row.released = false;
        Acquired::held(row.fence)
    }

    /// Waits until it is free.
    fn wait_until_free(&self) {
        let mut rows = self.rows();
        if let Some(row) = rows.get_mut(&self.name) {
            let second = mem::replace(&mut row.watched, true);
            if self.has(Fault::OneWatchAlone) && second {
                drop(rows);
                thread::sleep(Duration::from_secs(2));
                return;
            }
        }
        loop {
            let left = match rows.get(&self.name) {
                Some(row) if row.is_held() => row.until.map(|until| until - Instant::now()),
                _ => None,
            };
            let Some(left) = left else { break };
            if self.has(Fault::WatchLocks) {
                thread::sleep(Duration::from_secs(2));
                break;
            }
            let before = Instant::now();
            let changed = self.engine.changed.wait_timeout(rows, left);
            rows = changed.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
            if self.has(Fault::WatchHearsNoEnd) && before.elapsed() >= left {
                drop(rows);
                thread::sleep(Duration::from_secs(2));
                return;
            }
        }
    }

    fn is_below(&self, name: &str) -> bool {
        let base = format!("{}/", self.name);
        match self.engine.fault {
            Some(Fault::MembersAreNeighboursToo) => {
                name.starts_with(&self.name) && name != self.name
            }
            Some(Fault::MembersInAnyCase) => name.to_lowercase().starts_with(&base.to_lowercase()),
            // As `LIKE` has it, of which `_` will do.
            Some(Fault::MembersOfAPattern) => {
                let fits = |(given, wanted): (char, char)| wanted == '_' || given == wanted;
                name.chars().count() > base.chars().count()
                    && name.chars().zip(base.chars()).all(fits)
            }
            _ => name.starts_with(&base),
        }
    }
}

impl Lease for MemoryLease {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> Duration {
        self.length
    }

    fn acquire(&self, answer: Answer<Acquired>) {
        if self.has(Fault::AnswersAreDropped) {
            return;
        }
        if self.has(Fault::LooksThenTakes) {
            let held = self.rows().get(&self.name).is_some_and(|row| row.is_held());
            if held {
                return answer.send(Ok(Acquired::taken(None)));
            }
            thread::sleep(Duration::from_millis(20));
        }
        answer.send(Ok(self.take()));
    }

    fn renew(&self, fence: u64, answer: Answer<Renewed>) {
        let mut rows = self.rows();
        let row = rows.entry(self.name.clone()).or_default();
        let present =
            row.fence == fence && (!row.released || self.has(Fault::RenewsWhatIsReleased));
        let any = self.has(Fault::AnyFenceRenews) && row.is_held();
        // Whoever has held it once has it again.
        let back = self.has(Fault::RenewalTakesBack) && fence != 0 && fence < row.fence;
        let kept =
            (present || any || back) && !self.has(Fault::NothingRenews) && row.until.is_some();
        if kept && !self.has(Fault::RenewalAddsNothing) {
            row.until = self.until();
            row.released = false;
        }
        drop(rows);
        answer.send(Ok(match kept {
            true => Renewed::Kept,
            false => Renewed::Lost,
        }));
    }

    fn release(&self, fence: u64, answer: Answer<()>) {
        let mut rows = self.rows();
        let row = rows.entry(self.name.clone()).or_default();
        let present = row.fence == fence;
        if (present || self.has(Fault::AnyFenceReleases)) && !self.has(Fault::ReleaseDoesNothing) {
            row.released = true;
        }
        drop(rows);
        if !self.has(Fault::WatchHearsNoRelease) {
            self.engine.changed.notify_all();
        }
        answer.send(match present || !self.has(Fault::StaleReleaseIsAnError) {
            true => Ok(()),
            false => Err(LeaseError::new("that is another fence")),
        });
    }

    fn watch(&self, answer: Answer<()>) {
        match self.engine.fault {
            Some(Fault::WatchIsSilent) => mem::forget(answer),
            Some(Fault::WatchBlocks) => {
                self.wait_until_free();
                answer.send(Ok(()));
            }
            Some(Fault::Panics) => panic!("on purpose"),
            _ => {
                let Self {
                    engine,
                    name,
                    holder,
                    length,
                    ..
                } = self;
                let lease = engine.lease(name, holder, *length);
                thread::spawn(move || {
                    lease.wait_until_free();
                    answer.send(Ok(()));
                });
            }
        }
    }

    fn members(&self, answer: Answer<Vec<String>>) {
        let rows = self.rows();
        let all = rows.iter().filter(|(name, _)| self.is_below(name));
        let held = all.filter(|(_, row)| row.is_held() || self.has(Fault::MembersAreAlsoFree));
        let names = held.map(|(name, _)| name.clone()).collect();
        drop(rows);
        answer.send(Ok(names));
    }
}
