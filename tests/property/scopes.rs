//! The model's part on groups: what each is in, why it may have ended, and whose a failure may be.

use foster::UnitState;

use crate::lives::LifeLine;
use crate::log::{Ended, Event, How, Id, Scope, What};
use crate::model::{Checked, Played};
use crate::program::{End, On, Policy, Program};
use crate::require;

/// Whose a failure may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absorber {
    /// That of the payload alone.
    Own,
    /// What this part ends for; the runtime, if nobody absorbs the failure.
    Part(Scope),
}

pub const RUNTIME: Absorber = Absorber::Part(Scope::Runtime);

/// An end of a group that somebody asked for.
struct Stop {
    scope: Scope,
    is_cancel: bool,
    begun: usize,
    ended: usize,
}

/// What is known of the parts of a runtime. Times are places in the log.
pub struct Scopes {
    parents: Vec<Scope>,
    policies: Vec<Policy>,
    /// What each payload is in.
    places: Vec<Scope>,
    stops: Vec<Stop>,
    /// When the last handle from outside was dropped, if ever.
    released: Vec<Option<usize>>,
    /// When each payload had come to its end, and when it had failed.
    over: Vec<Option<usize>>,
    failed: Vec<Option<usize>>,
    /// Whose each failure may be; empty if it is none.
    absorbers: Vec<Vec<Absorber>>,
    /// When the runtime was asked to end, or failed.
    pub caused: Option<usize>,
}

impl Scopes {
    /// `asked` is when somebody asked the runtime to end.
    pub fn new(
        program: &Program,
        events: &[Event],
        lives: &[LifeLine],
        asked: Option<usize>,
    ) -> Self {
        let within = |group| {
            let parent = program.parent_of(group);
            parent.map_or(Scope::Runtime, Scope::Group)
        };
        let groups = program.groups.len();
        let position = |is: &dyn Fn(&What) -> bool| events.iter().position(|one| is(&one.what));
        let mut scopes = Self {
            parents: (0..groups).map(within).collect(),
            policies: program.groups.iter().map(|group| group.policy).collect(),
            places: lives.iter().map(|life| life.scope).collect(),
            stops: stops(events),
            released: (0..groups)
                .map(|group| position(&|what| matches!(what, What::Released(one) if *one == group)))
                .collect(),
            over: lives
                .iter()
                .map(|life| life.finished.map(|(at, _)| at).or(life.cut_off()))
                .collect(),
            failed: lives.iter().map(|life| Some(life.failure()?.0)).collect(),
            absorbers: vec![Vec::new(); lives.len()],
            caused: None,
        };
        // At first as if each failure were the runtime's that may be. A group's own end absorbs it for sure only if it
        // came before the runtime's, and so the second time there may be fewer.
        scopes.caused = Some(0);
        for _ in 0..2 {
            let of = |life| scopes.absorbers_of(life, events);
            scopes.absorbers = lives.iter().map(of).collect();
            let failed = lives.iter().filter(|life| scopes.may_be(life.id, RUNTIME));
            let failed = failed.filter_map(|life| Some(life.failure()?.0));
            scopes.caused = failed.chain(asked).min();
        }
        scopes
    }

    fn parent(&self, scope: Scope) -> Option<Scope> {
        match scope {
            Scope::Runtime => None,
            Scope::Group(group) => Some(self.parents[group]),
            Scope::Children(parent) => Some(self.places[parent]),
        }
    }

