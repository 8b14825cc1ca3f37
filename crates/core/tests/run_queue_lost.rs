//! What becomes of payloads whose run queue is lost, shared or driven in ways that nobody should. Small enough for
//! Miri.

mod open;
mod plain;

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread::{self};
use std::time::Instant;

use foster_core::{
    BoxError, Coroutine, Executor, ExecutorThread, FailureKind, Flavour, Identifier, Intake, Key,
    Latch, Rejected, Reporter, Runtime, Signals,
};

use open::{Open, poll};
use plain::*;

/// Those that are woken when nobody polls any more are not.
#[test]
fn f2_an_executor_that_dies_keeps_nothing() {
    let runtime = runtime();
    let known = Known::new(Plain::Mortal { at_once: true });
    let kept = Arc::new(Mutex::new(None));
    let waits = {
        let kept = Arc::clone(&kept);
        move || {
            poll_fn(move |context| {
                *kept.lock().unwrap() = Some(context.waker().clone());
                Poll::<()>::Pending
            })
        }
    };
    let last = move || async move {
        let waker: Option<Waker> = kept.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
        DIES.set(true);
    };
    runtime.adopt(known.clone(), waits).unwrap();
    runtime.execute(known.clone(), || async {}).unwrap();
    runtime.adopt(known.clone(), last).unwrap();
    runtime.wait().unwrap_err();
    drop(runtime);
    known.is_last();
}

/// Nor those that are woken by the drop of others.
#[test]
fn f2_what_is_woken_as_its_executor_leaves_it_is_not_kept() {
    /// Wakes whoever is in it when it is dropped.
    struct Wakes(Arc<Mutex<Vec<Waker>>>);
    impl Drop for Wakes {
        fn drop(&mut self) {
            let wakers = std::mem::take(&mut *self.0.lock().unwrap());
            wakers.into_iter().for_each(Waker::wake);
        }
    }
    let runtime = runtime();
    let known = Known::new(Plain::Leaving);
    let kept = Arc::<Mutex<Vec<Waker>>>::default();
    // Each wakes all, whichever is dropped first.
    for _ in 0..2 {
        let wakes = Wakes(Arc::clone(&kept));
        let waits = move || {
            poll_fn(move |context| {
                wakes.0.lock().unwrap().push(context.waker().clone());
                Poll::<()>::Pending
            })
        };
        runtime.adopt(known.clone(), waits).unwrap();
    }
    runtime.execute(known.clone(), || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    drop(runtime);
    known.is_last();
    assert!(kept.lock().unwrap().is_empty());
}

#[test]
fn f2_an_executor_that_dies_loses_its_payloads_and_drops_them_at_home() {
    for at_once in [false, true] {
        let (runtime, key) = (runtime(), Plain::Mortal { at_once });
        let drops = Arc::new(AtomicUsize::new(0));
        let goes_on = Arc::new(Latch::default());
        let waits = Arc::clone(&goes_on);
        let last = move || async move {
            assert!(waits.wait(soon()));
        };
        runtime.adopt(key, last).unwrap();
        // More than are polled before the executor has its turn and dies, so that some are not even looked at.
        for number in 0..200 {
            let drops = Arc::clone(&drops);
            let payload = move || async move {
                let _counted = Counted::new(drops);
                if number == 100 {
                    DIES.set(true);
                }
                pending::<()>().await;
            };
            runtime.adopt(key, payload).unwrap();
        }
        goes_on.open();
        let error = runtime.wait().unwrap_err();
        let failures = error.failures();
        assert!(failures.iter().all(|one| one.kind() == FailureKind::Lost));
        assert_eq!(failures.len() + error.omitted(), 201, "{error}");
        assert!(error.stragglers().is_empty(), "{error}");
        // The cause comes before what follows from it.
        assert_eq!(failures[0].payload(), "plain itself");
        let text = error.to_string();
        assert!(text.contains("a fault of the executor's"), "{error}");
        // Those that were polled, each where it was made.
        assert!(drops.load(SeqCst) > 100, "{}", drops.load(SeqCst));
        // Nor is anything kept of those that were not.
        assert_eq!(Arc::strong_count(&drops), 1);
    }
}

/// A key of a flavour that polls some of its payloads by means of its own, and has the rest driven.
#[derive(Clone, Debug)]
struct Mixed {
    open: Open,
    /// Whether the next payload is for the run queue.
    is_driven: Arc<AtomicUsize>,
}

impl PartialEq for Mixed {
    fn eq(&self, other: &Self) -> bool {
        self.open == other.open
    }
}

#[derive(Debug)]
struct MixedFlavour {
    key: Mixed,
    thread: Arc<dyn Flavour<Payload = Coroutine>>,
}

impl Key for Mixed {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("mixed") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let (key, thread) = (self.clone(), Plain::Well.start(reporter)?);
        Ok(Arc::new(MixedFlavour { key, thread }))
    }
}

