//! A flavour whose payloads the test polls and drops itself, on threads of its choice.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use foster_core::{
    BoxError, Coroutine, Flavour, Identifier, Key, Latch, Rejected, Reporter, Runtime, Signals,
};

/// A flavour that hands its payloads to the test.
#[derive(Clone, Default)]
pub struct Open {
    pub payloads: Arc<Mutex<Vec<Coroutine>>>,
    reporter: Arc<OnceLock<Reporter>>,
    pub cancelled: Arc<Latch>,
}

impl Open {
    pub fn take(&self) -> Coroutine {
        self.payloads.lock().unwrap().remove(0)
    }

    pub fn reporter(&self) -> &Reporter {
        self.reporter.get().expect("the flavour was started")
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.payloads, &other.payloads)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open")
    }
}

impl Key for Open {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("open")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.reporter.set(reporter).unwrap();
        Ok(Arc::new(self.clone()))
    }
}

impl Flavour for Open {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.payloads.lock().unwrap().push(payload);
        Ok(())
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let completion = payload.completion();
        self.spawn(payload)?;
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.cancelled.open();
    }

    fn join(&self, _: Instant) -> bool {
        true
    }
}

pub fn started() -> Runtime {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    runtime
}

pub fn poll(payload: &mut Coroutine) -> Poll<()> {
    Pin::new(payload).poll(&mut Context::from_waker(Waker::noop()))
}

/// A future that is neither `Send` nor `Unpin`, points into itself, and counts its drops.
pub fn awkward(drops: Arc<AtomicUsize>) -> impl Future<Output = ()> {
    struct Awkward {
        value: Rc<Cell<u32>>,
        own: Cell<*const Rc<Cell<u32>>>,
        drops: Arc<AtomicUsize>,
        _pinned: PhantomPinned,
    }
    impl Drop for Awkward {
        fn drop(&mut self) {
            assert!(self.own.get().is_null() || std::ptr::eq(self.own.get(), &self.value));
            self.drops.fetch_add(1, SeqCst);
        }
    }
    impl Future for Awkward {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            self.own.set(&self.value);
            self.value.set(self.value.get() + 1);
            Poll::Pending
        }
    }
    Awkward {
        value: Rc::new(Cell::new(0)),
        own: Cell::new(std::ptr::null()),
        drops,
        _pinned: PhantomPinned,
    }
}