    /// A part and all that it is in, the runtime last.
    pub fn chain(&self, scope: Scope) -> impl Iterator<Item = Scope> + '_ {
        std::iter::successors(Some(scope), |scope| self.parent(*scope))
    }

    pub fn is_inside(&self, scope: Scope, other: Scope) -> bool {
        self.chain(scope).any(|one| one == other)
    }

    /// Whose a failure may be: more than one where a race leaves that open.
    fn absorbers_of(&self, life: &LifeLine, events: &[Event]) -> Vec<Absorber> {
        let Some((at, ended)) = life.failure() else {
            return Vec::new();
        };
        let each = |group: usize| self.policies[group] == Policy::EachMayFail;
        if matches!(life.scope, Scope::Group(group) if each(group)) {
            return vec![Absorber::Own];
        }
        let mut found = Vec::new();
        let is_error = ended == Ended::Failed && life.payload.end != End::ReturnsAnOrphan;
        // It was told before its thread went on to anything else.
        let goes_on =
            |event: &Event| event.thread == events[at].thread && event.by != Some(life.id);
        let told = events.iter().skip(at).position(goes_on);
        let told = told.map_or(events.len(), |after| at + after);
        // Nobody's, if its group was over by then: that had left it behind, or its caller was slow to go.
        let may_be_late = life.payload.on == On::Thread || life.how != How::Adopt;
        if may_be_late && self.is_in_group(life.scope) {
            let cause = self.cause(life.scope);
            let ends = cause.into_iter().chain(self.abandoned(life.scope));
            let told = life.call_dropped.map_or(told, |dropped| dropped.max(told));
            found.extend(
                ends.filter(|end| *end < told)
                    .take(1)
                    .map(|_| Absorber::Own),
            );
        }
        for scope in self.chain(life.scope) {
            let part = Absorber::Part(scope);
            if matches!(scope, Scope::Group(group) if self.policies[group] == Policy::MayFail) {
                found.push(part);
                return found;
            }
            let mut stops = self.stops_of(scope);
            if is_error && self.asked(scope).is_some_and(|asked| asked < told) {
                found.push(part);
                // Once the runtime stops, it is that which hears of errors.
                let first = |stop: &Stop| self.caused.is_none_or(|cause| stop.ended < cause);
                // A payload's group may have come after it.
                let is_sure = |stop: &Stop| stop.scope == scope || self.is_made_early(scope);
                if stops.any(|stop| stop.ended < at && first(stop) && is_sure(stop)) {
                    return found;
                }
            }
        }
        found.push(RUNTIME);
        found
    }

    fn is_in_group(&self, scope: Scope) -> bool {
        scope != Scope::Runtime
    }

    fn is_made_early(&self, scope: Scope) -> bool {
        matches!(scope, Scope::Group(_))
    }

    /// The ends of this that were asked for: a cancel is one of all that is inside.
    fn stops_of(&self, scope: Scope) -> impl Iterator<Item = &Stop> {
        let is_its = move |stop: &&Stop| {
            stop.scope == scope || stop.is_cancel && self.is_inside(scope, stop.scope)
        };
        self.stops.iter().filter(is_its)
    }

    /// When the group's own end may have been asked for, if it was.
    fn asked(&self, scope: Scope) -> Option<usize> {
        let stops = self.stops_of(scope).map(|stop| stop.begun);
        let failed = match scope {
            Scope::Children(parent) => self.failed[parent],
            _ => None,
        };
        stops.chain(failed).min()
    }

    /// When the first thing happened for which what is here may have ended.
    pub fn cause(&self, scope: Scope) -> Option<usize> {
        let own = |scope| match scope {
            Scope::Runtime => self.caused,
            scope => self
                .asked(scope)
                .into_iter()
                .chain(self.absorbed(scope))
                .min(),
        };
        self.chain(scope).filter_map(own).min()
    }

    /// As [`cause`](Self::cause), but for the end of the runtime.
    pub fn cause_in_groups(&self, scope: Scope) -> Option<usize> {
        let groups = self.chain(scope).filter(|scope| self.is_in_group(*scope));
        let own = |scope| {
            self.asked(scope)
                .into_iter()
                .chain(self.absorbed(scope))
                .min()
        };
        groups.filter_map(own).min()
    }

    fn absorbed(&self, scope: Scope) -> Option<usize> {
        let absorbed = |id: &Id| self.may_be(*id, Absorber::Part(scope));
        let failed = (0..self.absorbers.len()).filter(absorbed);
        failed.filter_map(|id| self.failed[id]).min()
    }

    /// When a group may have ended because it was empty, and nobody had a handle of it or it was that of a payload that was
    /// over.
    pub fn abandoned(&self, scope: Scope) -> Option<usize> {
        let abandoned = |scope| match scope {
            Scope::Runtime => None,
            Scope::Group(group) => self.released[group],
            Scope::Children(parent) => self.over[parent],
        };
        self.chain(scope).filter_map(abandoned).min()
    }

    /// Whether something that this is in was cancelled.
    pub fn is_cancelled(&self, scope: Scope) -> bool {
        let mut chain = self.chain(scope);
        chain.any(|scope| self.stops_of(scope).any(|stop| stop.is_cancel))
    }

    /// Whether a group may have been asked to end before the runtime had started, so that what waited in it never ran.
    pub fn was_stopped_early(&self, scope: Scope, started: Option<usize>) -> bool {
        let groups = self.chain(scope).filter(|scope| self.is_in_group(*scope));
        let mut asked = groups.filter_map(|scope| self.asked(scope));
        asked.any(|asked| started.is_none_or(|started| asked < started))
    }

    /// When this, or something that it is in, was asked to end for sure.
    pub fn surely_asked(&self, scope: Scope) -> Option<usize> {
        let stops = self.chain(scope).flat_map(|scope| self.stops_of(scope));
        stops.map(|stop| stop.ended).min()
    }

    /// Whether what does not end in time there is no straggler.
    pub fn may_overrun(&self, scope: Scope) -> bool {
        let has = |scope, policy| match scope {
            Scope::Group(group) => self.policies[group] == policy,
            _ => false,
        };
        let mut chain = self.chain(scope);
        has(scope, Policy::EachMayFail) || chain.any(|scope| has(scope, Policy::MayFail))
    }

    pub fn may_be(&self, id: Id, absorber: Absorber) -> bool {
        self.absorbers[id].contains(&absorber)
    }

    /// Whose the failure is, if no race leaves that open.
    pub fn surely(&self, id: Id) -> Option<Absorber> {
        match self.absorbers[id][..] {
            [absorber] => Some(absorber),
            _ => None,
        }
    }
}