impl Flavour for MixedFlavour {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        match self.key.is_driven.load(SeqCst) {
            1 => self.thread.spawn(payload),
            _ => self.key.open.spawn(payload),
        }
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let completion = payload.completion();
        self.spawn(payload)?;
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.thread.cancel();
    }

    fn join(&self, by: Instant) -> bool {
        self.thread.join(by)
    }
}

#[test]
fn f2_a_payload_that_is_polled_beside_the_queue_is_woken_by_its_own_waker() {
    let (runtime, open) = (runtime(), Open::default());
    let is_driven = Arc::new(AtomicUsize::new(1));
    let key = Mixed {
        open: open.clone(),
        is_driven: Arc::clone(&is_driven),
    };
    // From here on the flavour has a queue.
    runtime.execute(key.clone(), || async {}).unwrap();
    is_driven.store(0, SeqCst);
    let mut call = Box::pin(runtime.call(key, pending::<()>));
    let mut idle = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut idle).is_pending());
    let mut payload = open.take();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    assert!(pin!(&mut payload).poll(&mut context).is_pending());
    drop(call);
    assert!(woken.0.wait(Instant::now()), "it is cancelled");
    assert!(pin!(&mut payload).poll(&mut context).is_ready());
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn f2_an_executor_that_has_ended_takes_nothing() {
    struct Ended;
    impl Executor for Ended {
        fn run(&self, _: &Intake) {}
    }
    let (runtime, open) = (runtime(), Open::default());
    runtime.adopt(open.clone(), pending::<()>).unwrap();
    let mut payload = open.take();
    assert!(poll(&mut payload).is_pending());
    let dead = ExecutorThread::start(open.reporter().clone(), || Ok(Ended)).unwrap();
    // It has told of its end when the runtime stops.
    assert!(open.cancelled.wait(soon()));
    assert!(dead.join(soon()));
    let refused = dead.spawn(payload).unwrap_err();
    assert!(
        poll(&mut refused.into_payload()).is_ready(),
        "it is cancelled"
    );
    assert!(runtime.wait().is_err());
}

/// What safe code may do, and nothing may come of it but a report.
#[test]
fn f2_a_queue_that_moves_to_another_thread_leaks_and_is_reported() {
    let runtime = runtime();
    let drops = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&drops);
    let kept = Arc::new(Mutex::new(None));
    let payload = {
        let kept = Arc::clone(&kept);
        move || {
            let counted = Counted::new(counted);
            poll_fn(move |context| {
                let _counted = &counted;
                *kept.lock().unwrap() = Some(context.waker().clone());
                Poll::<()>::Pending
            })
        }
    };
    runtime.adopt(Plain::Moved, payload).unwrap();
    let waiter = thread::spawn(move || runtime.wait());
    while !waiter.is_finished() {
        // Again and again, as one that comes during the poll is answered on the same thread.
        let waker: Option<Waker> = kept.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
        thread::yield_now();
    }
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(drops.load(SeqCst), 0);
}

