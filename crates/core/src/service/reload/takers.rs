//! What reloads have to know of services: who comes after whom, and who takes part.

use std::collections::{BTreeMap, BTreeSet};

use crate::service::state::UnitState;
use crate::service::supervision::Id;

/// Services of which there is something to know. A service without an order that takes no part has no entry.
#[derive(Debug, Default)]
pub(super) struct Takers(BTreeMap<Id, Taker>);

#[derive(Debug)]
struct Taker {
    /// Those that it comes after, with those that they came after themselves and that are gone.
    after: BTreeSet<Id>,
    before: BTreeSet<Id>,
    /// It is restarted instead of being asked.
    restarts: bool,
    /// Its present run can be asked.
    listens: bool,
    state: UnitState,
}

/// How a service takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Asked,
    Restarted,
}

impl Default for Taker {
    fn default() -> Self {
        Self {
            after: BTreeSet::new(),
            before: BTreeSet::new(),
            restarts: false,
            listens: false,
            state: UnitState::Waiting,
        }
    }
}

impl Taker {
    fn part(&self) -> Option<Part> {
        let is_in_run = matches!(self.state, UnitState::Starting | UnitState::Running);
        match (self.restarts, self.listens) {
            _ if !is_in_run => None,
            (true, _) => Some(Part::Restarted),
            (false, true) => Some(Part::Asked),
            (false, false) => None,
        }
    }

    fn is_plain(&self) -> bool {
        !self.restarts && !self.listens && self.after.is_empty() && self.before.is_empty()
    }
}

impl Takers {
    /// A service came, after these others, none of which is gone.
    pub(super) fn enter(&mut self, unit: Id, after: Vec<Id>, restarts: bool) {
        if after.is_empty() && !restarts {
            return;
        }
        for other in &after {
            self.0.entry(*other).or_default().before.insert(unit);
        }
        let taker = self.0.entry(unit).or_default();
        taker.restarts = restarts;
        taker.after.extend(after);
    }

    /// The present run of a service, which is in this state, can be asked from here on.
    pub(super) fn listen(&mut self, unit: Id, state: UnitState) {
        let taker = self.0.entry(unit).or_default();
        (taker.listens, taker.state) = (true, state);
    }

    pub(super) fn set_state(&mut self, unit: Id, state: UnitState) {
        let Some(taker) = self.0.get_mut(&unit) else {
            return;
        };
        taker.state = state;
        if !matches!(state, UnitState::Running | UnitState::Stopping) {
            // Whatever its run was, it is over.
            taker.listens = false;
            if taker.is_plain() {
                self.0.remove(&unit);
            }
        }
    }

    /// A service never comes back. Those after it come after those before it.
    pub(super) fn forget(&mut self, unit: Id) {
        let Some(taker) = self.0.remove(&unit) else {
            return;
        };
        for other in &taker.after {
            self.relink(*other, unit, |one| (&mut one.before, &taker.before));
        }
        for other in &taker.before {
            self.relink(*other, unit, |one| (&mut one.after, &taker.after));
        }
    }

    /// Has `instead` stand in the links of a service, where a service that is gone stood.
    fn relink<'a>(
        &mut self,
        unit: Id,
        gone: Id,
        links: impl FnOnce(&mut Taker) -> (&mut BTreeSet<Id>, &'a BTreeSet<Id>),
    ) {
        let Some(taker) = self.0.get_mut(&unit) else {
            return;
        };
        let (links, instead) = links(taker);
        links.remove(&gone);
        links.extend(instead);
        if taker.is_plain() {
            self.0.remove(&unit);
        }
    }

    /// How a service would take part right now, if it did.
    pub(super) fn part(&self, unit: Id) -> Option<Part> {
        self.0.get(&unit)?.part()
    }

    /// All that take part right now, in the order in which they came.
    pub(super) fn parts(&self) -> impl Iterator<Item = Id> {
        let parts = self.0.iter().filter(|(_, taker)| taker.part().is_some());
        parts.map(|(unit, _)| *unit)
    }

    /// Those that take part and that a service comes after, also by way of such as do not.
    pub(super) fn awaited(&self, unit: Id) -> BTreeSet<Id> {
        let after = |unit: Id| self.0.get(&unit).map(|taker| &taker.after);
        let mut ways: Vec<Id> = after(unit).into_iter().flatten().copied().collect();
        let (mut seen, mut awaited) = (BTreeSet::new(), BTreeSet::new());
        while let Some(other) = ways.pop() {
            if !seen.insert(other) {
                continue;
            }
            match self.part(other) {
                Some(_) => drop(awaited.insert(other)),
                None => ways.extend(after(other).into_iter().flatten()),
            }
        }
        awaited
    }

    #[cfg(all(test, not(foster_model)))]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
