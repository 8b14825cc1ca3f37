//! The start and the end of the flavour behind a host.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::base::moment::later;
use crate::base::panics::panic_message;
use crate::base::sync::{Arc, MutexGuard, PoisonError, Weak};
use crate::contract::backend::Typed;
use crate::contract::flavour::Flavour;
use crate::contract::probe::Probe;
use crate::contract::reporter::{FlavourReports, Reporter};
use crate::errors::refusal::{BoxError, Reason};
use crate::scheduler::host::{Host, Start};
use crate::task::{self, Dropping};

/// The smallest stack that may be set, in bytes. With less, a thread would not reach its first
/// payload.
const LEAST_STACK: usize = 64 * 1024;

impl Host {
    /// The flavour, started now if it was not started before.
    #[inline]
    pub(crate) fn started<'a, P: 'static>(
        self: &'a Arc<Self>,
        typed: &'a Typed<P>,
    ) -> Result<&'a Arc<dyn Flavour<Payload = P>>, Reason> {
        match typed.flavour() {
            Some(flavour) => Ok(flavour),
            None => self.start(typed, |_| ()),
        }
    }

    /// Starts the flavour, unless another thread was first. If a thread of the flavour's goes on with the start, `hand_in`
    /// hands in the first payload meanwhile, so that the thread finds it as it begins; if the start fails then, that payload
    /// is dropped as refused.
    #[cold]
    pub(crate) fn start<'a, P: 'static>(
        self: &'a Arc<Self>,
        typed: &'a Typed<P>,
        hand_in: impl FnOnce(&Arc<dyn Flavour<Payload = P>>),
    ) -> Result<&'a Arc<dyn Flavour<Payload = P>>, Reason> {
        let mut start = self.lock_start();
        loop {
            if let Some(flavour) = typed.flavour() {
                return Ok(flavour);
            }
            if start.closed {
                return Err(Reason::Stopping);
            }
            if !start.under_way {
                break;
            }
            start = self.wait_for_start(start);
        }
        (start.under_way, start.takes_early) = (true, false);
        drop(start);
        // Without the lock: this is the flavour's code and may take its time, and the runner must
        // be able to close the host meanwhile.
        let reporter = Reporter::new(
            self.identifier().clone(),
            Arc::downgrade(self) as Weak<dyn FlavourReports>,
        );
        let mut is_handed_in = false;
        let begin = || {
            self.check_stack_size()?;
            let flavour = typed.start(reporter)?;
            is_handed_in = self.lock_start().is_open_early();
            if is_handed_in {
                hand_in(&flavour);
                // Here, as the executor's thread would wake the runner before it polls.
                self.watch.waking.note();
            }
            Ok(flavour)
        };
        let mut result = catch_unwind(AssertUnwindSafe(begin))
            .unwrap_or_else(|panic| Err(panic_message(panic).into()));
        let payloads = self.come_out(&mut result);
        let mut start = self.lock_start();
        // Kept even if the host was closed meanwhile: the runner waited for this, and joins
        // the flavour.
        let started = result.map(|flavour| typed.keep(flavour));
        start.under_way = false;
        self.start_over.notify_all();
        let closed = start.closed;
        drop(start);
        // Their destructors may start the flavour once more.
        task::drop_for(Dropping::Refused, payloads);
        let flavour = started.map_err(Reason::Start)?;
        if closed {
            // The runner may have stopped waiting.
            flavour.cancel();
            if !is_handed_in {
                return Err(Reason::Stopping);
            }
        }
        Ok(flavour)
    }

    /// Waits for the threads of the flavour that go on with the start. If one of them could not begin, ends the flavour,
    /// has the result say why, and returns the payloads that it was handed.
    fn come_out<P: 'static>(
        &self,
        result: &mut Result<Arc<dyn Flavour<Payload = P>>, BoxError>,
    ) -> Vec<Box<dyn Send>> {
        let mut start = self.lock_start();
        while start.beginning > 0 {
            start = self.wait_for_start(start);
        }
        let failed = mem::take(&mut start.failed);
        drop(start);
        let mut payloads = Vec::new();
        for failed in failed {
            payloads.push(failed.payloads);
            if let Ok(flavour) = result {
                flavour.cancel();
                // Nothing is left of its threads when the adopter hears of it.
                flavour.join(later(Instant::now(), self.lifetime.settings.cancel_timeout));
                *result = Err(failed.error);
            }
        }
        payloads
    }

    fn wait_for_start<'a>(&self, start: MutexGuard<'a, Start>) -> MutexGuard<'a, Start> {
        let waited = self.start_over.wait(start);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn check_stack_size(&self) -> Result<(), BoxError> {
        match self.lifetime.settings.stack_size {
            Some(bytes) if bytes < LEAST_STACK => {
                let least = LEAST_STACK;
                Err(format!("a stack of {bytes} bytes is too small, {least} are the least").into())
            }
            _ => Ok(()),
        }
    }

    /// Forbids further starts of the flavour. `false` if a start was still going on at `by`.
    pub(crate) fn close(&self, by: Instant) -> bool {
        let mut start = self.lock_start();
        start.closed = true;
        while start.under_way {
            let Some(left) = by.checked_duration_since(Instant::now()) else {
                return false;
            };
            start = self
                .start_over
                .wait_timeout(start, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    pub(super) fn lock_start(&self) -> MutexGuard<'_, Start> {
        self.start.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the flavour, if it was started, to end when it is empty.
    pub(crate) fn cancel_flavour(&self) {
        self.guard(|| self.backend.cancel(), ());
    }

    /// Waits for the flavour's threads until `by`. `true` if it was never started.
    pub(crate) fn join_flavour(&self, by: Instant) -> bool {
        self.guard(|| self.backend.join(by), false)
    }

    /// Asks the flavour's executor whether it goes on.
    pub(crate) fn probe(&self, probe: Probe) {
        self.guard(|| self.backend.probe(probe), ());
    }

    /// Runs the flavour's code for the runner, which must survive its panics.
    fn guard<R>(&self, run: impl FnOnce() -> R, otherwise: R) -> R {
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let message = format!("the flavour panicked: {}", panic_message(panic));
            self.fail_flavour(&message);
            otherwise
        })
    }
}
