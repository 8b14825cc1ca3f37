//! What goes outward: to flavours and payloads, in order, without the lock of services.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{By, Supervisor};
use crate::base::panics::{contain, panic_message};
use crate::base::sync::Arc;
use crate::base::sync::thread::Builder;
use crate::errors::failure::{Cause, Failure};
use crate::errors::refusal::Reason;
use crate::lifetime::Lifetime;
use crate::service::attempt::Attempt;
use crate::service::seams::supervisor;
use crate::service::supervision::Event;
use crate::service::unit_core::UnitCore;

pub(super) enum Outward {
    StartFlavour(Arc<UnitCore>),
    Launch(Attempt),
    Wake(Attempt),
    Cancel(Attempt),
    Cut(Attempt),
    Dispose(Arc<UnitCore>),
}

impl Supervisor {
    /// Performs one. A stranger's flavour may panic in it, which must not end the supervision.
    pub(super) fn go_outward(&self, lifetime: &Arc<Lifetime>, next: Outward) {
        match next {
            Outward::StartFlavour(unit) => self.start_flavour(lifetime, &unit),
            Outward::Launch(attempt) => self.launch_run(lifetime, &attempt),
            Outward::Wake(attempt) => {
                if let Some(task) = attempt.task() {
                    contain(|| task.wake());
                }
            }
            Outward::Cancel(attempt) => {
                if let Some(task) = attempt.task() {
                    contain(|| task.cancel());
                }
            }
            Outward::Cut(attempt) => self.cut(lifetime, &attempt),
            Outward::Dispose(unit) => {
                let is_disposed = catch_unwind(AssertUnwindSafe(|| unit.source().dispose(&unit)));
                if !is_disposed.unwrap_or(true) {
                    self.leave(lifetime, unit);
                }
            }
        }
    }

    /// On a thread of its own, as a flavour may take its time.
    fn start_flavour(&self, lifetime: &Arc<Lifetime>, unit: &Arc<UnitCore>) {
        let (starting, on_thread) = (Arc::clone(unit), Arc::clone(lifetime));
        let start = move || {
            let scheduler = starting.scheduler();
            let result = starting.source().start_flavour(scheduler);
            let supervisor = supervisor(&on_thread);
            supervisor.flavour_started(&on_thread, &starting, result);
        };
        let name = "foster starter".to_owned();
        match Builder::new().name(name).spawn(start) {
            Ok(thread) => {
                let number = unit.scheduler().number();
                // One that was there has told its end, or there would be no other.
                let _before = self.lock().starters.insert(number, thread);
            }
            Err(error) => {
                let reason = Err(Reason::Start(Box::new(error)));
                self.flavour_started(lifetime, unit, reason);
            }
        }
    }

    fn flavour_started(
        &self,
        lifetime: &Arc<Lifetime>,
        unit: &Arc<UnitCore>,
        result: Result<(), Reason>,
    ) {
        let flavour = unit.scheduler().number();
        let failure = |cause| Failure::new(unit.origin(), cause);
        let event = match result.map_err(Reason::into_cause) {
            // Where the runtime stops, launches are refused.
            Ok(()) | Err(None) => Event::FlavourUp(flavour),
            Err(Some(cause)) => Event::FlavourDown(flavour, failure(cause)),
        };
        self.bring(lifetime, By::Foster, event);
    }

    fn launch_run(&self, lifetime: &Arc<Lifetime>, attempt: &Attempt) {
        let source = Arc::clone(attempt.unit().source());
        let launch = || source.launch(attempt.clone());
        let result = match catch_unwind(AssertUnwindSafe(launch)) {
            Ok(result) => result.map_err(Reason::into_cause),
            Err(panic) => Err(Some(Cause::lost(format!(
                "its flavour panicked: {}",
                panic_message(panic)
            )))),
        };
        let failure = |cause| Failure::new(attempt.unit().origin(), cause);
        let result = result.map_err(|cause| cause.map(failure));
        // Only noted here, as whoever performs this goes on with what follows from it.
        self.bring(lifetime, By::Foster, Event::Launched(attempt.id(), result));
    }

    fn cut(&self, lifetime: &Arc<Lifetime>, attempt: &Attempt) {
        let Some(task) = attempt.task() else {
            return;
        };
        contain(|| task.cancel());
        if task.state().is_polling() && !task.state().is_settled() {
            self.bring(lifetime, By::Foster, Event::Blocks(attempt.id()));
        }
    }
}
