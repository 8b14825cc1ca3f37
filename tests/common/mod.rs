//! What every test file shares: flavours seen alike, latches with deadlines, a watchdog.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

pub mod child;

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub mod endings;
pub mod groups;
pub mod reloads;
pub mod services;
pub mod trees;

use foster::{
    AdoptError, BoxError, Builder, Coroutine, ExecuteError, Flavour, Identifier, Key, Latch,
    Outcome, Reporter, RunError, Runtime, Signals, Smol, Thread, Tokio, TokioMultiThread,
};

/// How long anything may take that should happen at once.
pub const SOON: Duration = Duration::from_secs(20);

/// Runs `test` and fails if it has not ended after a minute: no test hangs.
pub fn within_a_minute<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, receiver) = channel();
    let thread = thread::spawn(move || {
        let result = test();
        let _ = sender.send(());
        result
    });
    if let Err(RecvTimeoutError::Timeout) = receiver.recv_timeout(Duration::from_secs(60)) {
        panic!("the test hangs");
    }
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Hands empty payloads to `key` until it is dropped.
///
/// A worker of tokio's that blocks may keep another task in its queue while the other workers sleep; a
/// task from outside wakes one, which then takes over what is there.
pub struct Nudging {
    over: Event,
    thread: Option<thread::JoinHandle<()>>,
}

impl Nudging {
    pub fn start(runtime: &Runtime, key: TokioMultiThread) -> Self {
        let over = Event::new();
        let (runtime, is_over) = (runtime.clone(), over.clone());
        let nudge = move || {
            while !is_over.happens_within(Duration::from_millis(5)) {
                let _ = runtime.adopt(key, || async {});
            }
        };
        Self {
            over,
            thread: Some(thread::spawn(nudge)),
        }
    }
}

