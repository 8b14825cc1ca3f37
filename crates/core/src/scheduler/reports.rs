//! What a flavour reports, to its host.

use std::any::Any;

use crate::base::manual_time::ManualTime;
use crate::base::sync::Arc;
use crate::base::sync::atomic::Ordering::SeqCst;
use crate::contract::reporter::{FlavourReports, RunsHere};
use crate::contract::waking::Waking;
use crate::scheduler::host::Host;

impl FlavourReports for Host {
    fn runs_on(&self, threads: usize) {
        self.width.store(threads.max(1), SeqCst);
    }

    fn runs_here(&self) {
        self.note_thread();
    }

    fn runs_where(&self, answer: Box<RunsHere>) {
        // The first one stays.
        let _ = self.runs_here.set(answer);
    }

    fn stack_size(&self) -> Option<usize> {
        self.lifetime.settings.stack_size
    }

    fn leader(&self) -> Option<Arc<ManualTime>> {
        self.lifetime.settings.clock.leads().cloned()
    }

    fn waking(&self) -> Waking {
        self.watch.waking.clone()
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    /// The flavour is lost, and with it every payload that ran on it.
    fn lost(&self, reason: &str) {
        self.fail_flavour(reason);
        for scheduler in self.schedulers() {
            for task in scheduler.alive() {
                task.lose("its flavour died before the payload was over");
            }
        }
    }
}
