//! What the supervision decides, in words.

use super::*;
use crate::base::text;
use crate::errors::reload::ReloadOutcome;
use crate::service::reload::{Reply, Settled};

/// How units are found by their number.
type Find<'a> = dyn Fn(Id) -> Option<&'a Arc<UnitCore>> + 'a;

fn name(id: Id, find: &Find<'_>) -> String {
    let known = find(id).map(|unit| format!("`{}`", unit.name()));
    known.unwrap_or_else(|| "a service that is over".to_owned())
}

fn names(ids: &[Id], find: &Find<'_>) -> String {
    let mut names: Vec<_> = ids.iter().map(|id| name(*id, find)).collect();
    names.sort();
    names.join(", ")
}

/// The failure of a unit for such a cause.
pub(super) fn failure(unit: &UnitCore, fault: Fault<Box<Failure>>, find: &Find<'_>) -> Failure {
    let kept = || unit.last_failure().expect("one was kept");
    let kind = match &fault {
        Fault::Returned | Fault::GivenUp { .. } => FailureKind::Returned,
        Fault::Stuck => FailureKind::Stuck,
        _ => FailureKind::NotReady,
    };
    let text = match fault {
        Fault::Given(failure) => return *failure,
        Fault::Kept => return kept(),
        Fault::GivenUp {
            starts,
            window,
            returned,
        } => {
            let text = "its run came to an end by itself, again and again";
            let returns = || unit.failure(Cause::text(kind, text.to_owned()));
            let failure = if returned { returns() } else { kept() };
            return failure.give_up(starts, window);
        }
        Fault::UnreadyAtItsEnd => "it ended without having said that it is ready".to_owned(),
        Fault::Returned => "its run came to an end by itself".to_owned(),
        Fault::Late {
            within,
            notifies,
            waiters,
        } => {
            let what = match notifies {
                true => "did not say that it is ready",
                false => "was not started",
            };
            let waiters = match &waiters[..] {
                [] => String::new(),
                [one] => format!("; {} waits for it", name(*one, find)),
                all => format!("; {} wait for it", names(all, find)),
            };
            format!("it {what} within {within:?}{waiters}")
        }
        Fault::WaitedTooLong { within, others } => {
            let others = others.iter().filter_map(|other| find(*other));
            let others =
                others.map(|other| format!("`{}`, which is {}", other.name(), other.state()));
            let others: Vec<_> = others.collect();
            format!("it waited for {within:?}, for {}", others.join(" and for "))
        }
        Fault::WaitsForEver { other, was_stopped } => {
            let how = match was_stopped {
                true => "was stopped before it was ready",
                false => "is over without having been ready",
            };
            format!("it waits for {}, which {how}", name(other, find))
        }
        Fault::Stuck => "it was asked to end and goes on, so it cannot be started again".to_owned(),
    };
    unit.failure(Cause::text(kind, text))
}

/// A failure that is a service's, unless it is given up for it.
pub(super) fn absorbed(failure: Failure) -> Line {
    Line::followed(failure, "kept with the service")
}

/// A failure of what is in a group, for which that ends.
pub(super) fn absorbed_in(group: &UnitCore, failure: Failure) -> Line {
    let path = text::line(group.name(), text::NAME_LIMIT);
    Line::followed(failure, format!("the group `{path}` ends for it"))
}

/// What is to be known of a unit beside its failures.
pub(super) fn line(unit: &UnitCore, remark: &Remark) -> Line {
    let event = match remark {
        Remark::Restarts(_) => "unit.restarting",
        Remark::Overran => "unit.overran",
        Remark::GoesOn => "unit.goes_on",
        Remark::TooLong { .. } => "unit.times_too_long",
    };
    let text = match remark {
        Remark::Restarts(Duration::MAX) => {
            "does not start again by itself: its delay is without end".to_owned()
        }
        Remark::Restarts(delay) => format!("starts again in {:?}", in_milliseconds(*delay)),
        Remark::Overran => "overran its stop time".to_owned(),
        Remark::GoesOn => "was asked to stop and goes on".to_owned(),
        Remark::TooLong { times, grace } => format!(
            "the stop times of `{}` and the services that it comes after take {times:?} together, \
             and the grace time is {grace:?}: all of them are shortened in proportion",
            unit.name()
        ),
    };
    let line = Line::about(event, unit.origin(), text);
    match remark {
        Remark::Restarts(delay) => line.delay(*delay).restarts(unit.status().restarts() + 1),
        _ => line,
    }
}

