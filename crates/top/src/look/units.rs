//! The services and groups.

use std::cmp::Reverse;

use foster::UnitState;
use foster::status::{UnitKind, UnitNode};

use super::{Column, Filter, Order, Row, Tone, Toned, Width};
use crate::text::{age, count, line, list};

pub(super) const COLUMNS: &[Column] = &[
    Column {
        title: "NAME",
        width: Width::Share(5),
        from: 0,
    },
    Column {
        title: "FLAVOUR",
        width: Width::Left(14),
        from: 110,
    },
    Column {
        title: "STATE",
        width: Width::Left(11),
        from: 0,
    },
    Column {
        title: "FOR",
        width: Width::Right(6),
        from: 36,
    },
    Column {
        title: "STARTED",
        width: Width::Right(10),
        from: 60,
    },
    Column {
        title: "PAYLOADS",
        width: Width::Right(8),
        from: 110,
    },
    Column {
        title: "NOTE",
        width: Width::Share(6),
        from: 48,
    },
];

/// How deep the tree is drawn: what is deeper stands at this depth.
const DEEPEST: usize = 24;

pub(super) fn rows(units: &[UnitNode], order: Order, filter: &Filter) -> Vec<Row> {
    let mut chosen: Vec<usize> = match order {
        Order::Tree => with_parents(units, filter),
        _ => (0..units.len())
            .filter(|index| fits(&units[*index], filter))
            .collect(),
    };
    match order {
        Order::Worst => chosen.sort_by_key(|index| rank(units[*index].state)),
        Order::Newest => chosen.sort_by_key(|index| units[*index].state_age),
        Order::Restarts => chosen.sort_by_key(|index| Reverse(units[*index].restarts)),
        Order::Name => chosen.sort_by_key(|index| &units[*index].name),
        _ => {}
    }
    let names = match order {
        Order::Tree => branches(units, &chosen),
        _ => chosen
            .iter()
            .map(|index| line(&units[*index].name))
            .collect(),
    };
    let rows = chosen.iter().zip(names);
    rows.map(|(index, name)| row(&units[*index], name))
        .collect()
}

fn fits(unit: &UnitNode, filter: &Filter) -> bool {
    let flavour = unit.flavour.as_deref().unwrap_or_default();
    filter.fits(&[&unit.name, flavour, &unit.state.to_string()])
}

/// Those that fit, and what they are in: a branch without its tree says little.
fn with_parents(units: &[UnitNode], filter: &Filter) -> Vec<usize> {
    let mut chosen = Vec::new();
    // From below: a parent stands above its children and is less deep.
    let mut needed = 0;
    for (index, unit) in units.iter().enumerate().rev() {
        let is_parent = unit.depth < needed;
        if is_parent || fits(unit, filter) {
            chosen.push(index);
            needed = unit.depth;
        }
    }
    chosen.reverse();
    chosen
}

/// The names as branches of a tree, without what stands above them.
fn branches(units: &[UnitNode], chosen: &[usize]) -> Vec<String> {
    let own = own_names(units, chosen);
    let mut branches = Vec::with_capacity(chosen.len());
    // From below: at which depths a line goes on downward.
    let mut goes_on = [false; DEEPEST + 1];
    for (index, own) in chosen.iter().zip(&own).rev() {
        let depth = units[*index].depth.min(DEEPEST);
        let mut branch = String::new();
        for goes_on in goes_on.iter().take(depth).skip(1) {
            branch.push_str(if *goes_on { "│ " } else { "  " });
        }
        if depth > 0 {
            branch.push_str(if goes_on[depth] { "├ " } else { "└ " });
        }
        goes_on[depth] = true;
        goes_on[depth + 1..].fill(false);
        branch.push_str(own);
        branches.push(branch);
    }
    branches.reverse();
    branches
}

/// The names without their parents' paths; those of groups end with a slash.
fn own_names(units: &[UnitNode], chosen: &[usize]) -> Vec<String> {
    let mut parents: Vec<&UnitNode> = Vec::new();
    let mut names = Vec::with_capacity(chosen.len());
    for unit in chosen.iter().map(|index| &units[*index]) {
        while parents
            .last()
            .is_some_and(|parent| parent.depth >= unit.depth)
        {
            parents.pop();
        }
        let parent = parents.last();
        let own = parent.and_then(|parent| unit.name.strip_prefix(&parent.name)?.strip_prefix('/'));
        let own = line(own.filter(|own| !own.is_empty()).unwrap_or(&unit.name));
        names.push(match unit.kind {
            UnitKind::Service => own,
            _ => format!("{own}/"),
        });
        parents.push(unit);
    }
    names
}

