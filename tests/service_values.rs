//! The values of services: who makes them, keeps them and drops them. Rows V3 and V8.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::*;
use foster::{
    BoxError, Coroutine, Exit, FailureKind, Flavour, Identifier, Key, Rejected, Reporter, Restart,
    RunError, Shutdown, Smol, Thread, UnitState, service,
};

once!(
    v8_the_same_value_serves_again_or_a_fresh_one_is_made,
    v8_a_factory_that_panics_is_a_failure,
    v3_a_value_that_waits_for_a_run_is_dropped_on_its_flavours_thread,
    v8_a_value_that_waits_for_its_start_is_dropped_with_the_runtime,
    v3_a_value_that_its_flavour_refuses_to_drop_is_dropped_with_the_runtime,
    v3_a_value_whose_flavour_drops_what_should_drop_it_is_dropped_with_the_runtime,
    v8_nothing_is_kept_of_services_once_their_runtime_is_dropped,
);

const SECOND: Duration = Duration::from_secs(1);

/// Restarts that come when they are due, and no sooner.
fn exactly() -> Restart {
    Restart::on_failure().jitter(0.0).delay(SECOND)
}

/// A service whose runs share a value or not.
struct Counted {
    runs: AtomicUsize,
    log: Log<usize>,
}

impl foster::Service for Counted {
    type Flavour = Smol;

    fn flavour(&self) -> Smol {
        Smol
    }

    #[allow(refining_impl_trait)]
    async fn run(&self) -> Result<Exit, String> {
        let run = self.runs.fetch_add(1, SeqCst);
        self.log.write(run);
        match self.log.read().len() {
            3 => Ok(Exit::Shutdown),
            _ => Err("again".to_owned()),
        }
    }
}

fn v8_the_same_value_serves_again_or_a_fresh_one_is_made() {
    let restart = Restart::on_failure().delay(Duration::from_millis(1));
    let counted = |log: &Log<usize>| Counted {
        runs: AtomicUsize::new(0),
        log: log.clone(),
    };
    let (same, fresh) = (Log::new(), Log::new());

    let runtime = runtime();
    runtime
        .unit()
        .restart(restart.clone())
        .serve(counted(&same))
        .unwrap();
    runtime.run().unwrap();
    assert_eq!(same.read(), [0, 1, 2]);

    let runtime = builder().build();
    let made = Arc::new(AtomicUsize::new(0));
    let (count, log) = (Arc::clone(&made), fresh.clone());
    let make = move || {
        count.fetch_add(1, SeqCst);
        counted(&log)
    };
    runtime.unit().restart(restart).serve_with(make).unwrap();
    assert_eq!(made.load(SeqCst), 1);
    runtime.run().unwrap();
    assert_eq!(fresh.read(), [0, 0, 0]);
    assert_eq!(made.load(SeqCst), 3, "one for each run");
}

fn v8_a_factory_that_panics_is_a_failure() {
    let runtime = runtime();
    let log = Log::new();
    let first = AtomicBool::new(true);
    let make = move || {
        assert!(first.swap(false, SeqCst), "no more of them");
        Counted {
            runs: AtomicUsize::new(0),
            log: log.clone(),
        }
    };
    let restart = Restart::on_failure()
        .jitter(0.0)
        .delay(Duration::ZERO)
        .limit(3, 60 * SECOND);
    runtime.unit().restart(restart).serve_with(make).unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(
        (error.failures()[0].kind(), error.failures()[0].starts()),
        (FailureKind::Panic, Some(3))
    );
}