impl Drop for Nudging {
    fn drop(&mut self) {
        self.over.happen();
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// Something that happens once; waiting for it fails the test if it does not happen soon.
#[derive(Clone, Default)]
pub struct Event(Arc<Latch>);

impl Event {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn happen(&self) {
        self.0.open();
    }

    #[track_caller]
    pub fn expect(&self, what: &str) {
        assert!(self.0.wait(Instant::now() + SOON), "did not happen: {what}");
    }

    /// For what must not happen: it is not waited for longer than it may take to see that it does.
    pub fn happens_within(&self, time: Duration) -> bool {
        self.0.wait(Instant::now() + time)
    }

    pub fn has_happened(&self) -> bool {
        self.0.wait(Instant::now())
    }
}

/// A list that payloads write to and a test reads.
pub struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Log<T> {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    pub fn write(&self, entry: T) {
        self.0.lock().expect("a writer panicked").push(entry);
    }

    pub fn read(&self) -> Vec<T> {
        self.0.lock().expect("a writer panicked").clone()
    }
}

/// Calls a closure when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A builder for tests: signals are left alone, as tests share a process.
pub fn builder() -> Builder {
    Runtime::builder().signals(Signals::Leave)
}

/// A runtime with the default settings, but for signals.
pub fn runtime() -> Runtime {
    builder().build()
}

/// A runtime that runs already.
pub fn started() -> Runtime {
    let runtime = runtime();
    runtime.start().expect("a new runtime starts");
    runtime
}

/// A runtime whose flavour has been started.
pub fn running<F: AsyncFlavour>(flavour: F) -> Runtime {
    let runtime = started();
    runtime.execute(flavour, || async {}).unwrap();
    runtime
}

/// Keeps the flavour's thread busy until the event that it returns happens.
pub fn busy<F: AsyncFlavour>(runtime: &Runtime, flavour: F) -> Event {
    let (blocked, go_on) = (Event::new(), Event::new());
    let (blocks, goes_on) = (blocked.clone(), go_on.clone());
    let block = move || async move {
        blocks.happen();
        block_until(&goes_on);
    };
    runtime.adopt(flavour, block).unwrap();
    blocked.expect("the flavour's thread is busy");
    go_on
}

/// A flavour of whatever kind, which runs plain closures: on an async one, inside a coroutine.
pub trait AnyFlavour: Copy + Send + 'static {
    const NAME: &'static str;
    /// Whether its payloads run in turn, so that the order of their effects can be told.
    const IN_TURN: bool;

    fn adopt<T: Outcome>(
        self,
        runtime: &Runtime,
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(), AdoptError>;

    fn adopt_named<T: Outcome>(
        self,
        runtime: &Runtime,
        name: &'static str,
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(), AdoptError>;

    fn execute<T: Send + 'static>(
        self,
        runtime: &Runtime,
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ExecuteError>;

    fn execute_named<T: Send + 'static>(
        self,
        runtime: &Runtime,
        name: &'static str,
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ExecuteError>;

    fn call<T: Send + 'static>(
        self,
        runtime: &Runtime,
        code: impl FnOnce() -> T + Send + 'static,
    ) -> foster::Call<T>;

    fn call_named<T: Send + 'static>(
        self,
        runtime: &Runtime,
        name: &'static str,
        code: impl FnOnce() -> T + Send + 'static,
    ) -> foster::Call<T>;
}

/// One type for all code with the same answer. What a runtime makes of each type would otherwise be compiled for each closure
/// of a test on each flavour, which takes minutes.
fn boxed<T>(code: impl FnOnce() -> T + Send + 'static) -> Box<dyn FnOnce() -> T + Send> {
    Box::new(code)
}

/// A flavour of coroutines.
pub trait AsyncFlavour: AnyFlavour + Key<Payload = Coroutine> {}

macro_rules! any_flavour {
    ($key:ty, $name:literal, $in_turn:literal, |$code:ident| $payload:expr) => {
        impl AnyFlavour for $key {
            const NAME: &'static str = $name;
            const IN_TURN: bool = $in_turn;

            #[track_caller]
            fn adopt<T: Outcome>(
                self,
                runtime: &Runtime,
                $code: impl FnOnce() -> T + Send + 'static,
            ) -> Result<(), AdoptError> {
                let $code = boxed($code);
                runtime.adopt(self, $payload)
            }

            #[track_caller]
            fn adopt_named<T: Outcome>(
                self,
                runtime: &Runtime,
                name: &'static str,
                $code: impl FnOnce() -> T + Send + 'static,
            ) -> Result<(), AdoptError> {
                let $code = boxed($code);
                runtime.named(name).adopt(self, $payload)
            }

            #[track_caller]
            fn execute<T: Send + 'static>(
                self,
                runtime: &Runtime,
                $code: impl FnOnce() -> T + Send + 'static,
            ) -> Result<T, ExecuteError> {
                let $code = boxed($code);
                runtime.execute(self, $payload)
            }

            #[track_caller]
            fn execute_named<T: Send + 'static>(
                self,
                runtime: &Runtime,
                name: &'static str,
                $code: impl FnOnce() -> T + Send + 'static,
            ) -> Result<T, ExecuteError> {
                let $code = boxed($code);
                runtime.named(name).execute(self, $payload)
            }

            #[track_caller]
            fn call<T: Send + 'static>(
                self,
                runtime: &Runtime,
                $code: impl FnOnce() -> T + Send + 'static,
            ) -> foster::Call<T> {
                let $code = boxed($code);
                runtime.call(self, $payload)
            }

            #[track_caller]
            fn call_named<T: Send + 'static>(
                self,
                runtime: &Runtime,
                name: &'static str,
                $code: impl FnOnce() -> T + Send + 'static,
            ) -> foster::Call<T> {
                let $code = boxed($code);
                runtime.named(name).call(self, $payload)
            }
        }
    };
}

any_flavour!(Smol, "smol", true, |code| move || async move { code() });
any_flavour!(Tokio, "tokio", true, |code| move || async move { code() });
any_flavour!(TokioMultiThread, "tokio::multi_thread", false, |code| {
    move || async move { code() }
});
any_flavour!(Thread, "std::thread", false, |code| code);

impl AsyncFlavour for Smol {}
impl AsyncFlavour for Tokio {}

