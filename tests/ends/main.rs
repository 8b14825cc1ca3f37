//! The end of a runtime to the moment: what is waited for and how long, who is named and who is not.
//! Rows A6, S1, S2, S3 and S5.

mod afterwards;
#[path = "../common/mod.rs"]
mod common;
mod telling;
mod waiting;

use std::cell::RefCell;
use std::fmt;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Once};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{
    BoxError, Clock, Coroutine, FailureKind, Flavour, Identifier, Key, Latch, Rejected, Reporter,
    Runtime, Shutdown, Smol, StragglerReason, Subroutine, Thread, Tokio,
};

/// The child's side of what is told on standard error.
#[test]
fn as_child() {
    common::child::be_child(|scenario| match scenario {
        "late failure" => afterwards::late_failure(),
        "late failure of a service" => afterwards::late_failure_of_a_service(),
        "late panic" => afterwards::late_panic(),
        other => panic!("no scenario `{other}`"),
    });
}

/// A flavour that polls once, right where payloads are handed in, and takes its time to be joined.
#[derive(Clone, Default)]
struct SlowToJoin {
    cancelled: Event,
    joining: Event,
    may_end: Arc<Latch>,
}

impl PartialEq for SlowToJoin {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.may_end, &other.may_end)
    }
}

impl fmt::Debug for SlowToJoin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlowToJoin")
    }
}

impl Key for SlowToJoin {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("slow_to_join")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Flavour for SlowToJoin {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let polled = pin!(payload).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready());
        Ok(())
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.spawn(payload)
    }

    fn cancel(&self) {
        self.cancelled.happen();
    }

    fn join(&self, by: Instant) -> bool {
        self.joining.happen();
        self.may_end.wait(by)
    }
}

/// A subscriber's output that has to wait.
#[derive(Clone)]
struct SlowOutput {
    telling: Event,
    may_go_on: Event,
}

thread_local! {
    /// Where what this thread tells goes, if it matters.
    static OUTPUT: RefCell<Option<SlowOutput>> = const { RefCell::new(None) };
    /// Dropped at the end of the thread.
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

type AtEnd = OnDrop<Box<dyn FnMut()>>;

struct OutputOfThread;

impl io::Write for OutputOfThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(output) = OUTPUT.with_borrow(Clone::clone) {
            output.telling.happen();
            output.may_go_on.expect("the failure may be told");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One subscriber for all, and before the first failure: what comes to be heard while others are told
/// may be missed.
fn subscribe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_writer(|| OutputOfThread);
        subscriber.init();
    });
}