fn stops(events: &[Event]) -> Vec<Stop> {
    let begun = events.iter().enumerate().filter_map(|(at, event)| {
        let What::StopBegun(scope, is_cancel) = event.what else {
            return None;
        };
        let ends = |other: &Event| {
            matches!(other.what, What::StopEnded(one) if one == scope)
                && other.thread == event.thread
        };
        let ended = events.iter().skip(at).position(ends);
        Some(Stop {
            scope,
            is_cancel,
            begun: at,
            ended: ended.map_or(events.len(), |after| at + after),
        })
    });
    begun.collect()
}

/// G2: a payload has a group, unless whoever called it is over.
fn each_has_a_group(played: &Played) -> Checked {
    for (at, event) in played.events.iter().enumerate() {
        let What::NoGroup = event.what else { continue };
        let mut line = std::iter::successors(event.by, |by| played.lives[*by].by).skip(1);
        let is_over = |by: Id| played.lives[by].dropped[0].0 < at;
        require!(line.any(is_over), "G2: {:?} has no group at {at}", event.by);
    }
    Ok(())
}

/// G3, G4: what the groups say at the end, and that nothing is left in them.
pub fn check(played: &Played) -> Checked {
    each_has_a_group(played)?;
    let groups = played.report.groups.iter().enumerate();
    for (index, group) in groups {
        let Some(group) = group else { continue };
        let scope = Scope::Group(index);
        require!(
            group.is_empty(),
            "G4: something is left in g{index}: {group:?}"
        );
        let has_started = played.program.start != crate::program::Start::Never;
        require!(
            group.state.is_over() || !has_started,
            "G1: g{index} is {}",
            group.state
        );
        let mut lives = played.lives.iter();
        let absorbed = Absorber::Part(scope);
        let sure = played
            .lives
            .iter()
            .find(|life| played.scopes.surely(life.id) == Some(absorbed));
        let has_failed = group.state == UnitState::Failed;
        if let Some(life) = sure.filter(|life| life.how == How::Adopt) {
            let may_be_left = group.state == UnitState::LeftBehind;
            require!(
                has_failed || may_be_left,
                "G3: g{index} absorbed the failure of p{}, and is {}",
                life.id,
                group.state
            );
        }
        let possible = lives.any(|life| played.scopes.may_be(life.id, absorbed));
        require!(possible || !has_failed, "G3: g{index} failed for nothing");
    }
    Ok(())
}
