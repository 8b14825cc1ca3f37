//! What a flavour reports, to its host.

use std::any::Any;

use crate::base::manual_time::ManualTime;
use crate::base::sync::Arc;
use crate::base::sync::atomic::Ordering::SeqCst;
use crate::contract::reporter::{FlavourReports, RunsHere, Unbegun};
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

    fn begins(&self, sure: bool) {
        let mut start = self.lock_start();
        start.takes_early = start.under_way;
        if !sure {
            start.beginning += 1;
        }
    }

    fn has_begun(&self, failed: Option<Unbegun>) {
        let mut start = self.lock_start();
        start.beginning -= 1;
        if start.under_way {
            start.failed.extend(failed);
            drop(start);
            self.start_over.notify_all();
        } else if let Some(failed) = failed {
            // Nobody waits for it: the flavour was up, and has begun a further thread.
            drop(start);
            self.lost(&format!("a thread of it could not begin: {}", failed.error));
            drop(failed);
        }
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
