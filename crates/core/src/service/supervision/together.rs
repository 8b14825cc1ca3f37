//! Several units that stop, restart or start together: in their order, and those that are a part of others with these.

use std::collections::BTreeSet;

use super::*;

impl<F> Supervision<F> {
    /// Somebody wants units to stop or to restart, and with them all that are a part of them. Those that come after others
    /// of them end first, and start again when these are ready.
    pub(super) fn asked_together(&mut self, units: Vec<Id>, wish: Wish) {
        let all = self.with_parts(units);
        // One alone starts again at once.
        let is_in_order = wish == Wish::Restart && all.len() > 1;
        for unit in self.order(all, wish, is_in_order) {
            self.asked(unit, wish);
        }
    }

    /// Puts units that are to stop or to restart in their order; returns those that are first.
    fn order(&mut self, all: BTreeSet<Id>, wish: Wish, is_in_order: bool) -> Vec<Id> {
        let is_ending = |unit: &&Id| self.nodes[**unit].run().is_some();
        let ending: Vec<_> = all.iter().filter(is_ending).copied().collect();
        for unit in ending {
            for other in self.before(unit).intersection(&all) {
                self.node(unit).frees.push(*other);
                self.node(*other).held_by += 1;
            }
        }
        let is_stopping = self.is_stopping();
        let mut first = Vec::new();
        // The last that came is the first to go.
        for unit in all.into_iter().rev() {
            let node = self.node(unit);
            node.is_in_order |= is_in_order;
            if wish == Wish::Stop && !is_stopping && !node.is_resting() {
                // From here on no start follows, and errors are its own.
                node.wish = Some(Wish::Stop);
            }
            match node.held_by {
                0 => first.push(unit),
                _ => node.turn = Some(wish),
            }
        }
        first
    }

    /// The parts of a unit are to stop or to restart, as that has ended.
    pub(super) fn ask_parts(&mut self, unit: Id, wish: Wish) {
        let parts = self.nodes[unit].parts.to_vec();
        if !parts.is_empty() {
            let all = self.with_parts(parts);
            let first = self.order(all, wish, wish == Wish::Restart);
            let turns = first.into_iter().map(|unit| (unit, Some(wish)));
            self.turns.extend(turns);
        }
    }

    /// A unit has ended: those have their turn that stop or restart with it, and that it comes after.
    pub(super) fn free(&mut self, unit: Id) {
        for other in std::mem::take(&mut self.node(unit).frees) {
            let Some(node) = self.nodes.get_mut(other) else {
                continue;
            };
            node.held_by -= 1;
            let turn = node.turn.take_if(|_| node.held_by == 0);
            self.turns.extend(turn.map(|wish| (other, Some(wish))));
        }
    }

    /// A unit is to stop at once: if its turn to restart with others is still to come, it is one to stop.
    pub(super) fn forget_restart(&mut self, unit: Id) {
        if let Some(node) = self.nodes.get_mut(unit) {
            node.turn = node.turn.map(|_| Wish::Stop);
        }
        let turns = self.turns.iter_mut().filter(|(other, _)| *other == unit);
        for (_, wish) in turns {
            *wish = wish.map(|_| Wish::Stop);
        }
    }

    /// These units and all that are a part of them, as far as they are there.
    fn with_parts(&self, units: Vec<Id>) -> BTreeSet<Id> {
        let (mut all, mut open) = (BTreeSet::new(), units);
        while let Some(unit) = open.pop() {
            if let Some(node) = self.nodes.get(unit).filter(|_| all.insert(unit)) {
                open.extend(&node.parts);
            }
        }
        all.retain(|unit| self.nodes.get(*unit).is_some());
        all
    }

    /// All that a unit comes after, directly or not.
    fn before(&self, unit: Id) -> BTreeSet<Id> {
        let (mut all, mut open) = (BTreeSet::new(), self.nodes[unit].after.to_vec());
        while let Some(other) = open.pop() {
            if let Some(node) = self.nodes.get(other).filter(|_| all.insert(other)) {
                open.extend(&node.after);
            }
        }
        all
    }

    /// These units, each behind all of them that it comes after.
    pub(super) fn in_starting_order(&self, units: Vec<Id>) -> Vec<Id> {
        let there = units
            .into_iter()
            .filter(|unit| self.nodes.get(*unit).is_some());
        let mut all: Vec<_> = there.map(|unit| (self.before(unit).len(), unit)).collect();
        // Whoever comes after another one comes after all that this comes after, too.
        all.sort();
        all.into_iter().map(|(_, unit)| unit).collect()
    }
}
