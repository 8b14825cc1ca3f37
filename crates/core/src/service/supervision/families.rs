//! Parents and children: what is in a group, and the group that a run has made.
//!
//! A run is over when its children are. Whoever fails or is asked to end asks its children at once, too. A failure that is
//! not absorbed by the policy of its own unit goes up to the first one that absorbs it, which ends for it with all that is
//! in it; if there is none, the runtime stops.

use std::collections::HashSet;

use super::*;

impl<F> Supervision<F> {
    /// A group begins: it is ready, as it waits for nobody.
    pub(super) fn open(&mut self, group: Id) {
        let now = self.now;
        let node = self.node(group);
        node.runs = 1;
        node.doing = Doing::InRun(PresentRun {
            started: now,
            handover: Handover::Done,
            has_begun: true,
            is_ready: true,
            // Some of its payloads may; those that do not are ended as they would be elsewhere.
            holds_token: true,
            ..PresentRun::default()
        });
        self.push(Effect::State(group, UnitState::Running));
    }

    /// Whether a newcomer's parent is over, or about to be.
    pub(super) fn is_orphan(&self, unit: Id) -> bool {
        let parent = self.nodes[unit].parent;
        parent.is_some_and(|parent| {
            let run = self.nodes.get(parent).and_then(Node::run);
            run.is_none_or(|run| run.asked.is_some())
        })
    }

    pub(super) fn children_of(&self, unit: Id) -> Vec<Id> {
        let node = self.nodes.get(unit);
        node.into_iter().flat_map(Node::children).collect()
    }

    /// Nobody hands anything into a group from outside any more.
    pub(super) fn closed(&mut self, group: Id) {
        let run = self.nodes.get_mut(group).filter(|node| node.is_group);
        let Some(run) = run.and_then(Node::run_mut) else {
            return;
        };
        let is_news = !std::mem::replace(&mut run.is_closing, true);
        if is_news && run.asked.is_none() {
            self.watch_if_childless(group);
        }
    }

    /// Somebody hands into a group from outside again.
    pub(super) fn reopened(&mut self, group: Id) {
        if let Some(run) = self.nodes.get_mut(group).and_then(Node::run_mut) {
            run.is_closing = false;
        }
    }

    /// Whether something in a group is not over, beside its payloads.
    pub(crate) fn holds_group(&self, group: Id) -> bool {
        self.nodes.get(group).is_some() && self.has_busy_children(group)
    }

    /// Whether some of a unit's children do more than rest. Mostly the first one that is looked at does.
    fn has_busy_children(&self, unit: Id) -> bool {
        let mut children = self.nodes[unit].children();
        children.any(|child| !self.nodes[child].is_resting())
    }

    /// What a unit waits for: to start, for its turn to be asked to end, or as its run is over.
    pub(crate) fn waits_for(&self, unit: Id) -> Vec<Id> {
        let Some(node) = self.nodes.get(unit) else {
            return Vec::new();
        };
        let is_busy = |unit: &Id| !self.nodes[*unit].is_resting();
        let is_unreleased =
            |unit: &&Id| self.nodes.get(**unit).is_some_and(|node| !node.is_released);
        let is_unasked = node.run().is_some_and(|run| run.asked.is_none());
        let is_to_end =
            || self.is_stopping() || node.parent.is_some_and(|parent| self.is_to_end(parent));
        if node.is_waiting() {
            self.waited_for(unit)
        } else if node.is_gone() && !node.is_group {
            // In the group of its run.
            let groups = node.children();
            let children = groups.flat_map(|group| self.nodes[group].children());
            children.filter(is_busy).collect()
        } else if is_unasked && self.is_held(unit) && is_to_end() {
            node.behind.iter().filter(is_unreleased).copied().collect()
        } else {
            Vec::new()
        }
    }

    /// The starts that the limit of a unit counts at `now`, the limit, and its window.
    pub(crate) fn counted_starts(&self, unit: Id, now: Moment) -> Option<(usize, u32, Duration)> {
        let node = self.nodes.get(unit)?;
        let (limit, window) = node.policy().restart().starts_limit()?;
        let starts = node.starts.iter();
        let counted = starts.filter(|start| now.since(**start) < window).count();
        Some((counted, limit, window))
    }

    /// Has it told when a group is empty that ends by itself, and has no children.
    fn watch_if_childless(&mut self, group: Id) {
        if !self.has_busy_children(group) {
            self.push(Effect::Watch(group));
        }
    }

