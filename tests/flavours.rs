//! Flavours: what breaks is reported, floods starve nobody, names lead to flavours. Rows F1 to F3.

mod common;

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{
    AdoptErrorKind, BoxError, Coroutine, ExecuteErrorKind, FailureKind, Flavour, Identifier,
    Instance, Key, Manual, Rejected, Reporter, Runtime, Smol, StragglerReason, Subroutine, Thread,
    Tokio,
};

on_async_flavours!(
    f3_timers_go_on_under_a_flood_of_adopts,
    f3_sockets_go_on_under_a_flood_of_adopts,
    f3_payloads_that_run_go_on_under_a_flood_of_adopts,
    instances_are_flavours_of_their_own,
);
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
    flavours_are_looked_up_by_name,
    a_thread_that_cannot_be_had_refuses_the_payload,
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

/// Adopts without a break until told to stop.
fn flood<F: AsyncFlavour>(runtime: &Runtime, flavour: F, stop: &Event) -> thread::JoinHandle<()> {
    let (runtime, stop) = (runtime.clone(), stop.clone());
    thread::spawn(move || {
        while !stop.has_happened() {
            for _ in 0..100 {
                runtime.adopt(flavour, || async {}).unwrap();
            }
            // A flood, not a way to fill the memory: the queue is let down now and then.
            if runtime.execute(flavour, || async {}).is_err() {
                return;
            }
        }
    })
}

fn under_a_flood<F: AsyncFlavour>(flavour: F, work: impl FnOnce(&Runtime)) {
    let runtime = started();
    let stop = Event::new();
    let floods = [
        flood(&runtime, flavour, &stop),
        flood(&runtime, flavour, &stop),
    ];
    work(&runtime);
    stop.happen();
    for flood in floods {
        flood.join().unwrap();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn f3_timers_go_on_under_a_flood_of_adopts<F: AsyncFlavour>(flavour: F) {
    under_a_flood(flavour, |runtime| {
        let start = Instant::now();
        runtime
            .execute(flavour, || async {
                for _ in 0..20 {
                    let time = Duration::from_millis(5);
                    match F::NAME {
                        "smol" => drop(async_io::Timer::after(time).await),
                        _ => tokio::time::sleep(time).await,
                    }
                }
            })
            .unwrap();
        assert!(
            start.elapsed() < SOON / 2,
            "{:?} for 20 timers of 5 ms",
            start.elapsed()
        );
    });
}

fn f3_sockets_go_on_under_a_flood_of_adopts<F: AsyncFlavour>(flavour: F) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let echo = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() {
            stream.write_all(&byte).unwrap();
        }
    });
    under_a_flood(flavour, |runtime| {
        let start = Instant::now();
        runtime
            .execute(flavour, move || async move {
                match F::NAME {
                    "smol" => ping_with_async_io(address).await,
                    _ => ping_with_tokio(address).await,
                }
            })
            .unwrap();
        assert!(
            start.elapsed() < SOON / 2,
            "{:?} for 50 round trips",
            start.elapsed()
        );
    });
    echo.join().unwrap();
}

async fn ping_with_async_io(address: std::net::SocketAddr) {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    let mut stream = async_io::Async::<std::net::TcpStream>::connect(address)
        .await
        .unwrap();
    let mut byte = [7];
    for _ in 0..50 {
        stream.write_all(&byte).await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
    }
}

async fn ping_with_tokio(address: std::net::SocketAddr) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut byte = [7];
    for _ in 0..50 {
        stream.write_all(&byte).await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
    }
}

fn f3_payloads_that_run_go_on_under_a_flood_of_adopts<F: AsyncFlavour>(flavour: F) {
    under_a_flood(flavour, |runtime| {
        let start = Instant::now();
        runtime
            .execute(flavour, || async {
                for _ in 0..200 {
                    futures_lite::future::yield_now().await;
                }
            })
            .unwrap();
        assert!(
            start.elapsed() < SOON / 2,
            "{:?} for 200 turns",
            start.elapsed()
        );
    });
}

