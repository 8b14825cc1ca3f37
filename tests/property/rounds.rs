//! The model's part on reloads: each is answered, by those that were asked for it, and there is none too many.

use std::collections::HashMap;

use foster::ReloadErrorKind;

use crate::log::{Doing, Settled, Told, What};
use crate::model::{Checked, Played};
use crate::program::{Reply, Start};
use crate::reloads::name_of;
use crate::require;

/// A reload that somebody asked for. Times are places in the log.
struct Wish<'a> {
    begun: usize,
    asked: usize,
    told: Option<(usize, &'a Told)>,
}

pub fn check(played: &Played) -> Checked {
    let wishes = wishes(played);
    for (number, wish) in &wishes {
        let checked = is_answered(played, wish);
        checked.map_err(|wrong| format!("reload {number}: {wrong}"))?;
    }
    let wishes: Vec<_> = wishes.into_values().collect();
    for service in 0..played.program.services.len() {
        none_is_too_many(played, &wishes, service)?;
    }
    Ok(())
}

fn wishes<'a>(played: &'a Played) -> HashMap<usize, Wish<'a>> {
    let mut wishes = HashMap::new();
    for (at, event) in played.events.iter().enumerate() {
        match &event.what {
            What::ReloadBegun(number) => {
                let wish = Wish {
                    begun: at,
                    asked: played.events.len(),
                    told: None,
                };
                wishes.insert(*number, wish);
            }
            What::ReloadAsked(number) => {
                wishes.entry(*number).and_modify(|wish| wish.asked = at);
            }
            What::ReloadTold(number, told) => {
                wishes
                    .entry(*number)
                    .and_modify(|wish| wish.told = Some((at, told)));
            }
            _ => {}
        }
    }
    wishes
}

/// When a service does this, in the log.
fn doings(played: &Played, service: usize, doing: Doing) -> Vec<usize> {
    let events = played.events.iter().enumerate();
    let mine = events.filter(|(_, event)| {
        matches!(event.what, What::Service(one, does) if one == service && does == doing)
    });
    mine.map(|(at, _)| at).collect()
}

/// R1 to R3, R5, R7: what is told is what happened.
fn is_answered(played: &Played, wish: &Wish) -> Checked {
    let Some((at, told)) = wish.told else {
        return Err("R1: nobody was told".to_owned());
    };
    let is_cut = match told.kind {
        None => false,
        Some(ReloadErrorKind::Failed) => false,
        Some(ReloadErrorKind::NotRunning) => {
            let started = played.started().is_some_and(|started| started < wish.begun);
            let was_running = started && !played.was_stopped_early();
            require!(!was_running, "R7: it runs");
            true
        }
        Some(ReloadErrorKind::Stopping) => {
            let caused = played.caused.is_some_and(|cause| cause < at);
            require!(caused || played.program.until_idle, "R7: nothing stops it");
            true
        }
        Some(kind) => return Err(format!("R1: it is told {kind:?}")),
    };
    let never_runs = played.program.start == Start::Never;
    require!(is_cut || !never_runs, "R7: nothing ever ran");
    let mut names: Vec<_> = told.services.iter().map(|(name, _)| name).collect();
    let all_done = told
        .services
        .iter()
        .all(|(_, settled)| *settled == Settled::Done);
    require!(
        is_cut || all_done == told.kind.is_none(),
        "R3: it is told {told:?}"
    );
    for (index, plan) in played.program.services.iter().enumerate() {
        let name = name_of(index);
        let place = told.services.iter().position(|(one, _)| *one == name);
        names.retain(|one| **one != name);
        let settled = place.map(|place| told.services[place].1);
        let known = match (settled, plan.reply) {
            (None, _) => true,
            (Some(Settled::Done), Reply::Reloads | Reply::Restarts) => true,
            (Some(Settled::Failed), Reply::Refuses) => true,
            (Some(Settled::Unanswered), Reply::Drops | Reply::Leaves) => true,
            (Some(Settled::Late), _) => played.program.is_short_of_time(),
            _ => false,
        };
        require!(known, "R3: `{name}` is told as {settled:?}");
        if let Some(Settled::Done | Settled::Failed) = settled {
            let doing = match plan.reply {
                Reply::Restarts => Doing::Begins,
                _ => Doing::Answers,
            };
            let mut doings = doings(played, index, doing).into_iter();
            let in_time = doings.any(|one| wish.begun < one && one < at);
            require!(in_time, "R4: `{name}` was not asked for this one");
        }
        if !is_cut && !played.program.is_short_of_time() {
            let begins = doings(played, index, Doing::Begins).into_iter().next();
            let ends = doings(played, index, Doing::Ends);
            // One that leaves has left for some reload, perhaps another one.
            let ended = ends.iter().any(|end| *end < at) && plan.reply != Reply::Restarts;
            let was_there = begins.is_some_and(|begins| begins < wish.begun) && !ended;
            require!(!was_there || place.is_some(), "R1: `{name}` was not asked");
        }
        let before = index.checked_sub(1).filter(|_| plan.is_after).map(name_of);
        let before = before.and_then(|before| {
            let mut services = told.services.iter();
            services.position(|(one, _)| *one == before)
        });
        if let (Some(before), Some(place)) = (before, place) {
            require!(before < place, "R2: `{name}` was not asked in its turn");
        }
    }
    require!(names.is_empty(), "R1: who are {names:?}?");
    Ok(())
}

/// R4: those that are asked for while a service answers cause one more, and no third.
fn none_is_too_many(played: &Played, wishes: &[Wish], service: usize) -> Checked {
    let asked = doings(played, service, Doing::IsAsked);
    let answers = doings(played, service, Doing::Answers);
    for (index, at) in asked.iter().enumerate() {
        let wished = wishes.iter().filter(|wish| wish.begun < *at).count();
        let name = name_of(service);
        require!(index < wished, "R4: `{name}` was asked at {at} for nothing");
        let before_last = index.checked_sub(2).and_then(|index| answers.get(index));
        let Some(answered) = before_last.filter(|_| !played.program.is_short_of_time()) else {
            continue;
        };
        let mut wishes = wishes.iter();
        let meant = wishes.any(|wish| wish.asked > *answered && wish.begun < *at);
        require!(meant, "R4: `{name}` was asked at {at} once too often");
    }
    Ok(())
}
