//! What is said of the runtime as a whole, above the lists.

use std::time::Duration;

use foster::UnitState;
use foster::status::{RuntimeState, Status};

use super::{Tone, Toned, View, units};
use crate::text::{age, count, line, list};

/// Its state and numbers, in pieces for one line, the most important first.
pub(crate) fn summary(status: &Status) -> Vec<Toned> {
    let tone = match status.state {
        RuntimeState::Running => Tone::Good,
        RuntimeState::Over => Tone::Faint,
        _ => Tone::Changing,
    };
    let mut pieces = vec![(format!("{} {}", status.state, age(status.state_age)), tone)];
    pieces.push(match status.is_ready {
        true => ("ready".to_owned(), Tone::Good),
        false => ("not ready".to_owned(), Tone::Changing),
    });
    pieces.push(match status.failures {
        0 => ("no failures".to_owned(), Tone::Plain),
        failures => (count(failures, "failure"), Tone::Bad),
    });
    let states = [
        UnitState::Failed,
        UnitState::LeftBehind,
        UnitState::Delayed,
        UnitState::Waiting,
    ];
    for state in states {
        let number = status
            .units
            .iter()
            .filter(|unit| unit.state == state)
            .count();
        if number > 0 {
            pieces.push((format!("{number} {state}"), units::tone(state)));
        }
    }
    pieces.push((count(View::Payloads.count(status), "payload"), Tone::Plain));
    pieces
}

/// What somebody who looks should see at once: stalls, and a stop with what it waits for.
pub(crate) fn alerts(status: &Status) -> Vec<Toned> {
    let mut alerts = Vec::new();
    for flavour in &status.flavours {
        let Some(stall) = &flavour.stall else {
            continue;
        };
        let by = match &stall.payloads[..] {
            [] => String::new(),
            payloads => format!(" by {}", list(payloads, 3, 0)),
        };
        let (name, age) = (line(&flavour.name), age(stall.age));
        alerts.push(match stall.is_whole {
            true => (format!("{name} stalled for {age}{by}"), Tone::Bad),
            false => (
                format!("{name} partly held up for {age}{by}"),
                Tone::Changing,
            ),
        });
    }
    if let Some(drain) = &status.drain {
        let text = match drain.left {
            Duration::MAX => "draining, until somebody stops it".to_owned(),
            left => format!("draining, it stops in {}", age(left)),
        };
        alerts.push((text, Tone::Changing));
    }
    if let Some(stop) = &status.stop {
        let cause = line(&stop.cause.to_string());
        if status.state == RuntimeState::Over {
            alerts.push((format!("over: {cause}"), Tone::Changing));
            return alerts;
        }
        let grace = match stop.grace_left.is_zero() {
            true => "no grace time left".to_owned(),
            false => format!("{} of grace left", age(stop.grace_left)),
        };
        alerts.push((
            format!("stopping for {}, {grace}: {cause}", age(stop.age)),
            Tone::Changing,
        ));
        if !stop.waits_for.is_empty() || stop.waits_for_more > 0 {
            let whom = list(&stop.waits_for, 8, stop.waits_for_more);
            alerts.push((format!("it waits for {whom}"), Tone::Changing));
        }
    }
    alerts
}