#[test]
fn f2_a_queue_that_is_driven_twice_at_once_is_reported() {
    // Not started yet: it would be over as soon as the flavour is.
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.adopt(Plain::Twice, pending::<()>).unwrap();
    let error = runtime.run().unwrap_err();
    let text = "driven by one future at a time";
    assert!(error.to_string().contains(text), "{error}");
}

/// What the first one has in hand is lost, and told to be.
#[test]
fn f2_a_queue_that_is_driven_again_is_reported() {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    for _ in 0..3 {
        runtime.adopt(Plain::Again, pending::<()>).unwrap();
    }
    let error = runtime.run().unwrap_err();
    let text = "driven by one future";
    assert!(error.to_string().contains(text), "{error}");
    assert_eq!(error.failures().len(), 4, "{error}");
    assert!(error.stragglers().is_empty(), "{error}");
}

/// A key of a flavour with a second thread, which polls by means of its own.
#[derive(Clone, Debug, Default)]
struct Pair(Arc<OnceLock<Arc<dyn Flavour<Payload = Coroutine>>>>);

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Key for Pair {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("pair") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        struct Feeds;
        impl Executor for Feeds {
            fn run(&self, intake: &Intake) {
                block_on(intake.feed(drop, give_way));
            }
        }
        let second = ExecutorThread::start(reporter.clone(), || Ok(Feeds))?;
        assert!(self.0.set(second).is_ok());
        Plain::Well.start(reporter)
    }
}

#[test]
fn f2_a_thread_that_ends_leaves_the_payloads_of_another_alone() {
    let (runtime, pair) = (runtime(), Pair::default());
    let drops = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&drops);
    let waits = move || async move {
        let _counted = Counted::new(counted);
        pending::<()>().await;
    };
    runtime.adopt(pair.clone(), waits).unwrap();
    runtime.execute(pair.clone(), || async {}).unwrap();
    let second = pair.0.get().unwrap();
    second.cancel();
    assert!(second.join(soon()));
    runtime.execute(pair, || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(drops.load(SeqCst), 1);
}

/// A key of a flavour whose executor polls its first payload itself before it has that driven.
#[derive(Clone, Debug)]
struct Handed(Open);

impl PartialEq for Handed {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

#[derive(Debug)]
struct HandedFlavour {
    open: Open,
    thread: Arc<dyn Flavour<Payload = Coroutine>>,
}

impl Key for Handed {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("handed") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        struct Hands(Open);
        impl Executor for Hands {
            fn run(&self, intake: &Intake) {
                let by = soon();
                while self.0.payloads.lock().unwrap().is_empty() {
                    assert!(Instant::now() < by, "nothing was handed in");
                    thread::yield_now();
                }
                let mut payload = self.0.take();
                assert!(poll(&mut payload).is_pending());
                intake.push(payload).unwrap();
                block_on(intake.drive(give_way, || false));
            }
        }
        let open = self.0.clone();
        let on_thread = open.clone();
        let thread = ExecutorThread::start(reporter, move || Ok(Hands(on_thread)))?;
        Ok(Arc::new(HandedFlavour { open, thread }))
    }
}

impl Flavour for HandedFlavour {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.open.spawn(payload)
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.open.block_on(payload)
    }

    fn cancel(&self) {
        self.thread.cancel();
    }

    fn join(&self, by: Instant) -> bool {
        self.thread.join(by)
    }
}

#[test]
fn f2_a_payload_that_was_polled_before_it_is_driven_is_forgotten() {
    let handed = Handed(Open::default());
    let builder = Runtime::builder().signals(Signals::Leave);
    let runtime = builder.until_idle().build();
    runtime.adopt(handed.clone(), give_way).unwrap();
    runtime.run().unwrap();
    drop(runtime);
    let by = soon();
    while Arc::strong_count(&handed.0.payloads) > 1 {
        assert!(Instant::now() < by, "something is left");
        thread::yield_now();
    }
}
