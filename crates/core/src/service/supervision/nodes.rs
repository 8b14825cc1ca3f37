//! All units that are not over.

use std::ops::{Index, IndexMut};

use super::*;

/// By their places.
#[derive(Debug, Default)]
pub(super) struct Nodes(Vec<Option<Node>>);

impl Nodes {
    pub(super) fn get(&self, id: Id) -> Option<&Node> {
        let node = self.0.get(id.index())?.as_ref();
        node.filter(|node| node.id == id)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Node> {
        let node = self.0.get_mut(id.index())?.as_mut();
        node.filter(|node| node.id == id)
    }

    /// The run, if it is its unit's present one.
    pub(super) fn run(&mut self, run: RunId) -> Option<&mut Run> {
        let node = self.get_mut(run.unit)?;
        let is_present = node.runs == run.number;
        node.run_mut().filter(|_| is_present)
    }

    pub(super) fn insert(&mut self, node: Node) {
        let index = node.id.index();
        if self.0.len() <= index {
            self.0.resize_with(index + 1, || None);
        }
        let before = self.0[index].replace(node);
        debug_assert!(before.is_none(), "a place is one unit's");
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Node> {
        let entry = self.0.get_mut(id.index())?;
        entry.take_if(|node| node.id == id)
    }

    /// All of them, in the order in which they came.
    pub(super) fn in_order(&self) -> Vec<Id> {
        let mut all: Vec<_> = self.0.iter().flatten().map(|node| node.id).collect();
        all.sort_unstable();
        all
    }
}

const PRESENT: &str = "the unit is not over";

/// Of a unit that is not over.
impl Index<Id> for Nodes {
    type Output = Node;

    fn index(&self, id: Id) -> &Node {
        self.get(id).expect(PRESENT)
    }
}

impl IndexMut<Id> for Nodes {
    fn index_mut(&mut self, id: Id) -> &mut Node {
        self.get_mut(id).expect(PRESENT)
    }
}