/// Makes a `#[test]` for each flavour of each function named, which takes the flavour's key. What stands before
/// a name, such as `#[cfg(unix)]`, goes to its tests.
#[macro_export]
macro_rules! on_every_flavour {
    ($($(#[$attribute:meta])* $test:ident),* $(,)?) => {
        mod on_smol { $(#[test] $(#[$attribute])* fn $test() { $crate::common::within_a_minute(|| super::$test(foster::Smol)) })* }
        mod on_tokio { $(#[test] $(#[$attribute])* fn $test() { $crate::common::within_a_minute(|| super::$test(foster::Tokio)) })* }
        mod on_multi_thread { $(#[test] $(#[$attribute])* fn $test() {
            let key = foster::TokioMultiThread::new().worker_threads(2);
            $crate::common::within_a_minute(move || super::$test(key))
        })* }
        mod on_thread { $(#[test] $(#[$attribute])* fn $test() { $crate::common::within_a_minute(|| super::$test(foster::Thread)) })* }
    };
}

/// As [`on_every_flavour`], for the flavours of coroutines.
#[macro_export]
macro_rules! on_async_flavours {
    ($($(#[$attribute:meta])* $test:ident),* $(,)?) => {
        mod on_async_smol { $(#[test] $(#[$attribute])* fn $test() { $crate::common::within_a_minute(|| super::$test(foster::Smol)) })* }
        mod on_async_tokio { $(#[test] $(#[$attribute])* fn $test() { $crate::common::within_a_minute(|| super::$test(foster::Tokio)) })* }
    };
}

/// Makes a `#[test]` of each function named, which takes nothing.
#[macro_export]
macro_rules! once {
    ($($(#[$attribute:meta])* $test:ident),* $(,)?) => {
        mod once { $(#[test] $(#[$attribute])* fn $test() { $crate::common::within_a_minute(super::$test) })* }
    };
}

/// A report without what `RUST_BACKTRACE` adds at its end.
pub fn without_backtraces(report: &str) -> String {
    let (before, _) = report.split_once("\nbacktrace of ").unwrap_or((report, ""));
    before.to_owned()
}

thread_local! {
    static AT_END: RefCell<Option<HappensAtEnd>> = const { RefCell::new(None) };
}

struct HappensAtEnd(Event);

impl Drop for HappensAtEnd {
    fn drop(&mut self) {
        self.0.happen();
    }
}

/// Has `event` happen when the calling thread ends.
pub fn at_end_of_thread(event: Event) {
    AT_END.set(Some(HappensAtEnd(event)));
}

/// The names of this process's threads that contain `part`. Other systems do not tell without `unsafe` code.
#[cfg(target_os = "linux")]
pub fn threads_named(part: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux has it");
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name.contains(part))
        .count()
}

/// A line of this process's status, in KiB.
#[cfg(target_os = "linux")]
pub fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|one| one.strip_prefix(line))
        .unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Blocks this thread until `event`, as a payload that ignores everything would; ends with the
/// test, so that no thread is left spinning.
pub fn block_until(event: &Event) {
    while !event.0.wait(Instant::now() + Duration::from_secs(1)) {}
}

/// Code that blocks its thread, says that it does, and goes on when it is told to.
#[derive(Clone)]
pub struct Blocker {
    blocks: Event,
    goes: Event,
}

impl Blocker {
    pub fn new() -> Self {
        let (blocks, goes) = (Event::new(), Event::new());
        Self { blocks, goes }
    }

    /// For the code that is to be held up.
    pub fn block(&self) {
        self.blocks.happen();
        block_until(&self.goes);
    }

    #[track_caller]
    pub fn expect_blocked(&self) {
        self.blocks.expect("it blocks");
    }

    pub fn go_on(&self) {
        self.goes.happen();
    }
}

/// Waits for the end of `runtime` on a thread of its own, and says when it has come.
pub fn wait_apart(runtime: Runtime) -> (Event, thread::JoinHandle<Result<(), RunError>>) {
    let over = Event::new();
    let is_over = over.clone();
    let waiter = thread::spawn(move || {
        let result = runtime.wait();
        is_over.happen();
        result
    });
    (over, waiter)
}

/// A runtime that runs by a clock which the test moves.
pub fn manual() -> (foster::Clock, foster::Runtime) {
    let clock = foster::Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    runtime.start().unwrap();
    (clock, runtime)
}

/// Smol, but for its start, which waits or fails.
#[derive(Clone)]
pub struct Odd {
    go: Event,
    /// How many starts are still to fail.
    failures: Arc<AtomicUsize>,
}

impl Odd {
    /// It starts once `go` has happened.
    pub fn after(go: &Event) -> Self {
        Self {
            go: go.clone(),
            failures: Arc::default(),
        }
    }

    /// It starts once that has failed so many times.
    pub fn failing(times: usize) -> Self {
        let go = Event::new();
        go.happen();
        Self::failing_after(&go, times)
    }

    /// As [`failing`](Self::failing), once `go` has happened.
    pub fn failing_after(go: &Event, times: usize) -> Self {
        Self {
            failures: Arc::new(AtomicUsize::new(times)),
            ..Self::after(go)
        }
    }
}

impl fmt::Debug for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Odd")
    }
}

impl PartialEq for Odd {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Key for Odd {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("odd")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.go.expect("the test says so");
        let left = |failures: usize| failures.checked_sub(1);
        if self.failures.fetch_update(SeqCst, SeqCst, left).is_ok() {
            return Err("no such luck".into());
        }
        Smol.start(reporter)
    }
}