/// That a unit is in another state, for those who look for it.
pub(super) fn state(unit: &UnitCore, state: UnitState) -> Option<Line> {
    let is_group = unit.members().is_some();
    let event = match state {
        UnitState::Starting => "unit.started",
        UnitState::Running if is_group => "group.started",
        UnitState::Running => "unit.ready",
        UnitState::Standby => "unit.standby",
        UnitState::Held => "unit.held",
        UnitState::Stopping if is_group => "group.stopping",
        UnitState::Stopping => "unit.stopping",
        state if state.is_over() && is_group => "group.stopped",
        state if state.is_over() => "unit.stopped",
        // That it restarts is told by itself.
        _ => return None,
    };
    let line = Line::note(event, Some(unit.origin()), state.to_string());
    Some(line.restarts(unit.status().restarts()))
}

/// What became of a unit in a reload that gave it this time, and what is told of that.
pub(super) fn settled(
    unit: &UnitCore,
    settled: Settled<Box<Failure>>,
    limit: Duration,
) -> (ReloadOutcome, Option<Line>) {
    let about = |text: String| Some(Line::about("reload.unanswered", unit.origin(), text));
    let unanswered = "was asked to reload and gave no answer".to_owned();
    match settled {
        Settled::Done => (ReloadOutcome::Done, None),
        Settled::Failed(failure) => {
            let line = Line::followed((*failure).clone(), "and goes on as it was");
            (ReloadOutcome::Failed(*failure), Some(line))
        }
        Settled::Unanswered => (ReloadOutcome::Unanswered, about(unanswered)),
        Settled::Unready => {
            let has_failed = matches!(unit.state(), UnitState::Failed | UnitState::Delayed);
            let failure = unit.last_failure().filter(|_| has_failed);
            let outcome = failure.map_or(ReloadOutcome::Unanswered, ReloadOutcome::Failed);
            let text = "was restarted for a reload and did not become ready";
            (outcome, about(text.to_owned()))
        }
        Settled::Late => {
            let text = format!("was asked to reload and gave no answer within {limit:?}");
            (ReloadOutcome::Late, about(text))
        }
    }
}

/// That a unit has answered too late.
pub(super) fn late_answer(unit: &UnitCore, reply: Reply<Box<Failure>>) -> Line {
    match reply {
        Reply::Failed(failure) => Line::followed(*failure, "and says so too late"),
        _ => Line::about(
            "reload.late",
            unit.origin(),
            "has reloaded, but says so too late",
        ),
    }
}

/// That `unit` waited for `other` until the stop began: for whoever listens, and for the report.
pub(super) fn in_vain(unit: &UnitCore, other: &UnitCore) -> (Line, String) {
    let other_is = match other.state() {
        UnitState::Failed => "has failed".to_owned(),
        UnitState::Ended => "has ended".to_owned(),
        UnitState::Starting if other.last_failure().is_some() => "failed as it started".to_owned(),
        state => format!("is {state}"),
    };
    let text = format!("waited for `{}`, which {other_is}", other.name());
    let whole = format!("{} {text}", unit.origin());
    (
        Line::about("unit.waited_in_vain", unit.origin(), text),
        whole,
    )
}

/// Of what did not end in time, which ends nothing else.
pub(super) const LATE: &str = "did not end in time, its own affair";

/// A run in the report, and why it is there.
pub(super) fn blame(task: &Task, blame: &Blame, find: &Find<'_>) -> Straggler {
    match blame {
        Blame::Overran => task.straggler(StragglerReason::Overran),
        Blame::NotAsked { by } => {
            let by = match &by[..] {
                [] => String::new(),
                by => format!(": {} used it up", names(by, find)),
            };
            let straggler = task.straggler(StragglerReason::NotAsked);
            straggler.with_story(format!("not asked in time{by}"))
        }
        Blame::CutShort { after, of } => {
            let after = after.as_secs_f64();
            // As many places as it takes.
            let of = (of.as_secs_f64() * 10.0).round() / 10.0;
            let straggler = task.straggler(StragglerReason::CutShort);
            straggler.with_story(format!(
                "cut short after {after:.1} of {of} s by a signal or `end_grace`"
            ))
        }
        Blame::Cancelled => {
            let straggler = task.straggler(StragglerReason::CutShort);
            straggler.with_story("cancelled, but it went on".to_owned())
        }
    }
}

/// As a person reads it: without the digits that jitter leaves, unless there are no others.
fn in_milliseconds(time: Duration) -> Duration {
    let rest = Duration::from_nanos(u64::from(time.subsec_nanos() % 1_000_000));
    if time > rest { time - rest } else { time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_told_in_milliseconds() {
        let table = [
            (91_039_223, "91ms"),
            (30_000_000_001, "30s"),
            (1_047_946_847, "1.047s"),
            (200, "200ns"),
            (0, "0ns"),
        ];
        for (nanos, text) in table {
            assert_eq!(
                format!("{:?}", in_milliseconds(Duration::from_nanos(nanos))),
                text
            );
        }
    }
}
