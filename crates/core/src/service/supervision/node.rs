//! What is known of units.

use std::collections::BTreeSet;
use std::ops::Index;

use thin_vec::ThinVec;

use super::*;

pub(super) const PRESENT: &str = "the unit is not over";

/// All units that are not over for good.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// By their places. On pages, as a table of one piece would be moved when it grows.
    pages: Vec<Vec<Option<Node>>>,
    /// In the order in which they came, with some that are over by now.
    pub(super) order: Vec<Id>,
    /// How many of these are.
    gone: usize,
}

/// Its lists take no room where they are empty, as most are.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) id: Id,
    /// `None` if nothing was said.
    policy: Option<Box<Policy>>,
    pub(super) is_blocking: bool,
    pub(super) flavour: usize,
    /// It is a group. Its run is what is alive in it, but for its children here.
    pub(super) is_group: bool,
    /// What it is a part of: for a group it is a run, if that made it.
    pub(super) parent: Option<Id>,
    /// Those that it is the parent of, and that are not over.
    #[expect(
        clippy::box_collection,
        reason = "most units have no children, and all are as large as one that has"
    )]
    children: Option<Box<BTreeSet<Id>>>,
    /// How many of these the stop waits for.
    pub(super) unreleased_children: u32,
    /// It is released as soon as its children are.
    pub(super) wants_release: bool,
    /// Those that it comes after and that were not over when it was handed in.
    pub(super) after: ThinVec<Id>,
    /// Those of these without which it does not start.
    pub(super) needs: ThinVec<Id>,
    /// Those that come after it and that are not over.
    pub(super) behind: ThinVec<Id>,
    /// Those that it is a part of.
    pub(super) part_of: ThinVec<Id>,
    /// Those that are a part of it: they stop and restart with it.
    pub(super) parts: ThinVec<Id>,
    /// Those that have their turn to stop or restart with it when it has ended.
    pub(super) frees: ThinVec<Id>,
    /// How many have to end before it is asked to stop or restart with them, and what is wanted of it then.
    pub(super) held_by: u32,
    pub(super) turn: Option<Wish>,
    /// Its restart waits for those that it comes after to be ready again.
    pub(super) is_in_order: bool,
    /// Those that wait for it to be ready.
    pub(super) waiters: ThinVec<Waiter>,
    /// How many it waits for.
    pub(super) pending: u32,
    /// How many that come after it the stop waits for.
    pub(super) dependents: u32,
    /// The costliest path of those that stop after it, once that is known.
    pub(super) below: Option<Path>,
    pub(super) was_ready: bool,
    /// There is no value for another run.
    pub(super) is_spent: bool,
    /// The stop does not wait for it any more.
    pub(super) is_released: bool,
    /// It has a failure that is none of a run.
    pub(super) has_failed: bool,
    pub(super) wish: Option<Wish>,
    pub(super) doing: Doing,
    /// When it falls due, for what it is doing now.
    pub(super) timer: Option<Timer>,
    /// How many runs there were, the present one included.
    pub(super) runs: u64,
    /// Restarts in a row, for the delay.
    pub(super) row: u32,
    /// When it started, within the window of its limit.
    pub(super) starts: ThinVec<Moment>,
}

/// One that waits for a unit to be ready.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiter {
    pub(super) unit: Id,
    /// It does not start without the other one.
    pub(super) needs_it: bool,
}

#[derive(Debug, Default)]
pub(super) enum Doing {
    #[default]
    Waiting,
    InRun(PresentRun),
    Delayed,
    /// Over, and startable.
    Resting,
}

