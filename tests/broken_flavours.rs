//! Flavours that break: whatever they do wrong is reported, and nobody hangs on them. Rows E5, F1
//! and F2.

mod common;

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{
    AdoptErrorKind, BoxError, Coroutine, ExecuteErrorKind, FailureKind, Flavour, Identifier, Key,
    Rejected, Reporter, Runtime, Smol, StragglerReason, Thread,
};

once!(
    f1_a_strangers_flavour_keeps_the_rows,
    e5_a_caller_of_a_stuck_flavour_is_let_go,
    f2_a_flavour_that_drops_a_payload_is_reported,
    f2_a_flavour_that_dies_is_reported_with_its_payloads,
    f2_a_caller_of_a_dead_flavour_is_let_go,
    f2_a_poll_on_a_second_thread_is_reported_and_sound,
    f2_a_drop_on_a_second_thread_is_reported_and_sound,
    a_flavour_that_rejects_says_why,
    a_flavour_that_will_not_join_is_a_straggler,
    a_flavour_that_keeps_its_payloads_is_told,
    a_flavour_that_panics_in_cancel_and_join_is_a_failure,
);

/// What a flavour made for a test does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    DropsPayloads,
    Rejects,
    NeverPolls,
    DropsElsewhere,
    PollsElsewhere,
    WillNotJoin,
    PanicsAtTheEnd,
    Stuck,
}

/// A stranger's flavour: a thread that polls what is in a queue, with a fault of choice.
#[derive(Clone, Debug, PartialEq)]
struct Strange(Fault);

#[derive(Default)]
struct Shared {
    queue: Mutex<VecDeque<Coroutine>>,
    cancelled: AtomicBool,
    polled: AtomicUsize,
}

struct StrangeFlavour {
    fault: Fault,
    shared: Arc<Shared>,
    ended: Event,
}

impl fmt::Debug for StrangeFlavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StrangeFlavour({:?})", self.fault)
    }
}

impl Key for Strange {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("strange")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let flavour = StrangeFlavour {
            fault: self.0,
            shared: Arc::default(),
            ended: Event::new(),
        };
        let (fault, shared, ended) = (self.0, Arc::clone(&flavour.shared), flavour.ended.clone());
        thread::spawn(move || {
            turn(fault, &shared);
            ended.happen();
        });
        Ok(Arc::new(flavour))
    }
}

/// Happens when a flavour with the fault `NeverPolls` has put a payload away.
static KEPT: std::sync::LazyLock<Event> = std::sync::LazyLock::new(Event::new);

/// Happens when somebody is blocked in a flavour with the fault `Stuck`.
static BLOCKED: std::sync::LazyLock<Event> = std::sync::LazyLock::new(Event::new);

fn turn(fault: Fault, shared: &Arc<Shared>) {
    if fault == Fault::Stuck {
        return;
    }
    let poll = |payload: &mut Coroutine| {
        Pin::new(payload)
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    };
    loop {
        let next = shared.queue.lock().unwrap().pop_front();
        let Some(mut payload) = next else {
            if shared.cancelled.load(SeqCst) {
                return;
            }
            thread::yield_now();
            continue;
        };
        let polled = shared.polled.fetch_add(1, SeqCst);
        let pending = match (fault, polled) {
            (Fault::NeverPolls, 1..) => {
                // Keeps it, beyond the end of the thread.
                std::mem::forget(payload);
                KEPT.happen();
                continue;
            }
            (Fault::PollsElsewhere, 1..) => {
                thread::scope(|scope| scope.spawn(|| poll(&mut payload)).join().unwrap())
            }
            (Fault::DropsElsewhere, 1..) => {
                thread::spawn(move || drop(payload)).join().unwrap();
                continue;
            }
            _ => poll(&mut payload),
        };
        if pending {
            shared.queue.lock().unwrap().push_back(payload);
        }
    }
}

impl Flavour for StrangeFlavour {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        if self.shared.cancelled.load(SeqCst) {
            return Err(Rejected::new(payload));
        }
        match self.fault {
            Fault::DropsPayloads => drop(payload),
            Fault::Rejects => return Err(Rejected::because(payload, "not on Tuesdays")),
            _ => self.shared.queue.lock().unwrap().push_back(payload),
        }
        Ok(())
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let completion = payload.completion();
        self.spawn(payload)?;
        if self.fault == Fault::Stuck {
            BLOCKED.happen();
        }
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.shared.cancelled.store(true, SeqCst);
        if self.fault == Fault::PanicsAtTheEnd {
            panic!("in cancel");
        }
    }

    fn join(&self, by: Instant) -> bool {
        if self.fault == Fault::WillNotJoin {
            thread::sleep(by.saturating_duration_since(Instant::now()));
            return false;
        }
        while !self.ended.has_happened() && Instant::now() < by {
            thread::yield_now();
        }
        self.ended.has_happened()
    }
}

