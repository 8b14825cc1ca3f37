//! The model's part on limits: never more than there are places, and nobody is refused while there is one.

use std::collections::HashMap;

use foster::PlaceErrorKind;

use crate::lives::LifeLine;
use crate::log::{Answer, How, Id, Scope, What};
use crate::model::{Checked, Played};
use crate::require;

pub fn check(played: &Played) -> Checked {
    for (group, plan) in played.program.groups.iter().enumerate() {
        if let Some(limit) = plan.limit {
            no_more_are_alive(played, Scope::Group(group), limit)?;
        }
    }
    for life in &played.lives {
        if life.answer() == Some(Answer::Full) {
            no_place_was_sure(played, life)?;
        }
    }
    for (at, event) in played.events.iter().enumerate() {
        if let What::NoPlace(number, kind) = event.what {
            the_wait_was_in_vain(played, at, places(played)[&number], kind)?;
        }
    }
    Ok(())
}

/// Where each place is, or is wanted.
fn places(played: &Played) -> HashMap<usize, Scope> {
    let events = played.events.iter();
    let wanted = events.filter_map(|event| match event.what {
        What::PlaceWanted(number, scope) => Some((number, scope)),
        _ => None,
    });
    wanted.collect()
}

/// The limits that count what is here.
fn limits(played: &Played, scope: Scope) -> Vec<(Scope, usize)> {
    let chain = played.scopes.chain(scope);
    let limited = chain.filter_map(|scope| match scope {
        Scope::Group(group) => Some((scope, played.program.groups[group].limit?)),
        _ => None,
    });
    limited.collect()
}

/// A payload has its place from when it is accepted or starts, whichever is seen first, until it is dropped.
fn no_more_are_alive(played: &Played, group: Scope, limit: usize) -> Checked {
    let mut changes: Vec<(usize, isize)> = Vec::new();
    for life in &played.lives {
        if !played.scopes.is_inside(life.scope, group) || life.is_refused() {
            continue;
        }
        let accepted = life
            .answered
            .filter(|(_, answer)| *answer == Answer::Accepted);
        let started = life.started.first().map(|(at, _)| *at);
        let from = accepted.map(|(at, _)| at).into_iter().chain(started).min();
        let (dropped, ..) = life.dropped[0];
        if let Some(from) = from.filter(|from| *from < dropped) {
            changes.extend([(from, 1), (dropped, -1)]);
        }
    }
    let places = places(played);
    let is_here = |number: usize| played.scopes.is_inside(places[&number], group);
    let mut held = Vec::new();
    for (at, event) in played.events.iter().enumerate() {
        match event.what {
            What::PlaceTaken(number) if is_here(number) => {
                held.push(number);
                changes.push((at, 1));
            }
            What::PlaceLeft(number) if held.contains(&number) => changes.push((at, -1)),
            _ => {}
        }
    }
    changes.sort_unstable();
    let mut alive = 0;
    for (at, change) in changes {
        alive += change;
        require!(
            alive <= limit as isize,
            "G5: {alive} are alive in {group:?} at {at}"
        );
    }
    Ok(())
}

/// G5: whoever is refused as full met others. When those that are over have given back their places is not known, but for
/// those that somebody waited for.
fn no_place_was_sure(played: &Played, life: &LifeLine) -> Checked {
    let answered = life.answered.map_or(usize::MAX, |(at, _)| at);
    let may_fill = |(group, limit): (Scope, usize)| {
        let others = played.lives.iter().filter(|other| {
            let is_gone = other.how != How::Adopt || other.is_refused();
            let gone = other.answered.filter(|_| is_gone);
            other.id != life.id
                && other.handed < answered
                && gone.is_none_or(|(at, _)| at > life.handed)
                && played.scopes.is_inside(other.scope, group)
        });
        let places = played.events[..answered].iter().filter(|event| {
            let What::PlaceWanted(_, scope) = event.what else {
                return false;
            };
            played.scopes.is_inside(scope, group)
        });
        others.count() + places.count() >= limit
    };
    let mut limits = limits(played, life.scope).into_iter();
    require!(
        limits.any(may_fill),
        "G5: p{} was refused as full where nobody is",
        life.id
    );
    Ok(())
}

/// G5: why there is no place.
fn the_wait_was_in_vain(played: &Played, at: usize, scope: Scope, kind: PlaceErrorKind) -> Checked {
    let waiter = played.events[at].by;
    let known = match kind {
        PlaceErrorKind::Stopping => {
            let cause = played.scopes.cause(scope);
            let cause = cause
                .into_iter()
                .chain(played.scopes.abandoned(scope))
                .min();
            cause.is_some_and(|cause| cause < at) || played.program.until_idle
        }
        PlaceErrorKind::Late => waiter.is_none(),
        PlaceErrorKind::Deadlock => {
            let holds = |(group, limit): (Scope, usize)| {
                waiter.is_some_and(|waiter| held_by_line(played, waiter, group) >= limit)
            };
            limits(played, scope).into_iter().any(holds)
        }
        _ => false,
    };
    require!(known, "G5: no place in {scope:?} at {at}: {kind:?}");
    Ok(())
}

/// How many places of a group are those of a payload and of those whose child it is, or for whom it acts.
fn held_by_line(played: &Played, mut id: Id, group: Scope) -> usize {
    let mut held = 0;
    loop {
        let life = &played.lives[id];
        held += usize::from(played.scopes.is_inside(life.scope, group));
        let next = match (life.how, life.scope) {
            (How::Adopt, Scope::Children(parent)) => Some(parent),
            (How::Adopt, _) => None,
            (How::Execute | How::Call, _) => life.by,
        };
        match next {
            Some(next) => id = next,
            None => return held,
        }
    }
}
