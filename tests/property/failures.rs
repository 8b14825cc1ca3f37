//! The model's part on failures: each told or counted, once, in order, with the cause first.

use std::collections::HashMap;

use foster::FailureKind;

use crate::life::text_of;
use crate::lives::LifeLine;
use crate::log::{Ended, How, What, name_of};
use crate::model::{Checked, Played};
use crate::program::{End, On};
use crate::require;
use crate::scopes::RUNTIME;

/// How many failures are kept.
const KEPT: usize = 64;

pub fn check(played: &Played) -> Checked {
    each_is_real(played)?;
    none_is_missing(played)?;
    the_order_is_theirs(played)?;
    the_cause_could_be_first(played)?;
    let report = played.report;
    let clean = report.failures.is_empty() && report.stragglers.is_empty();
    require!(
        clean == report.is_ok,
        "L1: `Ok` and a failure, or an error without one"
    );
    Ok(())
}

fn kind_and_message(life: &LifeLine, ended: Ended) -> (FailureKind, String) {
    let text = text_of(life.id);
    match (ended, life.payload.end) {
        (Ended::Panicked, End::PanicsWithValue) if life.drop_panics.is_none() => (
            FailureKind::Panic,
            "a panic whose value is no text".to_owned(),
        ),
        (Ended::Panicked, _) => (FailureKind::Panic, text),
        (_, End::ReturnsAnOrphan) => (FailureKind::OrphanedReturn, format!("{text:?}")),
        _ => (FailureKind::Error, text),
    }
}

/// None is invented, none is told twice, each with its name, flavour, kind and text.
fn each_is_real(played: &Played) -> Checked {
    let mut lives: HashMap<_, _> = played
        .lives
        .iter()
        .map(|one| (name_of(one.id), one))
        .collect();
    for told in &played.report.failures {
        let name = &told.payload;
        let life = lives.remove(name).ok_or_else(|| {
            format!("A6: a failure of `{name}` that is no payload, or is told twice: {told:?}")
        })?;
        let (_, ended) = life
            .failure()
            .ok_or_else(|| format!("A6: `{name}` did not fail: {told:?}"))?;
        let may_be = played.scopes.may_be(life.id, RUNTIME);
        require!(may_be, "G3: the failure of `{name}` is not the runtime's");
        let (kind, message) = kind_and_message(life, ended);
        require!(
            told.kind == kind,
            "A6: `{name}` failed by {kind:?}: {told:?}"
        );
        require!(
            told.message == message,
            "A7: `{name}` says {message}: {told:?}"
        );
        let flavour = life.payload.on.identifier();
        require!(
            told.flavour == flavour,
            "A7: `{name}` is on {flavour}: {told:?}"
        );
    }
    Ok(())
}

/// Those that must be in the report; one that was left behind may have come too late for it.
fn certain<'a>(played: &'a Played) -> impl Iterator<Item = &'a LifeLine> {
    let lives = played.lives.iter();
    lives.filter(|life| {
        let is_runtimes = played.scopes.surely(life.id) == Some(RUNTIME);
        is_runtimes && !played.may_be_left(life)
    })
}

fn none_is_missing(played: &Played) -> Checked {
    let report = played.report;
    let told = |life: &LifeLine| {
        let name = name_of(life.id);
        report.failures.iter().any(|one| one.payload == name)
    };
    let all = played
        .lives
        .iter()
        .filter(|life| played.scopes.may_be(life.id, RUNTIME))
        .count();
    let certain: Vec<_> = certain(played).collect();
    let counted = report.failures.len() + report.omitted;
    let range = certain.len()..=all;
    require!(
        range.contains(&counted),
        "A6: {counted} failures told or counted, of {range:?}"
    );
    if report.omitted == 0 {
        let missing = certain.iter().find(|life| !told(life));
        require!(missing.is_none(), "A6: a failure is not told: {missing:?}");
    }
    let full = report.failures.len() == KEPT || report.omitted == 0;
    require!(full, "A6: {} failures kept", report.failures.len());
    require!(report.failures.len() <= KEPT, "A6: too many kept");
    Ok(())
}

/// What one thread told is reported in that order, and of very many the first are kept.
fn the_order_is_theirs(played: &Played) -> Checked {
    for on in [On::Smol, On::Tokio] {
        // A call's failure may be told by whoever dropped the call.
        let mut mine: Vec<_> = played
            .lives
            .iter()
            .filter(|life| life.payload.on == on && life.how == How::Adopt)
            .filter(|life| played.scopes.surely(life.id) == Some(RUNTIME))
            .filter_map(|life| Some((life.failure()?.0, name_of(life.id))))
            .collect();
        mine.sort_unstable();
        let mine: Vec<_> = mine.into_iter().map(|(_, name)| name).collect();
        let told: Vec<_> = played
            .report
            .failures
            .iter()
            .map(|told| told.payload.clone())
            .filter(|name| mine.contains(name))
            .collect();
        require!(
            mine.starts_with(&told),
            "A6: on {on:?} {mine:?} came as {told:?}"
        );
    }
    Ok(())
}

fn the_cause_could_be_first(played: &Played) -> Checked {
    let Some((first, others)) = played.report.failures.split_first() else {
        return Ok(());
    };
    let late = others.iter().find(|told| !told.during_shutdown);
    require!(
        late.is_none(),
        "A6: it did not come during shutdown: {late:?}"
    );
    let mut lives = played.lives.iter();
    let life = lives.find(|life| name_of(life.id) == first.payload);
    let Some((life, (at, _))) = life.and_then(|life| Some((life, life.failure()?))) else {
        return Ok(());
    };
    let find = |what: fn(&What) -> bool| {
        let mut events = played.events.iter();
        events
            .position(|event| what(&event.what))
            .unwrap_or(usize::MAX)
    };
    let is_asked = |what: &What| {
        matches!(
            what,
            What::ShutdownBegun | What::Abandoned | What::Signalled
        )
    };
    if first.during_shutdown {
        // It was told before its thread went on to anything else. Were it the one to begin the
        // stop, nobody could have seen that before. A call's is told by whoever dropped the call,
        // perhaps when all is idle; a payload that was adopted is alive until its failure is told.
        let thread = played.events[at].thread;
        let told_by = played
            .events
            .iter()
            .enumerate()
            .skip(at)
            .find(|(_, event)| {
                let goes_on = event.thread == thread && event.by != Some(life.id);
                life.how == How::Adopt && goes_on || played.is_seen(event)
            });
        let told_by = told_by.map_or(usize::MAX, |(at, _)| at);
        let idle = played.met_idleness(life) || played.program.until_idle && life.how != How::Adopt;
        let asked = find(is_asked) < told_by;
        require!(asked || idle, "A6: nothing but {first:?} began the stop");
    } else {
        let shut = find(|what| matches!(what, What::ShutdownEnded));
        require!(at < shut, "A6: it came after the shutdown: {first:?}");
        let seen = played.events.iter().position(|event| played.is_seen(event));
        let seen = seen.unwrap_or(usize::MAX);
        require!(
            at < seen,
            "A6: the runtime was stopping before its cause: {first:?}"
        );
    }
    Ok(())
}