/// The present run of a unit.
#[derive(Debug, Default)]
pub(super) struct PresentRun {
    pub(super) started: Moment,
    /// When nothing was left of it but its children.
    pub(super) ended: Moment,
    pub(super) handover: Handover,
    pub(super) has_begun: bool,
    /// It counts as ready, and whoever waited for that has been started.
    pub(super) is_ready: bool,
    pub(super) holds_token: bool,
    pub(super) asked: Option<Asked>,
    /// A user has taken the time from it that it had to end.
    pub(super) is_cancelled: bool,
    /// Its code has come to an end; what is left of it is being dropped.
    pub(super) is_ending: bool,
    /// What its code returned, if it has.
    pub(super) exit: Option<Exit>,
    pub(super) failure: Option<Fate>,
    /// Nothing is left of it but its children; and then there is a value for another run, or not.
    pub(super) gone: Option<CanRun>,
    /// A group whose payloads were cancelled, as it was out of time.
    pub(super) is_cut: bool,
    /// A group that is over as soon as it is empty.
    pub(super) is_closing: bool,
    /// It is a thread that nobody waits for any more.
    pub(super) is_left: bool,
    /// It will not end soon, and nothing can be done about it.
    pub(super) is_given_up: bool,
    /// It is named in the report.
    pub(super) is_blamed: bool,
}

/// Whether there is a value for another run.
type CanRun = bool;

/// How far the payload of a run is on its way to its flavour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Handover {
    /// The flavour is being started.
    #[default]
    StandsBy,
    UnderWay,
    /// It is under way, and over already; with a value for another run, or without.
    Over {
        can_run: bool,
    },
    Done,
}

/// When a run was asked to end, and when it has to have ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) at: Moment,
    pub(super) due: Moment,
}

/// What becomes of a run's first failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is kept for a restart. If none follows it is the runtime's, unless the unit was asked to stop.
    Absorbed,
    /// The runtime was told.
    Recorded,
    /// It is the unit's alone, as that was asked to end before, or may fail.
    Own,
}

const PAGE: usize = 16;
/// How many that are over the order may have, however few are not.
const FEW: usize = 64;

/// The page of a unit, and its place on that.
fn place(id: Id) -> (usize, usize) {
    (id.index() / PAGE, id.index() % PAGE)
}

impl Nodes {
    pub(super) fn get(&self, id: Id) -> Option<&Node> {
        let (page, index) = place(id);
        let node = self.pages.get(page)?.get(index)?;
        node.as_ref().filter(|node| node.id == id)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Node> {
        let (page, index) = place(id);
        let node = self.pages.get_mut(page)?.get_mut(index)?;
        node.as_mut().filter(|node| node.id == id)
    }

    /// The unit of a run, if that is the present one.
    pub(super) fn of_run(&mut self, run: RunId) -> Option<&mut Node> {
        let is_present = |node: &&mut Node| node.runs == run.number && node.run().is_some();
        self.get_mut(run.unit).filter(is_present)
    }

    /// A run, if it is the present one of its unit.
    pub(super) fn run(&mut self, run: RunId) -> Option<&mut PresentRun> {
        self.of_run(run)?.run_mut()
    }

    pub(super) fn insert(&mut self, node: Node) {
        let (page, index) = place(node.id);
        while self.pages.len() <= page {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        self.order.push(node.id);
        let page = &mut self.pages[page];
        page.resize_with(page.len().max(index + 1), || None);
        let before = page[index].replace(node);
        debug_assert!(before.is_none(), "a place is one unit's");
    }

    /// Takes out a unit that is there.
    pub(super) fn remove(&mut self, id: Id) -> Node {
        self.gone += 1;
        let (page, index) = place(id);
        self.pages[page][index].take().expect(PRESENT)
    }

    /// Forgets those that are over, if they are many by now.
    pub(super) fn tidy(&mut self) {
        if self.gone > FEW + self.order.len() / 2 {
            self.order = self.in_order();
            self.gone = 0;
        }
    }

    /// All of them, in the order in which they came.
    pub(super) fn in_order(&self) -> Vec<Id> {
        let all = self.order.iter().copied();
        all.filter(|id| self.get(*id).is_some()).collect()
    }
}

/// Of a unit that is not over.
impl Index<Id> for Nodes {
    type Output = Node;

    fn index(&self, id: Id) -> &Node {
        self.get(id).expect(PRESENT)
    }
}

impl Node {
    pub(super) fn new(newcomer: &mut Newcomer) -> Self {
        Self {
            id: newcomer.id,
            policy: newcomer.policy.take(),
            is_blocking: newcomer.is_blocking,
            flavour: newcomer.flavour,
            is_group: newcomer.is_group,
            parent: newcomer.parent,
            // Who comes after a group comes after what is in it, as it ends.
            was_ready: newcomer.is_group,
            wish: newcomer.is_unwanted.then_some(Wish::Stop),
            below: Some(Path::default()),
            ..Self::default()
        }
    }

    pub(super) fn policy(&self) -> &Policy {
        const UNSAID: &Policy = &Policy::unsaid();
        self.policy.as_deref().unwrap_or(UNSAID)
    }

    /// Those that it is the parent of and that are not over, the last that came first.
    pub(super) fn children(&self) -> impl Iterator<Item = Id> + use<'_> {
        self.children
            .iter()
            .flat_map(|children| children.iter().rev().copied())
    }

    pub(super) fn add_child(&mut self, child: Id) {
        self.children.get_or_insert_default().insert(child);
        self.unreleased_children += 1;
    }

    pub(super) fn remove_child(&mut self, child: Id) {
        if let Some(children) = &mut self.children {
            children.remove(&child);
            if children.is_empty() {
                self.children = None;
            }
        }
    }

    /// Whether nothing is left of its run but, maybe, its children.
    pub(super) fn is_gone(&self) -> bool {
        self.run().is_some_and(|run| run.gone.is_some())
    }

    pub(super) fn is_resting(&self) -> bool {
        matches!(self.doing, Doing::Resting)
    }

    /// Whether it will be ready, but is not now.
    pub(super) fn is_on_its_way(&self) -> bool {
        let is_up = |run: &PresentRun| run.is_ready && run.asked.is_none();
        !self.is_resting() && (self.turn.is_some() || !self.run().is_some_and(is_up))
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.doing, Doing::Waiting)
    }