/// A runtime with little patience.
fn hasty() -> Runtime {
    let runtime = builder().cancel_timeout(Duration::from_millis(100)).build();
    runtime.start().unwrap();
    runtime
}

fn f1_a_strangers_flavour_keeps_the_rows() {
    let key = Strange(Fault::None);
    let runtime = started();
    assert_eq!(runtime.execute(key.clone(), || async { 1 }).unwrap(), 1);
    let inner = runtime.clone();
    let own = key.clone();
    let kind = runtime
        .execute(key.clone(), move || async move {
            inner.execute(own, || async {}).unwrap_err().kind()
        })
        .unwrap();
    assert_eq!(kind, ExecuteErrorKind::Deadlock);
    let dropped = Event::new();
    let is_dropped = dropped.clone();
    runtime
        .adopt(key.clone(), move || async move {
            let _on_drop = OnDrop(move || is_dropped.happen());
            pending::<()>().await;
        })
        .unwrap();
    runtime
        .named("broken")
        .adopt(key, || async { Err::<(), _>("x") })
        .unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(error.failures()[0].flavour(), "strange");
    assert!(dropped.has_happened());
}

fn e5_a_caller_of_a_stuck_flavour_is_let_go() {
    let runtime = builder()
        .grace(Duration::from_millis(50))
        .cancel_timeout(Duration::from_millis(50))
        .build();
    runtime.start().unwrap();
    let inner = runtime.clone();
    let caller = thread::spawn(move || inner.execute(Strange(Fault::Stuck), || async {}));
    BLOCKED.expect("the caller waits");
    runtime.shutdown();
    runtime.wait().unwrap_err();
    let error = caller.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Cancelled);
}

fn f2_a_flavour_that_drops_a_payload_is_reported() {
    let runtime = started();
    runtime
        .named("dear")
        .adopt(Strange(Fault::DropsPayloads), || async {})
        .unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(error.failures()[0].payload(), "dear");
}

/// A flavour whose thread dies when it is told to.
#[derive(Clone)]
struct Mortal {
    death: Event,
    /// Happens when the thread has dropped its payloads and told that it dies.
    told: Event,
}

impl Mortal {
    fn new() -> Self {
        Self {
            death: Event::new(),
            told: Event::new(),
        }
    }
}

impl PartialEq for Mortal {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Mortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mortal")
    }
}

struct MortalExecutor(Mortal);

impl foster::Executor for MortalExecutor {
    fn run(&self, intake: &foster::Intake) {
        let executor = Mutex::new(Vec::new());
        let feed = intake.feed(
            |payload| executor.lock().unwrap().push(Box::pin(payload)),
            futures_lite::future::yield_now,
        );
        let mut feed = std::pin::pin!(feed);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            assert!(!self.0.death.has_happened(), "a fault of the executor's");
            if feed.as_mut().poll(&mut context).is_ready() {
                return;
            }
            let payloads = std::mem::take(&mut *executor.lock().unwrap());
            for mut payload in payloads {
                if payload.as_mut().poll(&mut context).is_pending() {
                    executor.lock().unwrap().push(payload);
                }
            }
            thread::yield_now();
        }
    }
}

impl Drop for MortalExecutor {
    fn drop(&mut self) {
        self.0.told.happen();
    }
}

impl Key for Mortal {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("mortal")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let executor = MortalExecutor(self.clone());
        foster::ExecutorThread::start(reporter, || Ok(executor))
    }
}

