//! All units that are not over: found by their place, and walked from the last that came to the first.

use std::ops::{Index, IndexMut};

use super::*;

#[derive(Debug, Default)]
pub(super) struct Nodes {
    places: Vec<Option<Entry>>,
    last: Option<u32>,
}

#[derive(Debug)]
struct Entry {
    node: Node,
    id: Id,
    /// The unit that came before this one, and the one that came after it.
    older: Option<u32>,
    newer: Option<u32>,
}

impl Nodes {
    fn entry(&self, id: Id) -> Option<&Entry> {
        let entry = self.at(id.place)?;
        (entry.id == id).then_some(entry)
    }

    fn at(&self, place: u32) -> Option<&Entry> {
        self.places.get(place as usize)?.as_ref()
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut Entry> {
        self.places.get_mut(place as usize)?.as_mut()
    }

    pub(super) fn get(&self, id: Id) -> Option<&Node> {
        Some(&self.entry(id)?.node)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Node> {
        let entry = self.at_mut(id.place)?;
        (entry.id == id).then_some(&mut entry.node)
    }

    pub(super) fn contains(&self, id: Id) -> bool {
        self.entry(id).is_some()
    }

    /// The run, if it is its unit's present one.
    pub(super) fn run(&mut self, run: RunId) -> Option<&mut Run> {
        let node = self.get_mut(run.unit)?;
        let is_present = node.runs == run.number;
        node.run_mut().filter(|_| is_present)
    }

    /// Enters a unit that comes after all others.
    pub(super) fn insert(&mut self, id: Id, node: Node) {
        let place = id.index();
        if self.places.len() <= place {
            self.places.resize_with(place + 1, || None);
        }
        debug_assert!(self.places[place].is_none(), "a place is one unit's");
        let older = self.last.replace(id.place);
        if let Some(older) = older.and_then(|older| self.at_mut(older)) {
            older.newer = Some(id.place);
        }
        self.places[place] = Some(Entry {
            node,
            id,
            older,
            newer: None,
        });
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Node> {
        self.entry(id)?;
        let entry = self.places[id.index()].take()?;
        if let Some(older) = entry.older.and_then(|older| self.at_mut(older)) {
            older.newer = entry.newer;
        }
        match entry.newer.and_then(|newer| self.at_mut(newer)) {
            Some(newer) => newer.older = entry.older,
            None => self.last = entry.older,
        }
        Some(entry.node)
    }

    /// The unit that came last.
    pub(super) fn last(&self) -> Option<Id> {
        Some(self.at(self.last?)?.id)
    }

    /// The unit that came before this one.
    pub(super) fn older(&self, id: Id) -> Option<Id> {
        Some(self.at(self.entry(id)?.older?)?.id)
    }

    /// All units, the last that came first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = Id> {
        std::iter::successors(self.last(), |id| self.older(*id))
    }
}

/// Of a unit that is not over.
impl Index<Id> for Nodes {
    type Output = Node;

    fn index(&self, id: Id) -> &Node {
        self.get(id).expect("the unit is not over")
    }
}

impl IndexMut<Id> for Nodes {
    fn index_mut(&mut self, id: Id) -> &mut Node {
        self.get_mut(id).expect("the unit is not over")
    }
}