    /// No payload is alive in a group.
    pub(super) fn drained(&mut self, group: Id) {
        let Some(run) = self.nodes.get_mut(group).and_then(Node::run_mut) else {
            return;
        };
        if run.gone.is_some() {
            return;
        }
        if run.asked.is_some() {
            return self.end_run(group, false);
        }
        if run.is_closing && !self.has_busy_children(group) {
            // Nobody hands in any more; that it is still empty is told again.
            self.ask(group);
        }
    }

    /// A unit is over that was a child of this one.
    pub(super) fn lose_child(&mut self, parent: Id, child: Id) {
        let Some(node) = self.nodes.get_mut(parent) else {
            return;
        };
        node.remove_child(child);
        // Not seen to in here: that may be the end of all that it is in.
        self.childless.push(parent);
    }

    /// Sees to those of which children are over: one by one, however deep they are in each other.
    pub(super) fn end_childless(&mut self) {
        while let Some(parent) = self.childless.pop() {
            let Some(node) = self.nodes.get(parent) else {
                continue;
            };
            let is_closing = |run: &PresentRun| run.is_closing && run.asked.is_none();
            let is_asked = |run: &PresentRun| run.asked.is_some();
            if node.is_gone() && node.is_group {
                self.look_again(parent);
            } else if node.is_gone() {
                self.ends_with_children(parent);
            } else if node.is_group && node.run().is_some_and(is_asked) {
                // Its payloads without a token may have waited for that.
                self.push(Effect::Watch(parent));
            } else if node.run().is_some_and(is_closing) {
                self.watch_if_childless(parent);
            }
        }
    }

    /// No payload was left in a group, and now its children are over as well: calls may have come meanwhile.
    fn look_again(&mut self, group: Id) {
        if self.has_busy_children(group) {
            return;
        }
        let least = self.now.plus(CUT_TIME);
        let run = self.node(group).run_mut();
        let run = run.expect("what is gone has run");
        run.gone = None;
        // Those that came late have a moment, though the time of all others may be over.
        if let Some(asked) = run.asked.filter(|_| !run.is_cut) {
            self.set_timer(group, asked.due.max(least));
        }
        self.push(Effect::Watch(group));
    }

    /// Whether the children of a parent that is gone are over, those that only rest included: then so is that.
    pub(super) fn ends_with_children(&mut self, parent: Id) -> bool {
        if self.has_busy_children(parent) {
            return false;
        }
        for child in self.children_of(parent) {
            self.over(child, UnitState::Ended);
        }
        let run = self.nodes[parent].run();
        let gone = run.and_then(|run| run.gone);
        self.decide(parent, gone.unwrap_or_default());
        true
    }

    /// Whether the parent of a unit waits for nothing but its children to be over.
    pub(super) fn is_left(&self, unit: Id) -> bool {
        let parent = self.nodes[unit].parent;
        let parent = parent.and_then(|parent| self.nodes.get(parent));
        parent.is_some_and(|parent| {
            parent
                .run()
                .is_none_or(|run| run.is_closing || run.asked.is_some())
                || parent.is_gone()
        })
    }

    /// A unit fails or is asked to end: so are its children, all at once but for those that others come after.
    pub(super) fn ask_children(&mut self, unit: Id) {
        for child in self.children_of(unit) {
            if !self.is_held(child) {
                self.turns.push_back((child, None));
            }
        }
    }

    /// Whether others end before a unit that is to end: those that come after it, unless they go on.
    pub(super) fn is_held(&self, unit: Id) -> bool {
        let node = &self.nodes[unit];
        if node.dependents == 0 || self.is_stopping() {
            return node.dependents > 0;
        }
        node.behind.iter().any(|other| {
            let is_left = self
                .nodes
                .get(*other)
                .is_some_and(|other| !other.is_released);
            is_left && self.is_to_end(*other)
        })
    }

    /// Whether a unit, or something that it is in, was asked to end.
    fn is_to_end(&self, unit: Id) -> bool {
        let mut at = Some(unit);
        while let Some(node) = at.and_then(|at| self.nodes.get(at)) {
            if node.run().is_some_and(|run| run.asked.is_some()) {
                return true;
            }
            at = node.parent;
        }
        false
    }

