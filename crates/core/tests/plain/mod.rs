//! A flavour that does nothing but drive the run queue, and what its tests use beside it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use foster_core::{
    BoxError, Coroutine, Executor, ExecutorThread, Flavour, Identifier, Intake, Key, Latch,
    Reporter, Runtime, Signals,
};

/// A key of a flavour that does nothing but drive the run queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    Well,
    /// Its executor counts its turns in the local [`PAUSES`], and may want one after every poll.
    Counted {
        is_spent: bool,
    },
    /// Its executor panics when the local [`DIES`] is set, for which it may have its turn at once.
    Mortal {
        at_once: bool,
    },
    /// Its executor closes the queue by itself when the local [`CLOSES`] is there, and then opens that.
    Closing,
    /// Its executor ends as soon as it is asked to, whatever is left.
    Leaving,
    /// Every poll of its queue is on another thread.
    Moved,
    /// It drives the queue twice.
    Twice,
    /// It drives the queue again when that has polled one payload.
    Again,
}

thread_local! {
    pub static DIES: Cell<bool> = const { Cell::new(false) };
    pub static PAUSES: Cell<usize> = const { Cell::new(0) };
    pub static CLOSES: Cell<Option<Arc<Latch>>> = const { Cell::new(None) };
}

impl Key for Plain {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("plain") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let executor = *self;
        ExecutorThread::start(reporter, move || Ok(executor))
    }
}

impl Executor for Plain {
    fn run(&self, intake: &Intake) {
        let driven = || block_on(intake.drive(give_way, || false));
        match self {
            Self::Well => driven(),
            Self::Counted { is_spent } => {
                let is_spent = *is_spent;
                let pause = || {
                    PAUSES.set(PAUSES.get() + 1);
                    give_way()
                };
                block_on(intake.drive(pause, move || is_spent));
            }
            Self::Mortal { at_once } => {
                let at_once = *at_once;
                let mut queue = pin!(intake.drive(give_way, move || at_once && DIES.get()));
                block_on(poll_fn(|context| {
                    assert!(!DIES.get(), "a fault of the executor's");
                    let polled = queue.as_mut().poll(context);
                    assert!(!DIES.get(), "a fault of the executor's");
                    polled
                }));
            }
            Self::Closing => {
                let mut queue = pin!(intake.drive(give_way, || false));
                block_on(poll_fn(|context| {
                    let polled = queue.as_mut().poll(context);
                    if let Some(closed) = CLOSES.take() {
                        intake.close();
                        closed.open();
                    }
                    polled
                }));
            }
            Self::Leaving => {
                let mut queue = pin!(intake.drive(give_way, || false));
                block_on(poll_fn(|context| match intake.is_closed() {
                    true => Poll::Ready(()),
                    false => queue.as_mut().poll(context),
                }));
            }
            Self::Moved => {
                let mut queue = Box::pin(intake.drive(give_way, || false));
                let waker = Waker::from(Arc::new(Unpark(thread::current())));
                let mut poll = move || queue.as_mut().poll(&mut Context::from_waker(&waker));
                while thread::scope(|scope| scope.spawn(&mut poll).join())
                    .unwrap()
                    .is_pending()
                {
                    thread::park();
                }
            }
            Self::Twice => {
                let mut first = pin!(intake.drive(give_way, || false));
                let mut context = Context::from_waker(Waker::noop());
                assert!(first.as_mut().poll(&mut context).is_pending());
                driven();
            }
            Self::Again => {
                while !format!("{intake:?}").contains("waiting: 3") {
                    thread::yield_now();
                }
                {
                    let mut first = pin!(intake.drive(give_way, || true));
                    let mut context = Context::from_waker(Waker::noop());
                    assert!(first.as_mut().poll(&mut context).is_pending());
                }
                driven();
            }
        }
    }
}

pub struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[derive(Default)]
pub struct Woken(pub Latch);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.open();
    }
}

pub fn block_on(future: impl Future<Output = ()>) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    while future
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        thread::park();
    }
}

/// A future that is ready at its second poll.
pub fn give_way() -> impl Future<Output = ()> {
    let mut given = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

pub fn runtime() -> Runtime {
    let builder = Runtime::builder().signals(Signals::Leave);
    // Under Miri, whose clock counts what it does, two hundred failures take longer than an end may, as a rule.
    let long = Duration::from_secs(3_600);
    let builder = match cfg!(miri) {
        true => builder.grace(long).cancel_timeout(long),
        false => builder,
    };
    let runtime = builder.build();
    runtime.start().unwrap();
    runtime
}

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Counts the drops of what it was made with.
pub struct Counted {
    drops: Arc<AtomicUsize>,
    /// Not `Send`.
    _local: Rc<()>,
}

impl Counted {
    pub fn new(drops: Arc<AtomicUsize>) -> Self {
        let _local = Rc::new(());
        Self { drops, _local }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
    }
}

/// A key that shows whether anything of a runtime that knew it is left.
#[derive(Clone, Debug)]
pub struct Known(Arc<()>, Plain);

impl Known {
    pub fn new(plain: Plain) -> Self {
        Self(Arc::default(), plain)
    }

    /// Waits until nothing is left but this.
    pub fn is_last(&self) {
        // The runtime's own thread has a few lines to go.
        let by = soon();
        while Arc::strong_count(&self.0) > 1 {
            assert!(Instant::now() < by, "something is left");
            thread::yield_now();
        }
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Key for Known {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("known") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.1.start(reporter)
    }
}
