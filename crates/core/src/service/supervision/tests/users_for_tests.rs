//! What users do in the model: hand units in, and want something of them.

use std::collections::HashSet;

use super::chance_for_tests::Chance;
use super::world_for_tests::{Known, Living, World};
use super::*;

impl World {
    /// A user wants a unit to stop, and with it all that are a part of it.
    pub(super) fn stop_with_parts(&mut self, unit: usize) {
        let (mut open, mut seen) = (vec![unit], HashSet::new());
        while let Some(unit) = open.pop() {
            let known = &mut self.units[unit];
            if known.is_forgotten || !seen.insert(unit) {
                continue;
            }
            known.is_unwanted = true;
            let is_part = |other: &usize| self.units[*other].part_of.contains(&unit);
            open.extend((0..self.units.len()).filter(is_part));
        }
    }

    /// What a newcomer is in.
    pub(super) fn parent(&mut self, is_group: bool) -> Option<usize> {
        let is_parent = |other: &usize| {
            let known = &self.units[*other];
            let has_group = || {
                let is_child = |one: &Known| one.parent == Some(*other) && !one.is_over;
                self.units.iter().any(is_child)
            };
            let runs = |alive: &Living| alive.has_begun && !alive.has_answered && !alive.has_ended;
            match known.is_group {
                true => known.state == UnitState::Running,
                // Only its present run makes a group, and one.
                false => {
                    is_group
                        && known.alive.as_ref().is_some_and(runs)
                        && !known.is_asked
                        && !has_group()
                }
            }
        };
        let parents: Vec<_> = (0..self.units.len()).filter(is_parent).collect();
        let index = self.chance.usize(..2 * parents.len() + 1);
        parents.get(index).copied()
    }

    pub(super) fn hand_in(&mut self) {
        let number = 1 + self.chance.usize(..2);
        let mut newcomers = Vec::new();
        let first = self.units.len();
        for _ in 0..number {
            let is_group = self.chance.u8(..4) == 0;
            let parent = self.parent(is_group).filter(|parent| *parent < first);
            let parent_id = parent.map(|parent| self.units[parent].id);
            let may_come = |other: &usize| {
                let known = &self.units[*other];
                // Of two at once, one beside those that it comes after.
                let is_known = newcomers.is_empty() || known.parent == parent;
                *other < first && is_known && self.play.all.can_come_after(parent_id, known.id)
            };
            let after: Vec<_> = (0..self.units.len())
                .filter(|other| may_come(other) && self.chance.u8(..4) == 0)
                .collect();
            let part_of: Vec<_> = (0..first)
                .filter(|whole| {
                    !is_group && !self.units[*whole].is_forgotten && self.chance.u8(..8) == 0
                })
                .collect();
            let time = |chance: &mut Chance| {
                let times = [
                    None,
                    None,
                    Some(SECOND),
                    Some(3 * SECOND),
                    Some(Duration::MAX),
                ];
                times[chance.usize(..times.len())]
            };
            let restart = match self.chance.u8(..4) {
                0 => None,
                1 => Some(Restart::always().delay(SECOND)),
                2 => Some(restart().limit(3, 20 * SECOND)),
                _ => Some(restart().delay(Duration::ZERO)),
            };
            let policy = Policy {
                restart: restart.filter(|_| !is_group).map(Box::new),
                notifies_ready: !is_group && self.chance.u8(..3) == 0,
                return_is_failure: self.chance.u8(..6) == 0,
                may_fail: self.chance.u8(..4) == 0,
                startable: !is_group && self.chance.u8(..4) == 0,
                restart_on_reload: false,
                looks_on: false,
                start_timeout: time(&mut self.chance),
                stop_time: time(&mut self.chance),
            };
            let is_blocking = !is_group && self.chance.u8(..3) == 0;
            let needs: Vec<_> = after
                .iter()
                .copied()
                .filter(|other| !self.units[*other].may_fail || self.flip())
                .collect();
            let link = |other: &usize| Link {
                other: self.units[*other].id,
                was_ready: self.units[*other].was_ready,
                is_needed: needs.contains(other),
            };
            let id = self.free_id();
            newcomers.push(Newcomer {
                id,
                after: after.iter().map(link).collect(),
                part_of: part_of.iter().map(|whole| self.units[*whole].id).collect(),
                is_blocking,
                flavour: DOWN,
                is_flavour_up: self.is_up,
                is_unwanted: false,
                is_group,
                parent: parent_id,
                policy: Some(Box::new(policy.clone())),
            });
            self.units.push(Known {
                id,
                state: UnitState::Waiting,
                was_ready: false,
                after,
                needs,
                may_fail: policy.may_fail,
                startable: policy.startable,
                is_forgotten: false,
                was_resumed: false,
                is_blocking,
                notifies: policy.notifies_ready,
                is_over: false,
                was_over: false,
                alive: None,
                runs: 0,
                is_asked: false,
                is_unwanted: false,
                is_late: false,
                is_given_up: false,
                has_place: true,
                has_kept: false,
                is_group,
                parent,
                part_of,
                has_members: is_group && self.chance.bool(),
            });
        }
        self.tell(Happening::HandedIn(newcomers));
    }

    /// The next unit's. It has the place of one that is over, if there is one.
    pub(super) fn free_id(&self) -> Id {
        let is_free = |place: &u32| {
            let alive = |known: &Known| !known.is_forgotten && known.id.place == *place;
            !self.units.iter().any(alive)
        };
        Id {
            serial: self.units.len() as u64,
            place: (0..).find(is_free).unwrap_or_default(),
        }
    }

    /// Cancels a unit, of which nothing is left to be done then.
    pub(super) fn cancel(&mut self, unit: usize) {
        // With all that is in it.
        let mut all = vec![unit];
        while let Some(one) = all.pop() {
            let is_child = |other: &usize| {
                let known = &self.units[*other];
                known.parent == Some(one) && !known.is_over
            };
            all.extend((0..self.units.len()).filter(is_child));
            let known = &mut self.units[one];
            known.is_unwanted |= !known.is_forgotten;
            let present = self.play.all.nodes.get(known.id).and_then(Node::run);
            let had_its_time = present.is_some_and(|run| run.is_given_up && run.has_begun);
            if let Some(alive) = &mut known.alive {
                alive.is_cancelled |= !had_its_time;
                known.is_given_up |= known.is_blocking && alive.has_begun;
            }
        }
        let id = self.units[unit].id;
        self.tell(Happening::Cancelled(id));
        let is_ending = |node: &Node| {
            let run = node.run();
            run.is_none_or(|run| run.is_ending || run.gone.is_some())
        };
        let is_ending = self.play.all.nodes.get(id).is_none_or(is_ending);
        let known = &self.units[unit];
        let Some(alive) = &known.alive else {
            assert!(
                known.is_over || self.has_children(unit),
                "it has no run to end"
            );
            return;
        };
        let goes_on = known.is_given_up && alive.has_begun;
        let is_left = goes_on || alive.is_dropped || is_ending;
        assert!(is_left, "it is dropped at once, or goes on as a thread");
    }
}
