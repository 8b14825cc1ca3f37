//! How the grace time is shared out among units that stop one after the other.
//!
//! A unit with a stop time of its own has that; where such times on a path exceed what is left, all of them are
//! shortened in proportion. A unit without one has what is left, less the costliest path of those that stop
//! after it: their own times in full and a second for each other one, those seconds at most half of what is left.

use super::*;

/// What is kept for a unit that has no stop time of its own.
const SECOND: Duration = Duration::from_secs(1);

/// What units that stop one after the other need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Path {
    /// Stop times of their own.
    pub(super) own: Duration,
    /// How many have none.
    pub(super) others: u32,
}

impl Path {
    fn cost(self) -> Duration {
        self.own.saturating_add(SECOND.saturating_mul(self.others))
    }

    fn and(self, own: Option<Duration>) -> Self {
        Self {
            own: self.own.saturating_add(own.unwrap_or_default()),
            others: self.others.saturating_add(u32::from(own.is_none())),
        }
    }
}

/// The time that a unit has to end in, of what is `left` of the grace time, if those on `below` stop after it.
pub(super) fn share(own: Option<Duration>, below: Path, left: Duration) -> Duration {
    let seconds = |time: Duration| SECOND.saturating_mul(below.others).min(time / 2);
    let times = below.own.saturating_add(own.unwrap_or_default());
    match own {
        Some(own) if times <= left => own,
        Some(own) => {
            // Those without a time of their own are not to be left with none.
            let left = left.saturating_sub(seconds(left));
            left.mul_f64(own.as_secs_f64() / times.as_secs_f64())
        }
        None => {
            let rest = left.saturating_sub(below.own);
            // Where the others' own times leave nothing, it is one of those with a second.
            let least = SECOND.min(left / 2 / below.others.saturating_add(1));
            rest.saturating_sub(seconds(rest)).max(least)
        }
    }
}

impl<F> Supervision<F> {
    /// When a unit that is asked to end right now has to have ended.
    pub(super) fn stop_due(&self, unit: Id) -> Moment {
        let node = &self.nodes[unit];
        let parent = node.parent.and_then(|parent| self.nodes.get(parent));
        let asked = parent.and_then(|parent| Some((parent, parent.run()?.asked?)));
        self.now.plus(match (asked, &self.stop) {
            (Some((parent, asked)), _) => {
                let below = self.now_below(unit);
                // A run has a second for itself after its children.
                let below = match parent.is_group {
                    true => below,
                    false => below.and(None),
                };
                share(node.stop_share(), below, asked.due.since(self.now))
            }
            (None, Some(stop)) => {
                let left = stop.grace_over_at.since(self.now);
                share(node.stop_share(), self.now_below(unit), left)
            }
            (None, None) => node.policy().stop_time.unwrap_or(self.grace),
        })
    }

    /// Finds out what stops after a unit, and says if that may take too long.
    pub(super) fn share_out(&mut self, unit: Id) {
        let below = self.path_below(unit).own;
        let own = self.node(unit).stop_share().unwrap_or_default();
        let (times, grace) = (below.saturating_add(own), self.grace);
        // Said once on each path, by the first that it is too long for.
        if below <= grace && times > grace {
            self.push(Effect::Tell(unit, Remark::TooLong { times, grace }));
        }
    }

    /// The costliest path of those that stop after a unit, as far as they are still there.
    fn now_below(&self, unit: Id) -> Path {
        let others = self.nodes[unit].after.iter();
        let nodes = others.filter_map(|other| self.nodes.get(*other));
        let nodes = nodes.filter(|node| !node.is_resting());
        let paths = nodes.map(|node| node.below.unwrap_or_default().and(node.stop_share()));
        paths.max_by_key(|path| path.cost()).unwrap_or_default()
    }

    /// Finds out the costliest path of those that stop after a unit, and of all of these.
    fn path_below(&mut self, unit: Id) -> Path {
        if let Some(below) = self.nodes[unit].below {
            return below;
        }
        // Not by recursion, as a chain may be long.
        let mut open = vec![unit];
        while let Some(last) = open.last().copied() {
            let is_unknown = |other: &&Id| {
                let other = self.nodes.get(**other);
                other.is_some_and(|other| other.below.is_none())
            };
            let unknown = self.nodes[last].after.iter().find(is_unknown);
            match unknown {
                Some(first) => open.push(*first),
                None => {
                    self.node(last).below = Some(self.now_below(last));
                    open.pop();
                }
            }
        }
        self.now_below(unit)
    }
}

#[cfg(test)]
mod tests;