fn row(unit: &UnitNode, name: String) -> Row {
    let flavour = unit.flavour.as_deref().map(line).unwrap_or_default();
    let payloads = match unit.payloads {
        0 => String::new(),
        payloads => payloads.to_string(),
    };
    Row {
        key: unit.name.clone(),
        title: line(&unit.name),
        cells: vec![
            (name, Tone::Plain),
            (flavour, Tone::Plain),
            (unit.state.to_string(), tone(unit.state)),
            (age(unit.state_age), Tone::Plain),
            started(unit),
            (payloads, Tone::Plain),
            note(unit),
        ],
        note: match &unit.last_failure {
            Some(failure) => (format!("last failure: {}", line(failure)), Tone::Bad),
            None => (line(&unit.name), Tone::Plain),
        },
        details: super::details::unit(unit),
        unit: (unit.kind == UnitKind::Service).then(|| unit.name.clone()),
    }
}

/// How often it was started again, and how many starts its limit counts now.
fn started(unit: &UnitNode) -> Toned {
    let again = match unit.restarts {
        0 => String::new(),
        restarts => format!("+{restarts}"),
    };
    let Some(counted) = unit.counted else {
        return (again, Tone::Plain);
    };
    let is_near = counted.starts.saturating_add(1) >= counted.limit as usize;
    let tone = if is_near { Tone::Bad } else { Tone::Plain };
    let text = format!("{again} {}/{}", counted.starts, counted.limit);
    (text.trim_start().to_owned(), tone)
}

/// What it waits for, and what has happened to it.
fn note(unit: &UnitNode) -> Toned {
    let mut notes = Vec::new();
    if unit.state == UnitState::Delayed {
        notes.push(match unit.next_start {
            Some(next) => format!("starts in {}", age(next)),
            None => "waits to be started by hand".to_owned(),
        });
    }
    if !unit.waits_for.is_empty() {
        notes.push(format!("waits for {}", list(&unit.waits_for, 5, 0)));
    }
    if let Some(limit) = unit.limit {
        let mut places = format!("{} of {} places", limit.taken, limit.limit);
        if limit.waiting > 0 {
            places = format!("{places}, {} waiting", limit.waiting);
        }
        notes.push(places);
    } else if unit.payloads > 0 {
        notes.push(count(unit.payloads, "payload"));
    }
    if let Some(failure) = &unit.last_failure {
        let failure = shortened(unit, &line(failure));
        notes.push(match unit.state {
            UnitState::Failed | UnitState::LeftBehind | UnitState::Delayed => failure,
            _ => format!("earlier: {failure}"),
        });
    }
    let is_bad = unit.state == UnitState::Failed;
    (
        notes.join(" · "),
        if is_bad { Tone::Bad } else { Tone::Plain },
    )
}

/// A failure's line without what has a column of its own, or has no room: the unit's name, its flavour, and the place that
/// handed it in. The details have all of it.
fn shortened(unit: &UnitNode, failure: &str) -> String {
    let name = format!("`{}` ", line(&unit.name));
    let Some((_, rest)) = failure.split_once(&name) else {
        return failure.to_owned();
    };
    let on = format!("on {} ", line(unit.flavour.as_deref().unwrap_or_default()));
    let rest = rest.strip_prefix(&on).unwrap_or(rest);
    let place = rest.split_once(" (from ").and_then(|(how, rest)| {
        let (_, cause) = rest.split_once(')')?;
        Some((how, cause))
    });
    place.map_or_else(|| rest.to_owned(), |(how, cause)| format!("{how}{cause}"))
}

/// The tone of a state.
pub(super) fn tone(state: UnitState) -> Tone {
    match state {
        UnitState::Running | UnitState::Held => Tone::Good,
        UnitState::Standby => Tone::Plain,
        UnitState::Failed | UnitState::LeftBehind => Tone::Bad,
        UnitState::Ended => Tone::Faint,
        _ => Tone::Changing,
    }
}

fn rank(state: UnitState) -> u8 {
    match tone(state) {
        Tone::Bad => 0,
        Tone::Changing if state == UnitState::Delayed => 1,
        Tone::Changing => 2,
        Tone::Good | Tone::Plain => 3,
        Tone::Faint => 4,
    }
}
