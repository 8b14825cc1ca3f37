//! All about one thing, in lines, for a window of its own.

use foster::status::{FlavourStatus, PayloadStatus, Status, UnitKind, UnitNode};

use super::{Tone, Toned, View, head, units};
use crate::text::{age, clean, count, line};

/// All about a service or a group, the most important first.
pub(super) fn unit(unit: &UnitNode) -> Vec<Toned> {
    let what = match unit.kind {
        UnitKind::Service => "service",
        UnitKind::Group => "group",
        _ => "group of a payload",
    };
    let flavour = unit
        .flavour
        .as_deref()
        .map(|flavour| format!(" on {}", line(flavour)));
    let mut now = vec![format!("{what}{}", flavour.unwrap_or_default())];
    now.push(format!("{} for {}", unit.state, age(unit.state_age)));
    now.extend(
        unit.next_start
            .map(|next| format!("next start in {}", age(next))),
    );
    let mut numbers = Vec::new();
    if unit.restarts > 0 {
        numbers.push(format!(
            "started again {}",
            count(unit.restarts as usize, "time")
        ));
    }
    if let Some(counted) = unit.counted {
        let (starts, window) = (counted.starts, age(counted.window));
        numbers.push(format!(
            "{starts} of {} starts in the last {window}",
            counted.limit
        ));
    }
    if unit.payloads > 0 {
        numbers.push(format!("{} in it", count(unit.payloads, "payload")));
    }
    if let Some(limit) = unit.limit {
        let (taken, places) = (limit.taken, count(limit.limit, "place"));
        numbers.push(format!(
            "{taken} of {places} taken, {} waiting",
            limit.waiting
        ));
    }
    if unit.may_fail {
        numbers.push("its failures are its own".to_owned());
    }
    let mut lines = vec![(now.join(" · "), units::tone(unit.state))];
    if !numbers.is_empty() {
        lines.push((numbers.join(" · "), Tone::Plain));
    }
    if let Some(failure) = &unit.last_failure {
        lines.push(("Last failure".to_owned(), Tone::Bad));
        paragraph(&mut lines, failure);
    }
    section(&mut lines, "Waits for", &unit.waits_for);
    lines
}

/// All about a flavour.
pub(super) fn flavour(flavour: &FlavourStatus) -> Vec<Toned> {
    let (threads, alive) = (
        count(flavour.threads, "thread"),
        count(flavour.alive, "payload"),
    );
    let queued = flavour.queued;
    let numbers = format!(
        "{threads} · {alive} alive, runs of services included · {queued} wait for their turn"
    );
    let mut lines = vec![(numbers, Tone::Plain)];
    let Some(stall) = &flavour.stall else {
        lines.push(("not stalled".to_owned(), Tone::Good));
        return lines;
    };
    let age = age(stall.age);
    lines.push(match stall.is_whole {
        true => (
            format!("stalled for {age}: nothing runs on it any more"),
            Tone::Bad,
        ),
        false => (
            format!("held up for {age}: the other threads go on"),
            Tone::Changing,
        ),
    });
    section(&mut lines, "By", &stall.payloads);
    if stall.payloads.is_empty() {
        lines.push((
            "by something else that the executor runs".to_owned(),
            Tone::Plain,
        ));
    }
    section(&mut lines, "Threads", &stall.threads);
    lines
}

/// All about payloads of one name.
pub(super) fn payloads(payloads: &PayloadStatus) -> Vec<Toned> {
    let group = match &payloads.group {
        Some(group) => format!("in the group {}", line(group)),
        None => "in no group".to_owned(),
    };
    let oldest = match payloads.oldest {
        Some(oldest) => format!("the oldest has been waiting for {}", age(oldest)),
        None => "for how long is not known".to_owned(),
    };
    let alive = format!("{} alive on {}", payloads.count, line(&payloads.flavour));
    [alive, group, oldest]
        .map(|text| (text, Tone::Plain))
        .into()
}

/// All about the runtime.
pub(crate) fn runtime(status: &Status) -> Vec<Toned> {
    let mut lines = head::summary(status);
    lines.push((format!("there for {}", age(status.age)), Tone::Plain));
    lines.push((count(View::Units.count(status), "unit"), Tone::Plain));
    if let Some(stop) = &status.stop {
        let lasts = (
            format!("stop asked for {} ago", age(stop.age)),
            Tone::Changing,
        );
        let grace = (
            format!("{} of grace left", age(stop.grace_left)),
            Tone::Plain,
        );
        lines.extend([
            Toned::default(),
            lasts,
            grace,
            ("Because of".to_owned(), Tone::Bad),
        ]);
        paragraph(&mut lines, &stop.cause.to_string());
        section(&mut lines, "Waits for", &stop.waits_for);
        if stop.waits_for_more > 0 {
            lines.push((format!("  and {} more", stop.waits_for_more), Tone::Plain));
        }
    }
    lines
}

/// The entries below their title, or beside it if there is but one.
fn section(lines: &mut Vec<Toned>, title: &str, entries: &[String]) {
    match entries {
        [] => {}
        [only] => lines.push((format!("{title}: {}", line(only)), Tone::Changing)),
        _ => {
            lines.push((title.to_owned(), Tone::Changing));
            entries.iter().for_each(|entry| paragraph(lines, entry));
        }
    }
}

fn paragraph(lines: &mut Vec<Toned>, text: &str) {
    lines.extend(
        clean(text)
            .lines()
            .map(|line| (format!("  {line}"), Tone::Plain)),
    );
}
