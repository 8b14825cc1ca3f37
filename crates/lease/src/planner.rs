//! Which shards a replica tries to get and which it gives up: a value without clock, threads and engine.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use crate::shards::Wish;
use crate::tenure::At;

/// How many shards are tried at once, at most.
const AT_ONCE: usize = 64;

/// The plan of one replica, made of what is held by all.
#[derive(Debug)]
pub(crate) struct Planner {
    shards: usize,
    /// The names of the leases: those of members and of shards.
    member: String,
    shard: String,
    period: Duration,
    rng: Rng,
    next_list: At,
    /// The engine was asked, and has not answered.
    asked: Option<At>,
    seen: Option<Seen>,
}

/// What is held by all replicas.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    members: usize,
    shards: BTreeSet<usize>,
}

impl Planner {
    /// A plan for so many shards, whose engine is asked at most that often.
    pub(crate) fn new(name: &str, shards: usize, period: Duration, seed: u64, now: At) -> Self {
        Self {
            shards,
            member: format!("{name}/members/"),
            shard: format!("{name}/shards/"),
            period,
            rng: Rng::with_seed(seed),
            next_list: now,
            asked: None,
            seen: None,
        }
    }

    pub(crate) fn next_due(&self) -> Option<At> {
        match self.asked {
            // An answer that does not come is asked for again.
            Some(asked) => Some(asked + self.period * 5),
            None => Some(self.next_list),
        }
    }

    /// The engine has answered which leases are held, or failed.
    pub(crate) fn listed(&mut self, now: At, names: Option<Vec<String>>) {
        self.asked = None;
        self.next_list = now + self.period.mul_f64(0.9 + 0.2 * self.rng.f64());
        self.seen = names.map(|names| {
            let number = |name: &str| name.strip_prefix(&self.shard)?.parse().ok();
            Seen {
                members: names
                    .iter()
                    .filter(|name| name.starts_with(&self.member))
                    .count(),
                shards: names.iter().filter_map(|name| number(name)).collect(),
            }
        });
    }

    /// What is to be done at `now` by a replica that has `mine`, or tries them, and is giving up those that `leave`.
    pub(crate) fn tick(
        &mut self,
        now: At,
        mine: &BTreeSet<usize>,
        leave: &BTreeSet<usize>,
    ) -> Vec<Wish> {
        let mut wishes = Vec::new();
        if let Some(seen) = self.seen.take() {
            self.share(&seen, mine, leave, &mut wishes);
        }
        let is_due = match self.asked {
            Some(asked) => now >= asked + self.period * 5,
            None => now >= self.next_list,
        };
        if is_due {
            self.asked = Some(now);
            wishes.push(Wish::List);
        }
        wishes
    }

    /// All divided by the replicas, rounded up.
    fn share(
        &mut self,
        seen: &Seen,
        mine: &BTreeSet<usize>,
        leave: &BTreeSet<usize>,
        wishes: &mut Vec<Wish>,
    ) {
        let share = self.shards.div_ceil(seen.members.max(1));
        if mine.len() > share {
            // Some at a time, for others to take them before the next go.
            let at_once = share.div_ceil(4).saturating_sub(leave.len());
            let some = (mine.len() - share).min(at_once);
            let mut mine: Vec<_> = mine.iter().copied().collect();
            self.rng.shuffle(&mut mine);
            wishes.extend(mine.into_iter().take(some).map(Wish::Cede));
            return;
        }
        let is_free = |shard: &usize| {
            !(seen.shards.contains(shard) || mine.contains(shard) || leave.contains(shard))
        };
        let mut free: Vec<_> = (0..self.shards).filter(is_free).collect();
        self.rng.shuffle(&mut free);
        free.truncate((share - mine.len()).min(AT_ONCE));
        wishes.extend(free.into_iter().map(Wish::Try));
    }
}

#[cfg(test)]
mod tests;