    /// Whether what is in `parent` can come after `other`, which is asked to end when that has ended: not if `parent` is
    /// asked only after `other` is.
    pub(crate) fn can_come_after(&self, parent: Option<Id>, other: Id) -> bool {
        let is_beside = |node: &Node| node.parent == parent;
        let Some(parent) = parent.filter(|_| !self.nodes.get(other).is_some_and(is_beside)) else {
            return true;
        };
        // What comes before that `parent` is asked: who is asked, and who has ended.
        let (mut asked, mut ended) = (vec![parent], Vec::new());
        let mut seen: HashSet<_> = [(parent, false)].into();
        loop {
            let mut before = Vec::new();
            if let Some(unit) = asked.pop() {
                if unit == other {
                    return false;
                }
                let node = self.nodes.get(unit);
                let behind = node.iter().flat_map(|node| &node.behind);
                before.extend(behind.map(|behind| (*behind, true)));
                before.extend(
                    node.and_then(|node| node.parent)
                        .map(|parent| (parent, false)),
                );
            } else if let Some(unit) = ended.pop() {
                before.push((unit, false));
                before.extend(
                    self.children_of(unit)
                        .into_iter()
                        .map(|child| (child, true)),
                );
            } else {
                return true;
            }
            for (unit, has_ended) in before {
                if seen.insert((unit, has_ended)) {
                    let open = if has_ended { &mut ended } else { &mut asked };
                    open.push(unit);
                }
            }
        }
    }

    /// The first of these, and the one that it comes after, which would wait for each other at the stop; if there are any.
    pub(crate) fn first_in_vain(newcomers: &[Newcomer]) -> Option<(Id, Id)> {
        let mut all = Self::new(Duration::ZERO, 0);
        for newcomer in newcomers {
            all.enter(&mut newcomer.clone());
        }
        for newcomer in newcomers {
            for link in &newcomer.after {
                if !all.can_come_after(newcomer.parent, link.other) {
                    return Some((newcomer.id, link.other));
                }
                all.link(newcomer.id, *link);
            }
        }
        None
    }

    /// A payload of a group has failed.
    pub(super) fn member_failed(&mut self, group: Id, failure: F, is_error: bool) {
        if self.nodes.get(group).is_none() {
            // A thread that was left behind.
            return self.push(Effect::Unclaimed(failure));
        }
        match self.absorber(Some(group), is_error) {
            Some(unit) => {
                let fault = Fault::Given(failure);
                let is_first = self.suffers(unit, is_error);
                self.push(Effect::Absorb {
                    unit,
                    fault,
                    is_first,
                });
                self.ask(unit);
            }
            None => {
                self.push(Effect::RecordMember(failure));
                self.stop_with_grace();
            }
        }
    }

    /// The first one, from `at` upward, that absorbs a failure of what is in it.
    pub(super) fn absorber(&self, mut at: Option<Id>, is_error: bool) -> Option<Id> {
        while let Some(unit) = at {
            let node = self.nodes.get(unit)?;
            if node.absorbs(is_error, self.is_stopping()) {
                return Some(unit);
            }
            at = node.parent;
        }
        None
    }

    /// A unit ends for a failure of what is in it, which it absorbs. Whether that is its first one.
    pub(super) fn suffers(&mut self, unit: Id, is_error: bool) -> bool {
        let is_stopping = self.is_stopping();
        let node = self.node(unit);
        let fate = match node.wish {
            Some(_) if is_error => Fate::Own,
            wish if wish != Some(Wish::Stop) && node.may_restart(is_stopping) => Fate::Absorbed,
            _ => Fate::Own,
        };
        let run = node.run_mut().expect("what is in something that runs");
        let is_first = run.failure.is_none();
        if is_first {
            run.failure = Some(fate);
        }
        is_first
    }
}

impl Node {
    /// Whether a failure may be followed by another run.
    fn may_restart(&self, is_stopping: bool) -> bool {
        !self.is_group && !is_stopping && self.policy().restart().is_on_failure()
    }

    /// Whether a failure of what is in it goes no further up.
    fn absorbs(&self, is_error: bool, is_stopping: bool) -> bool {
        let is_wanted = self.wish.is_some() && is_error;
        let may_restart = self.wish != Some(Wish::Stop) && self.may_restart(is_stopping);
        self.run().is_some() && (is_wanted || may_restart || self.policy().may_fail)
    }
}