fn f2_a_flavour_that_dies_is_reported_with_its_payloads() {
    let key = Mortal::new();
    let runtime = started();
    for name in ["one", "two"] {
        runtime
            .named(name)
            .adopt(key.clone(), pending::<()>)
            .unwrap();
    }
    // Holds the grace time open until the thread is gone: what is cancelled before is not lost.
    let (held, told) = (Event::new(), key.told.clone());
    let is_held = held.clone();
    runtime
        .adopt(Thread, move || {
            let _token = foster::Shutdown::current();
            is_held.happen();
            told.expect("the thread dies");
        })
        .unwrap();
    held.expect("the thread holds a token");
    runtime.execute(key.clone(), || async {}).unwrap();
    key.death.happen();
    let error = runtime.wait().unwrap_err();
    assert!(
        error
            .failures()
            .iter()
            .all(|one| one.kind() == FailureKind::Lost),
        "{error}"
    );
    assert!(
        error.to_string().contains("a fault of the executor's"),
        "{error}"
    );
    for name in ["one", "two"] {
        let told = error
            .failures()
            .iter()
            .filter(|one| one.payload() == name)
            .count();
        assert_eq!(told, 1, "{error}");
    }
    assert!(error.stragglers().is_empty(), "{error}");
    let error = runtime.adopt(key, || async {}).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Stopping);
}

fn f2_a_caller_of_a_dead_flavour_is_let_go() {
    let key = Mortal::new();
    let runtime = started();
    let (polled, is_polled) = (Event::new(), Event::new());
    let (inner, its_key, has_polled) = (runtime.clone(), key.clone(), polled.clone());
    let caller = thread::spawn(move || {
        inner.execute(its_key, move || async move {
            has_polled.happen();
            pending::<()>().await;
        })
    });
    polled.expect("the payload runs");
    is_polled.happen();
    key.death.happen();
    assert_eq!(
        caller.join().unwrap().unwrap_err().kind(),
        ExecuteErrorKind::Cancelled
    );
    runtime.wait().unwrap_err();
}

/// Adopts a future that is not `Send` and must neither be polled nor dropped off its thread.
fn adopt_bound(runtime: &Runtime, key: Strange) -> Arc<AtomicUsize> {
    let strays = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&strays);
    runtime
        .named("bound")
        .adopt(key, move || {
            let home = thread::current().id();
            let check = move || {
                if thread::current().id() != home {
                    count.fetch_add(1, SeqCst);
                }
            };
            async move {
                let _on_drop = OnDrop(&check);
                loop {
                    check();
                    futures_lite::future::yield_now().await;
                }
            }
        })
        .unwrap();
    strays
}

fn f2_a_poll_on_a_second_thread_is_reported_and_sound() {
    let runtime = started();
    let strays = adopt_bound(&runtime, Strange(Fault::PollsElsewhere));
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(error.failures()[0].payload(), "bound");
    assert!(error.to_string().contains("leaked"), "{error}");
    assert_eq!(strays.load(SeqCst), 0);
}

fn f2_a_drop_on_a_second_thread_is_reported_and_sound() {
    let runtime = started();
    let strays = adopt_bound(&runtime, Strange(Fault::DropsElsewhere));
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(strays.load(SeqCst), 0);
}

fn a_flavour_that_rejects_says_why() {
    let runtime = started();
    let error = runtime
        .adopt(Strange(Fault::Rejects), || async {})
        .unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Rejected);
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "not on Tuesdays"
    );
    let error = runtime
        .execute(Strange(Fault::Rejects), || async {})
        .unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Rejected);
    runtime.shutdown();
    runtime.wait().unwrap();

    let early = runtime_with_waiting(Strange(Fault::Rejects));
    let error = early.run().unwrap_err();
    assert!(error.to_string().contains("not on Tuesdays"), "{error}");
}

fn runtime_with_waiting(key: Strange) -> Runtime {
    let runtime = common::runtime();
    runtime.adopt(key, || async {}).unwrap();
    runtime
}

fn a_flavour_that_will_not_join_is_a_straggler() {
    let runtime = hasty();
    runtime
        .execute(Strange(Fault::WillNotJoin), || async {})
        .unwrap();
    runtime.execute(Smol, || async {}).unwrap();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(straggler.flavour(), "strange");
    assert_eq!(straggler.payload(), None);
    assert_eq!(straggler.reason(), StragglerReason::Thread);
    assert!(
        error.to_string().contains("executor thread of strange"),
        "{error}"
    );
}

fn a_flavour_that_keeps_its_payloads_is_told() {
    let runtime = hasty();
    runtime
        .named("kept")
        .adopt(Strange(Fault::NeverPolls), pending::<()>)
        .unwrap();
    KEPT.expect("the flavour forgets the payload");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(straggler.payload(), Some("kept"));
    assert_eq!(straggler.reason(), StragglerReason::Kept);
}

fn a_flavour_that_panics_in_cancel_and_join_is_a_failure() {
    let runtime = started();
    runtime
        .execute(Strange(Fault::PanicsAtTheEnd), || async {})
        .unwrap();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert!(error.to_string().contains("in cancel"), "{error}");
}
