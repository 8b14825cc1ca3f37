//! What goes outward: to flavours and payloads, in order, without the lock of services.

use std::array::from_fn;

use super::*;

#[cfg(all(test, foster_model))]
use crate::models::bound;

/// How much whoever brings an event performs, at most. With nothing, the supervisor's own thread performs it all:
/// models run both.
#[cfg(not(all(test, foster_model)))]
const fn bound() -> usize {
    128
}

/// How much is performed between two looks at the queue.
const BATCH: usize = 8;

/// Something that is to be done. `Wake`, `Cancel` and `Cut` act on the present payload of their unit. That is the one that was
/// meant, or none, as the launch of the next one stands behind them.
pub(super) enum Outward {
    StartFlavour(Arc<UnitCore>),
    Launch(Attempt),
    Wake(Arc<UnitCore>),
    Cancel(Arc<UnitCore>),
    Cut(Arc<UnitCore>),
    Dispose(Arc<UnitCore>),
    Watch(Arc<UnitCore>),
}

impl Supervisor {
    /// Performs what goes outward, unless somebody does: all of it on a thread of Foster's, else up to a bound.
    pub(super) fn perform<'a>(
        &'a self,
        mut guarded: MutexGuard<'a, Guarded>,
        lifetime: &Arc<Lifetime>,
        by: By,
    ) {
        if guarded.is_performed || guarded.outward.is_empty() {
            return;
        }
        guarded.is_performed = true;
        let mut left = bound();
        while by == By::Foster || left > 0 {
            // Some at once, as the lock may go to and fro between two threads.
            let batch: [_; BATCH] = from_fn(|_| guarded.outward.pop_front());
            if batch[0].is_none() {
                break;
            }
            left = left.saturating_sub(BATCH);
            drop(guarded);
            for next in batch.into_iter().flatten() {
                let event = self.go_outward(lifetime, next);
                let undone = |event| self.lock().supervision.take_quietly(event);
                if let Some(event) = event.and_then(undone) {
                    self.bring(lifetime, By::Foster, event, &[]);
                }
            }
            guarded = self.lock();
        }
        guarded.is_performed = false;
        if !guarded.outward.is_empty() {
            self.bell.ring();
        }
        self.say_done(&mut guarded);
    }

    /// Performs one; returns what happened in it. A stranger's flavour may panic in it, which must not end the
    /// supervision.
    fn go_outward(
        &self,
        lifetime: &Arc<Lifetime>,
        next: Outward,
    ) -> Option<Happening<Box<Failure>>> {
        let is_ask = matches!(next, Outward::Wake(_));
        match next {
            Outward::StartFlavour(unit) => return self.start_flavour(lifetime, &unit),
            Outward::Launch(attempt) => return Some(launch(attempt)),
            Outward::Watch(group) => {
                group.members()?.site.part.watch();
                return self.look(&group);
            }
            Outward::Wake(unit) | Outward::Cancel(unit) | Outward::Cut(unit)
                if unit.members().is_some() =>
            {
                let members = unit.members()?;
                match is_ask {
                    true => members.ask(),
                    false => members.cancel(),
                }
                return self.look(&unit);
            }
            Outward::Wake(unit) => {
                let task = unit.task()?;
                contain(|| task.wake());
            }
            Outward::Cancel(unit) => {
                let task = unit.task()?;
                contain(|| task.cancel());
            }
            Outward::Cut(unit) => {
                let task = unit.task()?;
                contain(|| task.cancel());
                // A poll or a drop that is under way counts as blocking, however short: the run has had its time.
                let blocks = task.state().is_polling() && !task.state().is_settled();
                let run = Attempt::of(&*task)?.id();
                return blocks.then_some(Happening::Blocks(run));
            }
            Outward::Dispose(unit) => {
                let is_disposed = catch_unwind(AssertUnwindSafe(|| unit.source().dispose(&unit)));
                if !is_disposed.unwrap_or(true) {
                    self.leave(lifetime, unit);
                }
            }
        }
        None
    }

    /// On a thread of its own, as a flavour may take its time.
    fn start_flavour(
        &self,
        lifetime: &Arc<Lifetime>,
        unit: &Arc<UnitCore>,
    ) -> Option<Happening<Box<Failure>>> {
        let (starting, on_thread) = (Arc::clone(unit), Arc::clone(lifetime));
        let start = move || {
            let result = starting.source().start_flavour(starting.scheduler());
            let event = flavour_started(&starting, result);
            supervisor(&on_thread).bring(&on_thread, By::Foster, event, &[]);
        };
        let thread = Builder::new().name("foster starter".to_owned());
        match thread.spawn(start) {
            Ok(thread) => {
                let number = unit.scheduler().host.number();
                // An earlier one of this flavour has brought its result, or there would be no second.
                let _before = self.lock().starters.insert(number, thread);
                None
            }
            Err(error) => Some(flavour_started(unit, Err(Reason::Start(Box::new(error))))),
        }
    }
}

fn flavour_started(unit: &UnitCore, result: Result<(), Reason>) -> Happening<Box<Failure>> {
    let flavour = unit.scheduler().host.number();
    match result.map_err(Reason::into_cause) {
        // Where the runtime stops, launches are refused.
        Ok(()) | Err(None) => Happening::FlavourUp(flavour),
        Err(Some(cause)) => Happening::FlavourDown(flavour, Box::new(unit.failure(cause))),
    }
}

/// Hands the payload of a run to its flavour.
fn launch(attempt: Attempt) -> Happening<Box<Failure>> {
    let (unit, id) = (Arc::clone(attempt.unit()), attempt.id());
    let launch = || Arc::clone(unit.source()).launch(&unit, attempt);
    let result = match catch_unwind(AssertUnwindSafe(launch)) {
        Ok(result) => result.map_err(Reason::into_cause),
        Err(panic) => Err(Some(Cause::lost(format!(
            "its flavour panicked: {}",
            panic_message(panic)
        )))),
    };
    let result = result.map_err(|cause| Some(Box::new(unit.failure(cause?))));
    Happening::Launched(id, result)
}
