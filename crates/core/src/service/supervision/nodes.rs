//! All units that are not over: found by their place, and walked from the last that came to the first.

use std::ops::{Index, IndexMut};

use super::*;

/// How many places there are on a page.
const PAGE: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// By their places. On pages, as a table of one piece would be moved when it grows.
    pages: Vec<Box<[Option<Node>]>>,
    /// The place of the unit that came last.
    last: Option<u32>,
}

impl Nodes {
    pub(super) fn get(&self, id: Id) -> Option<&Node> {
        let (page, index) = split(id.place);
        let node = self.pages.get(page)?[index].as_ref();
        node.filter(|node| node.id == id)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Node> {
        let (page, index) = split(id.place);
        let node = self.pages.get_mut(page)?[index].as_mut();
        node.filter(|node| node.id == id)
    }

    /// The unit that has this place.
    pub(super) fn at(&self, place: u32) -> &Node {
        let (page, index) = split(place);
        self.pages[page][index].as_ref().expect(PRESENT)
    }

    fn at_mut(&mut self, place: u32) -> &mut Node {
        let (page, index) = split(place);
        self.pages[page][index].as_mut().expect(PRESENT)
    }

    /// The run, if it is its unit's present one.
    pub(super) fn run(&mut self, run: RunId) -> Option<&mut Run> {
        let node = self.get_mut(run.unit)?;
        let is_present = node.runs == run.number;
        node.run_mut().filter(|_| is_present)
    }

    /// Enters a unit that comes after all others.
    pub(super) fn insert(&mut self, mut node: Node) {
        let place = node.id.place;
        node.older = self.last.replace(place);
        if let Some(older) = node.older {
            self.at_mut(older).newer = Some(place);
        }
        let (page, index) = split(place);
        while self.pages.len() <= page {
            self.pages.push((0..PAGE).map(|_| None).collect());
        }
        let entry = &mut self.pages[page][index];
        debug_assert!(entry.is_none(), "a place is one unit's");
        *entry = Some(node);
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Node> {
        self.get(id)?;
        let (page, index) = split(id.place);
        let node = self.pages[page][index].take()?;
        if let Some(older) = node.older {
            self.at_mut(older).newer = node.newer;
        }
        match node.newer {
            Some(newer) => self.at_mut(newer).older = node.older,
            None => self.last = node.older,
        }
        Some(node)
    }

    /// The unit that came last.
    pub(super) fn last(&self) -> Option<Id> {
        Some(self.at(self.last?).id)
    }

    /// The unit that came before this one.
    pub(super) fn older(&self, id: Id) -> Option<Id> {
        Some(self.at(self[id].older?).id)
    }

    /// All units, the last that came first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = Id> {
        std::iter::successors(self.last(), |id| self.older(*id))
    }
}

const PRESENT: &str = "the unit is not over";

/// The page of a place, and where on it that is.
fn split(place: u32) -> (usize, usize) {
    let place = place as usize;
    (place / PAGE, place % PAGE)
}

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
