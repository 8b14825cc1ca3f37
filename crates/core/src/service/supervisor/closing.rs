//! The end of the runtime: what becomes of services that are left.

use super::*;

/// How long the supervisor has for its end if others have used up the cancel time: it is quick.
const CLOSING: Duration = Duration::from_millis(100);

impl Supervisor {
    /// The runtime is over: says what has become of those that are left, and waits for the supervisor's thread until `by`,
    /// or [`CLOSING`] if that is longer, and for starters until `by`.
    pub(super) fn close_by(&self, lifetime: &Arc<Lifetime>, by: Instant) -> ServicesReport {
        let quick = Instant::now() + CLOSING;
        let mut guarded = self.wait_until(by.max(quick), |guarded| !guarded.is_performed);
        guarded.is_closed = true;
        let families = std::mem::take(&mut guarded.families);
        let settling = std::mem::take(&mut guarded.settling);
        let mut left = std::mem::take(&mut guarded.left);
        let mut groups = Vec::new();
        // Launches and requests come too late; a value is to be dropped nevertheless.
        for outward in std::mem::take(&mut guarded.outward) {
            if let Outward::Dispose(unit) = outward {
                left.push(unit);
            }
        }
        let mut aftermath = Aftermath::default();
        let mut units: Vec<_> = std::mem::take(&mut guarded.units).into_iter().collect();
        units.sort_by_key(|(_, unit)| unit.id);
        for (_, unit) in units {
            let has_failed = guarded.supervision.has_failed(unit.id);
            if let Some(members) = unit.members() {
                let state = match members.count() {
                    0 if has_failed => UnitState::Failed,
                    0 => UnitState::Ended,
                    _ => UnitState::LeftBehind,
                };
                self.show(&unit, state, lifetime.now(), &mut aftermath);
                groups.push(unit);
                continue;
            }
            let state = match unit.task() {
                Some(task) if !task.state().is_settled() => UnitState::LeftBehind,
                _ if has_failed => UnitState::Failed,
                _ => UnitState::Ended,
            };
            if state != UnitState::LeftBehind {
                aftermath.wake(unit.gates_of_unit().give_back());
            }
            self.show(&unit, state, lifetime.now(), &mut aftermath);
            self.over.fetch_add(1, SeqCst);
            left.push(unit);
        }
        self.say_done(&mut guarded);
        let mut report = std::mem::take(&mut guarded.report);
        let all = guarded.roster.units.values();
        let failed = all.filter(|unit| unit.may_fail && unit.state() == UnitState::Failed);
        report.tolerated = failed.filter_map(|unit| unit.last_failure()).collect();
        let starters = std::mem::take(&mut guarded.starters);
        let thread = guarded.thread.take();
        drop(guarded);
        drop((families, settling, groups));
        self.bell.ring();
        aftermath.come(lifetime, By::Foster);
        for unit in left {
            drop_aside(lifetime, unit);
        }
        if let Some(thread) = thread {
            if !Joining::start(vec![thread]).wait(by.max(Instant::now() + CLOSING)) {
                let supervisor = const { Identifier::new("foster::supervisor") };
                report.stragglers.push(Straggler::of_flavour(supervisor));
            }
        }
        if !starters.is_empty() {
            // One that would not end is known by its flavour, which would not start.
            Joining::start(starters.into_values().collect()).wait(by);
        }
        lifetime.wake_aside(self.watchers.end());
        report
    }

    /// Keeps a unit whose value could not be dropped on its flavour until the runtime is over.
    pub(super) fn leave(&self, lifetime: &Arc<Lifetime>, unit: Arc<UnitCore>) {
        let mut guarded = self.lock();
        if guarded.is_closed {
            drop(guarded);
            drop_aside(lifetime, unit);
        } else {
            guarded.left.push(unit);
        }
    }
}

/// Drops the value of a unit that no run will need, on a thread on which it may hang.
pub(in crate::service) fn drop_aside(lifetime: &Arc<Lifetime>, unit: Arc<UnitCore>) {
    lifetime.aside(move || drop_at_last(&unit, || unit.source().drop_value()));
}

/// Something that happens to a service when the runtime is over. Nothing is lost that is a failure.
pub(super) fn too_late(lifetime: &Arc<Lifetime>, event: Happening<Box<Failure>>) {
    match event {
        Happening::Failed {
            failure,
            may_fail: true,
            ..
        }
        | Happening::Answered {
            error: Some(failure),
            may_fail: true,
            ..
        } => lifetime.tell_line(words::absorbed(*failure)),
        Happening::Failed { failure, .. }
        | Happening::Answered {
            error: Some(failure),
            ..
        }
        | Happening::FlavourDown(_, failure)
        | Happening::Launched(_, Err(Some(failure))) => lifetime.fail(*failure),
        _ => {}
    }
}

/// Has what is left of a unit dropped by `drops`; its panic is a failure. Whether it panicked.
pub(super) fn drop_contained(unit: &UnitCore, drops: impl FnOnce()) -> bool {
    let Err(panic) = catch_unwind(AssertUnwindSafe(drops)) else {
        return false;
    };
    let failure = unit.failure(Cause::panic(panic));
    let _before = unit.set_failure(failure.clone());
    match unit.may_fail {
        true => unit.lifetime().tell_line(words::absorbed(failure)),
        false => unit.lifetime().fail(failure),
    }
    true
}

/// As [`drop_contained`], of a unit that counts as over already.
pub(in crate::service) fn drop_at_last(unit: &UnitCore, drops: impl FnOnce()) {
    if drop_contained(unit, drops) {
        let (lifetime, mut aftermath) = (unit.lifetime(), Aftermath::default());
        let supervisor = supervisor(lifetime);
        let guarded = supervisor.lock();
        supervisor.show(unit, UnitState::Failed, lifetime.now(), &mut aftermath);
        drop(guarded);
        aftermath.come(lifetime, By::User);
    }
}
