//! The end of the runtime: what becomes of services that are left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::outward::Outward;
use super::{By, State, Supervisor};
use crate::base::joining::Joining;
use crate::base::sync::atomic::Ordering::SeqCst;
use crate::base::sync::{Arc, MutexGuard, PoisonError};
use crate::errors::failure::{Cause, Failure};
use crate::errors::report::Straggler;
use crate::lifetime::{Lifetime, ServicesReport};
use crate::service::attempt::Attempt;
use crate::service::state::UnitState;
use crate::service::supervision::Event;
use crate::service::supervisor::Aftermath;
use crate::service::unit_core::UnitCore;

/// How long the supervisor has for its end if others have used up the cancel time: it is quick.
const CLOSING: Duration = Duration::from_millis(100);

impl Supervisor {
    /// The grace time is over.
    pub(crate) fn end_grace(&self, lifetime: &Arc<Lifetime>, by_signal: bool) {
        self.bring(lifetime, By::Foster, Event::GraceOver { by_signal });
    }

    /// The runtime is over: says what has become of those that are left, and waits for the supervisor's threads until
    /// `by`.
    pub(crate) fn close(&self, lifetime: &Arc<Lifetime>, by: Instant) -> ServicesReport {
        let mut aftermath = Aftermath::default();
        let (thread, starters, left, mut report) = {
            let mut state = self.lock_unperformed(by);
            state.is_closed = true;
            let now = lifetime.now();
            let mut units: Vec<_> = std::mem::take(&mut state.units).into_values().collect();
            units.sort_by_key(|unit| unit.id);
            for unit in &units {
                let run = state.runs.remove(&unit.id);
                let has_failed = state.supervision.has_failed(unit.id);
                let end = match run.as_ref().and_then(Attempt::task) {
                    Some(task) if !task.state().is_settled() => UnitState::LeftBehind,
                    _ if has_failed => UnitState::Failed,
                    _ => UnitState::Ended,
                };
                if let Some(change) = unit.set_state(end, now) {
                    aftermath.news(self.watchers.publish(&change));
                    aftermath.wake(unit.changed().notify_threads());
                }
                aftermath.drop_run(run);
            }
            self.over.fetch_add(units.len(), SeqCst);
            units.append(&mut state.left);
            // Launches and requests come too late; a value is to be dropped nevertheless.
            for outward in std::mem::take(&mut state.outward) {
                if let Outward::Dispose(unit) = outward {
                    units.push(unit);
                }
            }
            let report = ServicesReport {
                stragglers: std::mem::take(&mut state.stragglers),
                in_vain: std::mem::take(&mut state.in_vain),
            };
            self.settled.notify_all();
            let starters = std::mem::take(&mut state.starters);
            (state.thread.take(), starters, units, report)
        };
        self.bell.ring();
        aftermath.come(lifetime, By::Foster);
        for unit in left {
            drop_aside(lifetime, unit);
        }
        if let Some(thread) = thread {
            if !Joining::start(vec![thread]).wait(by.max(Instant::now() + CLOSING)) {
                report.stragglers.push(Straggler::of_flavour(
                    const { crate::Identifier::new("foster::supervisor") },
                ));
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
        let mut state = self.lock();
        if state.is_closed {
            drop(state);
            drop_aside(lifetime, unit);
        } else {
            state.left.push(unit);
        }
    }

    /// The state, when nobody performs what goes outward, or after `by`.
    fn lock_unperformed(&self, by: Instant) -> MutexGuard<'_, State> {
        let by = by.max(Instant::now() + CLOSING);
        let mut state = self.lock();
        state.awaited += 1;
        while state.is_performed {
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.settled.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.awaited -= 1;
        state
    }
}

/// Drops the value of a unit that no run will need, on a thread on which it may hang.
fn drop_aside(lifetime: &Arc<Lifetime>, unit: Arc<UnitCore>) {
    lifetime.aside(move || drop_at_last(&unit, || unit.source().drop_value()));
}

/// Something that happens to a service when the runtime is over. Nothing is lost that is a failure.
pub(super) fn too_late(lifetime: &Arc<Lifetime>, event: Event<Failure>) {
    match event {
        Event::Failed { failure, .. }
        | Event::Answered {
            error: Some(failure),
            ..
        }
        | Event::FlavourDown(_, failure)
        | Event::Launched(_, Err(Some(failure))) => lifetime.fail(failure),
        _ => {}
    }
}

/// Drops the value of a unit that no run will need; its panic is a failure. Whether it panicked.
pub(in crate::service) fn drop_value(unit: &UnitCore) -> bool {
    drop_for(unit, || unit.source().drop_value())
}

/// As [`drop_value`], by `drops`.
pub(in crate::service) fn drop_for(unit: &UnitCore, drops: impl FnOnce()) -> bool {
    let Err(panic) = catch_unwind(AssertUnwindSafe(drops)) else {
        return false;
    };
    let failure = Failure::new(unit.origin(), Cause::panic(panic));
    let _before = unit.set_failure(failure.clone());
    unit.lifetime().fail(failure);
    true
}

/// As [`drop_for`], of a unit that counts as over already.
pub(in crate::service) fn drop_at_last(unit: &UnitCore, drops: impl FnOnce()) {
    if drop_for(unit, drops) {
        let _change = unit.set_state(UnitState::Failed, unit.lifetime().now());
    }
}
