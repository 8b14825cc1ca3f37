//! A custom executor as a flavour: it polls each payload once a frame, like the loop of a game.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use foster::{
    BoxError, Coroutine, Executor, ExecutorThread, Flavour, Identifier, Intake, Key, Reporter,
    RunError, Runtime, Smol,
};
use smol::future::yield_now;

/// The number of frames a second. This is the key: it has the flavour's kind of payload, and starts it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Frames(u32);

impl Key for Frames {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("frames") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let executor = *self;
        ExecutorThread::start(reporter, move || Ok(executor))
    }
}

impl Executor for Frames {
    fn run(&self, intake: &Intake) {
        // Every payload is polled in every frame, so no wake-up is needed.
        let mut context = Context::from_waker(Waker::noop());
        let payloads = RefCell::new(Vec::new());
        let mut feed = pin!(intake.feed(|new| payloads.borrow_mut().push(new), yield_now));
        while feed.as_mut().poll(&mut context).is_pending() {
            let mut payloads = payloads.borrow_mut();
            payloads.retain_mut(|payload| pin!(payload).poll(&mut context).is_pending());
            thread::sleep(Duration::from_secs(1) / self.0);
        }
    }
}

fn main() -> Result<(), RunError> {
    let runtime = Runtime::builder().until_idle().build();
    for (name, frames) in [("ship", 3), ("comet", 2)] {
        runtime.named(name).adopt(Frames(60), move || async move {
            for frame in 1..=frames {
                println!("{name}: frame {frame}");
                yield_now().await;
            }
        })?;
    }
    runtime.adopt(Smol, || async { println!("smol, under the same lifetime") })?;
    runtime.run()
}