fn instances_are_flavours_of_their_own<F: AsyncFlavour>(flavour: F) {
    let other = Instance::named(flavour, Identifier::new("an::other"));
    let runtime = started();
    let one = runtime
        .execute(flavour, || async { thread::current().id() })
        .unwrap();
    let two = runtime
        .execute(other.clone(), || async { thread::current().id() })
        .unwrap();
    assert_ne!(one, two);
    // One may wait for the other, and a stuck one holds up itself alone.
    let (inner, key) = (runtime.clone(), other.clone());
    let value = runtime.execute(flavour, move || async move {
        inner.execute(key, || async { 1 }).unwrap()
    });
    assert_eq!(value.unwrap(), 1);
    runtime
        .named("x")
        .adopt(other, || async { Err::<(), _>("y") })
        .unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].flavour(), "an::other");
}

fn flavours_are_looked_up_by_name() {
    let mut builder = builder();
    for key in foster::all() {
        builder = builder.register(key).unwrap();
    }
    let runtime = builder.build();
    runtime.start().unwrap();
    for name in ["smol", "tokio"] {
        let flavour = runtime.flavour::<Coroutine>(name).unwrap();
        assert_eq!(runtime.execute(flavour, || async { 1 }).unwrap(), 1);
    }
    let threads = runtime.flavour::<Subroutine>("std::thread").unwrap();
    assert_eq!(runtime.execute(threads.clone(), || 2).unwrap(), 2);

    let error = runtime.flavour::<Coroutine>("trio").unwrap_err();
    let text = error.to_string();
    for part in ["`trio`", "smol", "tokio", "std::thread"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    let error = runtime.flavour::<Coroutine>("std::thread").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("runs Subroutines, not Coroutines"), "{text}");
    let error = runtime.flavour::<Coroutine>("no path!\n").unwrap_err();
    assert_eq!(error.given(), "no path!\n");
    assert!(!error.to_string().contains('\n'), "{error}");

    // Looked up here, used there.
    let other = started();
    let error = other.adopt(threads, || ()).unwrap_err();
    assert!(
        error.to_string().contains("no flavour `std::thread` here"),
        "{error}"
    );
    for runtime in [runtime, other] {
        runtime.shutdown();
        runtime.wait().unwrap();
    }

    let manual = Manual::new();
    let runtime = common::builder().until_idle().build();
    runtime.adopt(manual.clone(), || async {}).unwrap();
    runtime.start().unwrap();
    while manual.step() {}
    runtime.wait().unwrap();
}

fn a_thread_that_cannot_be_had_refuses_the_payload() {
    // A child process that may have no further thread.
    const LIMITED: &str = "FOSTER_TEST_LIMITED";
    let program = std::env::current_exe().unwrap();
    if std::env::var(LIMITED).is_err() {
        let output = std::process::Command::new("sh")
            .args(["-c", r#"ulimit -v 6000000; "$0" once::a_thread_that_cannot_be_had_refuses_the_payload --exact --nocapture"#])
            .arg(program)
            .env(LIMITED, "1")
            .env("RUST_MIN_STACK", (1_usize << 30).to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("refused as it should be"), "{text}");
        return;
    }
    let runtime = started();
    let go = Event::new();
    let refused = loop {
        let its_go = go.clone();
        let result = runtime.adopt(Thread, move || {
            let _token = foster::Shutdown::current();
            block_until(&its_go);
        });
        if let Err(error) = result {
            break error;
        }
    };
    assert_eq!(refused.kind(), AdoptErrorKind::Rejected);
    assert!(std::error::Error::source(&refused).is_some());
    let error = runtime.adopt(Tokio, || async {}).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Start);
    go.happen();
    runtime.shutdown();
    runtime.wait().unwrap();
    println!("refused as it should be");
}
