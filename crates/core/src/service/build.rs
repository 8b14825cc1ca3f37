//! Making a runtime, with the services of its own.

use super::linked::take_linked;
use super::supervisor::{Supervisor, supervisor};
use crate::base::sync::Arc;
use crate::runtime::{Builder, Runtime};
use crate::scheduler::Scheduler;

impl Builder {
    /// The runtime. Nothing is started yet.
    pub fn build(self) -> Runtime {
        let services = Supervisor::new(self.settings.grace, self.settings.reload_timeout);
        let runtime = Runtime::with(self.settings, Box::new(services));
        let core = runtime.core();
        supervisor(&core.lifetime).set_core(core);
        for key in self.keys {
            let identifier = key.identifier().clone();
            let make = || Scheduler::new(key, Arc::clone(&core.root.part));
            core.root.schedulers.find_or_add(&identifier, make);
        }
        if let Some(expected) = self.linked {
            let taken = take_linked(&runtime, &expected);
            taken.unwrap_or_else(|problem| supervisor(&core.lifetime).spoil(problem));
        }
        runtime
    }
}
