//! The key and the executor behind it.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use std::time::Duration;

use async_executor::LocalExecutor;
use async_io::Timer;
use foster_core::{
    BoxError, Coroutine, Executor, ExecutorThread, Flavour, Identifier, Intake, Key, Reporter,
};
use futures_lite::future::yield_now;

use crate::children;

/// The key of the smol flavour: coroutines on one thread, with async-io's reactor.
///
/// Its futures need not be `Send`, and never run in parallel with each other.
///
/// # Limits
///
/// async-io keeps one thread for the whole process. It starts with the first flavour, timer or socket,
/// outlives the runtime and never ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Smol;

impl Key for Smol {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("smol") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        start_reactor();
        ExecutorThread::begin_surely(reporter, || SmolExecutor(Rc::new(LocalExecutor::new())))
    }
}

/// Makes async-io's reactor and its thread now, and not in the midst of `block_on`. async-io panics if it
/// cannot make them. Here the panic refuses the start; there it would end a flavour that has taken payloads,
/// or the process, as a destructor on the way out panics again.
fn start_reactor() {
    static STARTED: OnceLock<()> = OnceLock::new();
    // Once in a process, as it wakes the reactor's thread. A panic leaves it to the next start.
    STARTED.get_or_init(|| {
        // A waiting timer is the shortest way to the reactor.
        let mut timer = Timer::after(Duration::from_secs(3_600));
        let _ = Pin::new(&mut timer).poll(&mut Context::from_waker(Waker::noop()));
    });
}

struct SmolExecutor(Rc<LocalExecutor<'static>>);

impl Executor for SmolExecutor {
    fn run(&self, intake: &Intake) {
        let payloads = intake.drive(yield_now, || false);
        // The executor itself is for tasks that payloads spawn.
        children::within(&self.0, || async_io::block_on(self.0.run(payloads)));
    }
}
