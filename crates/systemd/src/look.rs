//! What is seen of a runtime at one moment: a line for people, and whether something moves.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use foster_core::UnitState;
use foster_core::status::{FlavourStatus, RuntimeState, Status, UnitKind, UnitNode};

use crate::serving::NAME;

/// How many names a line has of a kind.
const NAMES: usize = 5;

/// How many characters of a name, and of any other text of a program's.
const LETTERS: usize = 80;

/// How many bytes a line has at most: systemd takes 4,096 for a whole message.
const BYTES: usize = 2_000;

/// How much of the grace time the service leaves, so that it is none that overran it.
const LEFT: Duration = Duration::from_millis(100);

/// What the notifier has to know of a [`Status`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) line: String,
    /// All services of the start have been ready.
    pub(crate) is_ready: bool,
    /// It drains, stops or is over.
    pub(crate) is_ending: bool,
    /// A number that is another one as soon as something has ended or moved on.
    pub(crate) moves: u64,
    /// It runs on before it stops, for so long.
    pub(crate) drain_left: Option<Duration>,
}

impl Look {
    pub(crate) fn new(status: &Status) -> Self {
        Self {
            line: shortened(line(status)),
            is_ready: status.is_ready,
            is_ending: !matches!(
                status.state,
                RuntimeState::Waiting | RuntimeState::Starting | RuntimeState::Running
            ),
            moves: moves(status),
            drain_left: status.drain.as_ref().map(|drain| drain.left),
        }
    }
}

/// Whether it is over for a service that was asked to end and looks on: at once if it is asked alone; while the runtime
/// stops, when that waits for nothing else, or has no more time.
pub(crate) fn is_over(status: &Status) -> bool {
    let Some(stop) = &status.stop else {
        return true;
    };
    stop.is_empty() || stop.grace_left <= LEFT
}

/// What has to be the same for a stop to hang: what is waited for, and how far each unit has come. Not what else lives:
/// executes and calls come and go while a payload hangs.
fn moves(status: &Status) -> u64 {
    let mut hasher = DefaultHasher::new();
    status.state.hash(&mut hasher);
    if let Some(stop) = &status.stop {
        stop.waits_for.hash(&mut hasher);
        stop.waits_for_more.hash(&mut hasher);
    }
    for unit in status.units.iter().filter(|unit| unit.name != NAME) {
        (&unit.name, unit.state).hash(&mut hasher);
    }
    hasher.finish()
}

fn shortened(mut line: String) -> String {
    if line.len() > BYTES {
        let end = (0..=BYTES).rev().find(|end| line.is_char_boundary(*end));
        line.truncate(end.unwrap_or(0));
        line.push('…');
    }
    line
}

/// One line of what the runtime does, and of what is not as it should be.
fn line(status: &Status) -> String {
    let services = || status.units.iter().filter(|unit| is_service(unit));
    let named = |is_one: fn(UnitState) -> bool| {
        let those = services().filter(move |unit| is_one(unit.state));
        names(those.map(|unit| unit.name.as_str()), 0)
    };
    let mut line = match status.state {
        RuntimeState::Waiting | RuntimeState::Starting | RuntimeState::Running
            if !status.is_ready =>
        {
            "starting".to_owned()
        }
        RuntimeState::Waiting | RuntimeState::Starting | RuntimeState::Running => {
            let is_on = |unit: &&UnitNode| unit.state.is_ready();
            match services().filter(is_on).count() {
                1 => "running: 1 service".to_owned(),
                number => format!("running: {number} services"),
            }
        }
        RuntimeState::Draining => match status.drain {
            Some(drain) if drain.left < Duration::MAX => {
                format!("draining, {} s left", seconds(drain.left))
            }
            _ => "draining".to_owned(),
        },
        RuntimeState::Stopping => "stopping".to_owned(),
        RuntimeState::Cancelling => "cancelling what is left".to_owned(),
        other => other.to_string(),
    };
    if let Some(stop) = &status.stop {
        let _ = write!(line, " ({})", clean(&stop.cause.to_string()));
        if let Some(names) = names(
            stop.waits_for.iter().map(String::as_str),
            stop.waits_for_more,
        ) {
            let _ = write!(line, ": waits for {names}");
        }
    } else {
        // Those that are at it come before those that wait for them.
        let starting = services().filter(|unit| unit.state == UnitState::Starting);
        let waiting = services().filter(|unit| unit.state == UnitState::Waiting);
        let awaited = starting.chain(waiting).map(|unit| unit.name.as_str());
        if let Some(names) = names(awaited, 0) {
            let verb = match status.is_ready {
                true => "; starting: ",
                false => ": waits for ",
            };
            let _ = write!(line, "{verb}{names}");
        }
        if let Some(names) = named(|state| state == UnitState::Delayed) {
            let _ = write!(line, "; to start again: {names}");
        }
    }
    if let Some(names) = named(|state| state == UnitState::Failed) {
        let _ = write!(line, "; failed: {names}");
    }
    for flavour in &status.flavours {
        let _ = write!(line, "{}", stalled(flavour));
    }
    line
}

/// As people count down: the last second is 1.
fn seconds(time: Duration) -> u64 {
    let begun = u64::from(time.subsec_millis() > 0);
    time.as_secs().saturating_add(begun)
}

/// Of services alone: groups are ready when what is in them is. The notifier itself is not worth a word.
fn is_service(unit: &UnitNode) -> bool {
    unit.kind == UnitKind::Service && unit.name != NAME
}

fn stalled(flavour: &FlavourStatus) -> String {
    let Some(stall) = flavour.stall.as_ref().filter(|stall| stall.is_whole) else {
        return String::new();
    };
    // Their names say on which flavour they are.
    match names(stall.payloads.iter().map(String::as_str), 0) {
        Some(payloads) => format!("; blocked by {payloads}"),
        None => format!("; {} is blocked", clean(&flavour.name)),
    }
}

/// The first names, and how many there are beside them; `None` of none.
fn names<'a>(names: impl Iterator<Item = &'a str>, more: usize) -> Option<String> {
    let mut names = names.peekable();
    names.peek()?;
    let first: Vec<_> = names.by_ref().take(NAMES).map(clean).collect();
    let list = first.join(", ");
    Some(match names.count() + more {
        0 => list,
        more => format!("{list} and {more} more"),
    })
}

/// `text` in one line, and not too long: an end of a line would begin another message.
fn clean(text: &str) -> String {
    let visible = |letter: char| match letter.is_control() {
        true => ' ',
        false => letter,
    };
    let mut letters = text.chars().map(visible);
    let mut cleaned: String = letters.by_ref().take(LETTERS).collect();
    if letters.next().is_some() {
        cleaned.push('…');
    }
    cleaned
}

#[cfg(test)]
mod tests;