    /// The time of its own that it has to end in while the runtime stops: one for ever is none.
    pub(super) fn stop_share(&self) -> Option<Duration> {
        self.policy().stop_time.filter(|own| *own != Duration::MAX)
    }

    /// Which the present run is.
    pub(super) fn run_id(&self) -> RunId {
        RunId {
            unit: self.id,
            number: self.runs,
        }
    }

    /// The present run.
    pub(super) fn run(&self) -> Option<&PresentRun> {
        match &self.doing {
            Doing::InRun(run) => Some(run),
            _ => None,
        }
    }

    pub(super) fn run_mut(&mut self) -> Option<&mut PresentRun> {
        match &mut self.doing {
            Doing::InRun(run) => Some(run),
            _ => None,
        }
    }

    /// Why the present run must not come to its end by itself, without an error, if so.
    pub(super) fn wrong_end<F>(&self, exit: Option<Exit>) -> Option<Fault<F>> {
        let run = self.run()?;
        if run.asked.is_some() {
            // It was asked to end, and has.
            None
        } else if self.policy().notifies_ready && !run.is_ready {
            Some(Fault::UnreadyAtItsEnd)
        } else {
            (self.policy().return_is_failure && exit.is_none()).then_some(Fault::Returned)
        }
    }

    /// Whether another run follows the present one, which is at its end, if the runtime does not stop.
    /// `may_fail` says that its end may still turn out to be a failure.
    pub(super) fn is_followed(&self, may_fail: bool) -> bool {
        let (Some(run), restart) = (self.run(), self.policy().restart()) else {
            return false;
        };
        match (self.wish, run.failure) {
            (Some(Wish::Stop), _) => false,
            (Some(Wish::Restart), failure) => failure != Some(Fate::Recorded),
            (None, Some(fate)) => fate == Fate::Absorbed,
            // It has returned.
            (None, None) if run.is_ending => run.exit.is_none() && restart.is_on_return(),
            // It panics, or is dropped where it awaits.
            (None, None) => may_fail && restart.is_on_failure(),
        }
    }
}
