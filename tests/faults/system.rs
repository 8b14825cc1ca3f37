//! An operating system that gives no more threads or no more file descriptors. Rows L3, L5, A6, S4. Only Linux keeps to a limit
//! of address space, by which a process gets no more threads.

use std::error::Error;
use std::fs::File;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use foster::{
    AdoptError, AdoptErrorKind, BoxError, Coroutine, ExecuteErrorKind, Executor, ExecutorThread,
    FailureKind, Flavour, Identifier, Intake, Joining, Key, Reporter, RunErrorKind, Runtime, Smol,
    StragglerReason, Thread, Tokio, TokioMultiThread,
};

use futures_lite::future::{block_on, yield_now};

use crate::child;
use crate::common::{self, *};
use crate::once;

once!(
    a1_idle_threads_make_way_for_those_of_other_names,
    l3_a_flavour_without_its_threads_is_refused,
    l3_a_reactor_without_file_descriptors_is_refused,
    l3_a_runner_without_a_thread_is_an_error,
    s4_a_runtime_that_cannot_listen_says_so_at_its_start,
    l5_a_thread_that_nobody_can_join_is_not_taken_for_gone,
);

/// The child's side.
pub fn play(scenario: &str) {
    match scenario {
        "no descriptors" => no_descriptors(),
        "a name each" => a_name_each(),
        "few threads" => few_threads(),
        "no descriptors for signals" => deaf(descriptors),
        "no thread for signals" => deaf(Hoard::all),
        "no runner" => no_runner(),
        "no joiner" => no_joiner(),
        other => panic!("no scenario `{other}`"),
    }
}

/// The limits of a process that may have a handful of threads: each asks for a gigabyte of address
/// space.
const FEW_THREADS: &str = "ulimit -v 9000000; RUST_MIN_STACK=1073741824; export RUST_MIN_STACK;";

/// All threads that this process may have beside those that it has.
struct Hoard {
    threads: Vec<(JoinHandle<()>, Event)>,
}

impl Hoard {
    fn all() -> Self {
        let one = || {
            let release = Event::new();
            let its = release.clone();
            let thread = Builder::new().spawn(move || block_until(&its));
            thread.ok().map(|thread| (thread, release))
        };
        let threads: Vec<_> = std::iter::from_fn(one).collect();
        assert!(threads.len() < 20, "the limit holds");
        Self { threads }
    }

    /// Lets one thread more be had.
    fn spare_one(&mut self) {
        let (thread, release) = self.threads.pop().expect("one is left to spare");
        release.happen();
        thread.join().unwrap();
    }

    fn release(mut self) {
        while !self.threads.is_empty() {
            self.spare_one();
        }
    }
}

const POOL: TokioMultiThread = TokioMultiThread::new().worker_threads(4);

/// A result of an adopt is that the flavour could not be started.
#[track_caller]
fn assert_not_started(result: Result<(), AdoptError>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Start, "{error}");
    assert_says_why(&error);
}

/// The error's own text has the system's reason, which is its source as well.
#[track_caller]
fn assert_says_why(error: &AdoptError) {
    let source = error.source().map(ToString::to_string);
    let why = source.expect("the system gives a reason");
    assert!(error.to_string().contains(&why), "{error}");
}

