//! All units that are not over: found by their place, and walked from the last that came to the first.

use std::ops::{Index, IndexMut};

use super::*;

#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Boxed, as the table grows by being moved.
    places: Vec<Option<Box<Node>>>,
    /// The unit that came last.
    pub(super) last: Option<Id>,
}

impl Nodes {
    pub(super) fn get(&self, id: Id) -> Option<&Node> {
        let node = self.places.get(id.index())?.as_deref();
        node.filter(|node| node.id == id)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Node> {
        let node = self.places.get_mut(id.index())?.as_deref_mut();
        node.filter(|node| node.id == id)
    }

    /// The run, if it is its unit's present one.
    pub(super) fn run(&mut self, run: RunId) -> Option<&mut Run> {
        let node = self.get_mut(run.unit)?;
        let is_present = node.runs == run.number;
        node.run_mut().filter(|_| is_present)
    }

    /// Enters a unit that comes after all others.
    pub(super) fn insert(&mut self, mut node: Box<Node>) {
        let id = node.id;
        node.older = self.last.replace(id);
        if let Some(older) = node.older {
            self[older].newer = Some(id);
        }
        if self.places.len() <= id.index() {
            self.places.resize_with(id.index() + 1, || None);
        }
        let before = self.places[id.index()].replace(node);
        debug_assert!(before.is_none(), "a place is one unit's");
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Box<Node>> {
        self.get(id)?;
        let node = self.places[id.index()].take()?;
        if let Some(older) = node.older {
            self[older].newer = node.newer;
        }
        match node.newer {
            Some(newer) => self[newer].older = node.older,
            None => self.last = node.older,
        }
        Some(node)
    }

    /// All units, the last that came first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = Id> {
        std::iter::successors(self.last, |id| self[*id].older)
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