fn v3_a_value_that_waits_for_a_run_is_dropped_on_its_flavours_thread() {
    let (clock, runtime) = manual();
    let (ran, dropped, is_dropped) = (Log::new(), Log::new(), Event::new());
    let (runs, drops, has_dropped) = (ran.clone(), dropped.clone(), is_dropped.clone());
    let on_drop = OnDrop(move || {
        drops.write(thread::current().id());
        has_dropped.happen();
    });
    let unit = runtime
        .unit()
        .restart(exactly())
        .serve(service(Smol, move || {
            let _ = &on_drop;
            runs.write(thread::current().id());
            async { Err::<(), _>("at once") }
        }))
        .unwrap();
    clock.advance(Duration::ZERO);
    assert_eq!(unit.state(), UnitState::Delayed);
    unit.stop();
    is_dropped.expect("its last run has been");
    assert_eq!(ran.read(), dropped.read());
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v8_a_value_that_waits_for_its_start_is_dropped_with_the_runtime() {
    let (clock, runtime) = manual();
    let dropped = Event::new();
    let is_dropped = dropped.clone();
    let on_drop = OnDrop(move || is_dropped.happen());
    let unit = runtime
        .unit()
        .restart(exactly())
        .serve(service(Smol, move || {
            let _ = &on_drop;
            async { Err::<(), _>("at once") }
        }))
        .unwrap();
    clock.advance(Duration::ZERO);
    assert_eq!(
        (unit.state(), dropped.has_happened()),
        (UnitState::Delayed, false)
    );
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(dropped.has_happened());
    assert_eq!(unit.state(), UnitState::Ended);
}

/// Smol, until it takes nothing any more: it refuses payloads, or drops them without a word.
#[derive(Clone, Debug)]
struct Fickle {
    is_over: Arc<AtomicBool>,
    drops: bool,
}

impl PartialEq for Fickle {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Key for Fickle {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("fickle")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let (smol, key) = (Smol.start(reporter)?, self.clone());
        Ok(Arc::new(FickleFlavour { smol, key }))
    }
}

#[derive(Debug)]
struct FickleFlavour {
    smol: Arc<dyn Flavour<Payload = Coroutine>>,
    key: Fickle,
}

impl Flavour for FickleFlavour {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        match (self.key.is_over.load(SeqCst), self.key.drops) {
            (false, _) => return self.smol.spawn(payload),
            (true, false) => return Err(Rejected::because(payload, "not any more")),
            (true, true) => drop(payload),
        }
        Ok(())
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.smol.block_on(payload)
    }

    fn cancel(&self) {
        self.smol.cancel();
    }

    fn join(&self, by: std::time::Instant) -> bool {
        self.smol.join(by)
    }
}

fn v3_a_value_that_its_flavour_refuses_to_drop_is_dropped_with_the_runtime() {
    let error = value_without_its_flavour(false);
    assert_eq!(error.failures().len(), 1, "{error}");
}

fn v3_a_value_whose_flavour_drops_what_should_drop_it_is_dropped_with_the_runtime() {
    let error = value_without_its_flavour(true);
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost, "{error}");
    assert_eq!(error.failures().len(), 2, "{error}");
}

/// A service is stopped in its delay when its flavour takes nothing any more, and its value panics as it is dropped.
fn value_without_its_flavour(drops: bool) -> RunError {
    let (clock, runtime) = manual();
    let is_over = Arc::default();
    let (fickle, dropped) = (Fickle { is_over, drops }, Event::new());
    let is_dropped = dropped.clone();
    let on_drop = OnDrop(move || {
        is_dropped.happen();
        panic!("as it is dropped");
    });
    let unit = runtime
        .unit()
        .restart(exactly())
        .serve(service(fickle.clone(), move || {
            let _ = &on_drop;
            async { Err::<(), _>("at once") }
        }))
        .unwrap();
    // The loss ends the runtime, which waits for this one.
    let (held, go_on) = (Event::new(), Event::new());
    let (is_held, goes_on) = (held.clone(), go_on.clone());
    let holds = move || {
        let _token = Shutdown::current();
        is_held.happen();
        block_until(&goes_on);
    };
    runtime.adopt(Thread, holds).unwrap();
    held.expect("it holds a token");
    clock.advance(Duration::ZERO);
    assert_eq!(unit.state(), UnitState::Delayed);
    fickle.is_over.store(true, SeqCst);
    unit.stop();
    assert!(unit.wait_stopped(SECOND) && !dropped.has_happened());
    go_on.happen();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert!(dropped.has_happened());
    let last = error.failures().last().unwrap();
    assert_eq!(last.message(), "as it is dropped", "{error}");
    assert_eq!(unit.state(), UnitState::Failed);
    error
}

/// An error that can be counted, as long as anything holds it.
#[derive(Debug)]
struct Kept(#[expect(dead_code, reason = "it is only held")] Arc<()>);

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("kept")
    }
}

impl std::error::Error for Kept {}

/// A unit keeps its last failure, and its runtime's state: neither may keep the other for ever.
fn v8_nothing_is_kept_of_services_once_their_runtime_is_dropped() {
    let kept = Arc::new(());
    let runtime = builder().build();
    let first = AtomicBool::new(true);
    let error = Arc::clone(&kept);
    let run = move || {
        let error = first.swap(false, SeqCst).then(|| Arc::clone(&error));
        async move { error.map_or(Ok(Exit::Shutdown), |error| Err(Kept(error))) }
    };
    let restart = Restart::on_failure().delay(Duration::from_millis(1));
    let unit = runtime.unit().restart(restart).serve(service(Smol, run));
    let unit = unit.unwrap();
    runtime.run().unwrap();
    assert!(unit.last_failure().is_some());
    drop(unit);
    assert!(
        Arc::strong_count(&kept) > 1,
        "the runtime still tells of it"
    );
    drop(runtime);
    assert_eq!(Arc::strong_count(&kept), 1);
}