fn a_name_each() {
    let runtime = started();
    for id in 0..60 {
        let over = Event::new();
        let ends = over.clone();
        let job = move || ends.happen();
        runtime
            .named(format!("job {id}"))
            .adopt(Thread, job)
            .unwrap();
        over.expect("the job runs");
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Some ten threads may be there at once: those that wait for another payload of their name are too many.
fn a1_idle_threads_make_way_for_those_of_other_names() {
    child::play_within(FEW_THREADS, "a name each").has_ended();
}

fn few_threads() {
    let runtime = started();
    let mut hoard = Hoard::all();
    // smol needs its own thread, and with it that of async-io.
    assert_not_started(Smol.adopt(&runtime, || ()));
    assert_not_started(Tokio.adopt(&runtime, || ()));
    assert_not_started(POOL.adopt(&runtime, || ()));
    let error = Thread.adopt(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Rejected);
    assert_says_why(&error);
    hoard.spare_one();
    assert_not_started(Smol.adopt(&runtime, || ()));
    assert_not_started(POOL.adopt(&runtime, || ()));
    hoard.spare_one();
    assert_eq!(Smol.execute(&runtime, || 1).unwrap(), 1);
    hoard.spare_one();
    assert_not_started(POOL.adopt(&runtime, || ()));
    // What was refused is no failure, and in nobody's way.
    hoard.release();
    assert_eq!(Tokio.execute(&runtime, || 2).unwrap(), 2);
    assert_eq!(Thread.execute(&runtime, || 3).unwrap(), 3);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l3_a_flavour_without_its_threads_is_refused() {
    child::play_within(FEW_THREADS, "few threads").has_ended();
}

/// All file descriptors that this process may have beside those that it has.
fn descriptors() -> Vec<File> {
    let taken: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(taken.len() < 64, "the limit holds");
    taken
}

fn no_descriptors() {
    let runtime = started();
    let taken = descriptors();
    assert_not_started(Smol.adopt(&runtime, || ()));
    assert_not_started(Tokio.adopt(&runtime, || ()));
    assert_not_started(POOL.adopt(&runtime, || ()));
    let error = Smol.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Start);
    // What needs none goes on, and once there are some again, so does all else.
    assert_eq!(Thread.execute(&runtime, || 1).unwrap(), 1);
    drop(taken);
    let sleeps = || async {
        async_io::Timer::after(Duration::from_millis(1)).await;
        2
    };
    assert_eq!(runtime.execute(Smol, sleeps).unwrap(), 2);
    assert_eq!(Tokio.execute(&runtime, || 3).unwrap(), 3);
    assert_eq!(POOL.execute(&runtime, || 4).unwrap(), 4);
    runtime.shutdown();
    runtime.wait().unwrap();

    // What waits for the start has been taken in: for that it is a failure.
    let runtime = common::runtime();
    runtime.named("waits").adopt(Tokio, || async {}).unwrap();
    let taken = descriptors();
    let error = runtime.run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(failure.payload(), "waits");
    assert_eq!(failure.kind(), FailureKind::Lost);
    assert!(
        error.to_string().contains("could not be started"),
        "{error}"
    );
    // So are signals that cannot be heard.
    let error = Runtime::new().run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(failure.payload(), "signals");
    drop(taken);
}

fn l3_a_reactor_without_file_descriptors_is_refused() {
    child::play_within("ulimit -n 64;", "no descriptors").has_ended();
}

/// A runtime that should listen to signals, where there is nothing to do it with.
fn deaf<T>(hoard: fn() -> T) {
    let is_dropped = Event::new();
    let on_drop = OnDrop({
        let is_dropped = is_dropped.clone();
        move || is_dropped.happen()
    });
    let runtime = Runtime::new();
    Thread.adopt(&runtime, move || drop(on_drop)).unwrap();
    let all = hoard();
    let started = runtime.start();
    let run = Runtime::new().run();
    drop(all);
    for error in [
        started.unwrap_err(),
        run.unwrap_err(),
        runtime.wait().unwrap_err(),
    ] {
        assert_eq!(error.kind(), RunErrorKind::Failed);
        let [failure] = error.failures() else {
            panic!("one failure, not {error}");
        };
        assert_eq!(failure.payload(), "signals");
        assert!(
            error.to_string().contains("signals cannot be listened to"),
            "{error}"
        );
    }
    assert!(is_dropped.has_happened(), "what waited is dropped unrun");
    let error = Thread.adopt(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Stopping);
}

fn s4_a_runtime_that_cannot_listen_says_so_at_its_start() {
    child::play_within("ulimit -n 64;", "no descriptors for signals").has_ended();
    child::play_within(FEW_THREADS, "no thread for signals").has_ended();
}

fn no_runner() {
    let hoard = Hoard::all();
    let runtime = runtime();
    let dropped = Event::new();
    let is_dropped = dropped.clone();
    let on_drop = OnDrop(move || {
        is_dropped.happen();
        panic!("a destructor of what is dropped unrun");
    });
    Thread.adopt(&runtime, move || drop(on_drop)).unwrap();
    assert_eq!(runtime.start().unwrap_err().kind(), RunErrorKind::Thread);
    assert!(dropped.has_happened(), "what waited is dropped unrun");
    // It is over: nobody who waits for it hangs, and nothing can be added.
    assert_eq!(runtime.wait().unwrap_err().kind(), RunErrorKind::Thread);
    let error = Thread.adopt(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Stopping);
    // The calling thread is runner enough, if it stays.
    let runtime = builder().until_idle().build();
    runtime.run().unwrap();
    hoard.release();
}

fn l3_a_runner_without_a_thread_is_an_error() {
    let played = child::play_within(FEW_THREADS, "no runner");
    let text = &played.has_ended().text;
    // There is no report that it could be in.
    let line = "foster: after the runtime's end";
    assert!(text.contains(line), "the panic is told: {text}");
}

/// A flavour whose thread takes its time to end.
#[derive(Clone)]
struct Slow(Event);

impl PartialEq for Slow {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::fmt::Debug for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slow")
    }
}

impl Executor for Slow {
    fn run(&self, intake: &Intake) {
        // One payload after the other: none here waits.
        block_on(intake.feed(block_on, yield_now));
    }

    fn close(self) {
        block_until(&self.0);
    }
}

impl Key for Slow {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("slow")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let executor = self.clone();
        ExecutorThread::start(reporter, || Ok(executor))
    }
}

fn no_joiner() {
    let runtime = builder().cancel_timeout(Duration::from_millis(500)).build();
    runtime.start().unwrap();
    let slow = Slow(Event::new());
    assert_eq!(runtime.execute(slow.clone(), || async { 1 }).unwrap(), 1);
    for value in [Smol.execute(&runtime, || 2), Tokio.execute(&runtime, || 2)] {
        assert_eq!(value.unwrap(), 2);
    }
    let go = Event::new();
    let goes = go.clone();
    let thread = std::thread::spawn(move || block_until(&goes));
    let hoard = Hoard::all();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(straggler.flavour(), "slow");
    assert_eq!(straggler.reason(), StragglerReason::Thread);
    slow.0.happen();
    let joining = Joining::start(vec![thread]);
    assert!(!joining.wait(Instant::now()));
    go.happen();
    assert!(joining.wait(Instant::now() + SOON));
    hoard.release();
}

/// Joining a thread takes another one, as the standard library joins without a limit.
fn l5_a_thread_that_nobody_can_join_is_not_taken_for_gone() {
    child::play_within(FEW_THREADS, "no joiner").has_ended();
}
