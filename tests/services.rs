//! Services: how they are handed in, run, looked at and stopped. Rows V1 to V4.

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use common::*;
use foster::{
    Exit, FailureKind, Key, Kind, Ready, Run, Runs, Runtime, ServeErrorKind, Service, Settings,
    Shutdown, Smol, Thread, Tokio, TokioMultiThread, Unit, UnitState, service,
};

once!(
    v1_a_service_by_hand_runs_on_every_kind_of_flavour,
    v1_a_runtime_without_services_has_no_supervisor,
    v1_a_runtime_dropped_unrun_drops_its_services,
    v1_a_shutdown_before_the_start_drops_them_unrun,
    v2_a_thread_that_was_never_asked_is_left_behind,
    v4_the_stream_tells_changes_in_order_and_counts_what_was_missed,
    a_thousand_services_at_once,
    a_service_may_serve_others_and_adopt_payloads,
    outside_of_services_nothing_is_ready,
);
on_every_flavour!(
    v1_before_and_while_running_it_starts_as_soon_as_it_may,
    v2_a_failure_ends_the_runtime_and_names_the_service,
    v2_a_panic_at_once_is_a_failure,
    v2_a_normal_return_is_fine_or_a_failure,
    v2_an_exit_may_end_the_runtime,
    v2_what_is_returned_after_its_own_stop_is_the_units_and_a_panic_is_not,
    v3_one_unit_stops_and_the_others_go_on,
    v3_the_value_is_dropped_on_its_flavours_thread,
    until_idle_waits_for_services,
);

/// A flavour of any kind, on which plain closures are run as services.
trait AnyKind: Copy + Send + 'static {
    const NAME: &'static str;

    fn serve<A: foster::Answer + Send + 'static>(
        self,
        runtime: &Runtime,
        settings: Settings,
        code: impl Fn() -> A + Send + Sync + 'static,
    ) -> Result<Unit, foster::ServeError>;
}

macro_rules! any_kind {
    ($key:ty, $name:literal, |$code:ident| $run:expr) => {
        impl AnyKind for $key {
            const NAME: &'static str = $name;

            #[track_caller]
            fn serve<A: foster::Answer + Send + 'static>(
                self,
                runtime: &Runtime,
                settings: Settings,
                code: impl Fn() -> A + Send + Sync + 'static,
            ) -> Result<Unit, foster::ServeError> {
                let $code = Arc::new(code);
                runtime.serve(service(self, $run).with(settings))
            }
        }
    };
}

any_kind!(Smol, "smol", |code| move || {
    let code = Arc::clone(&code);
    async move { code() }
});
any_kind!(Tokio, "tokio", |code| move || {
    let code = Arc::clone(&code);
    async move { code() }
});
any_kind!(TokioMultiThread, "tokio::multi_thread", |code| move || {
    let code = Arc::clone(&code);
    async move { code() }
});
any_kind!(Thread, "std::thread", |code| move || code());

struct Beat<K> {
    flavour: K,
    beats: Arc<AtomicUsize>,
}

impl Service for Beat<Smol> {
    type Flavour = Smol;

    fn flavour(&self) -> Smol {
        self.flavour
    }

    // An `async fn` says more than the trait.
    #[allow(refining_impl_trait)]
    async fn run(&self) -> anyhow::Result<()> {
        self.beats.fetch_add(1, SeqCst);
        Ok(())
    }
}

impl Service for Beat<TokioMultiThread> {
    type Flavour = TokioMultiThread;

    fn flavour(&self) -> TokioMultiThread {
        self.flavour
    }

    #[allow(refining_impl_trait)]
    async fn run(&self) {
        self.beats.fetch_add(1, SeqCst);
    }
}

impl Service for Beat<Thread> {
    type Flavour = Thread;

    fn flavour(&self) -> Thread {
        self.flavour
    }

    #[allow(refining_impl_trait)]
    fn run(&self) -> Result<(), String> {
        self.beats.fetch_add(1, SeqCst);
        Ok(())
    }
}

impl Service for Beat<Tokio> {
    type Flavour = Tokio;

    fn flavour(&self) -> Tokio {
        self.flavour
    }

    fn run(&self) -> impl Run<foster::Coroutine> {
        async {
            {
                self.beats.fetch_add(1, SeqCst);
            }
        }
    }
}

fn v1_a_service_by_hand_runs_on_every_kind_of_flavour() {
    fn serve<K>(runtime: &Runtime, flavour: K, beats: &Arc<AtomicUsize>)
    where
        K: Key<Payload: Kind>,
        Beat<K>: Service<Flavour = K> + Runs<K::Payload> + Send,
    {
        let beats = Arc::clone(beats);
        runtime.serve(Beat { flavour, beats }).unwrap();
    }
    let runtime = builder().until_idle().build();
    let beats = Arc::new(AtomicUsize::new(0));
    serve(&runtime, Smol, &beats);
    serve(&runtime, Tokio, &beats);
    serve(&runtime, TokioMultiThread::new().worker_threads(2), &beats);
    serve(&runtime, Thread, &beats);
    runtime.run().unwrap();
    assert_eq!(beats.load(SeqCst), 4);
}

fn v1_before_and_while_running_it_starts_as_soon_as_it_may<F: AnyKind>(flavour: F) {
    let runtime = runtime();
    let (first, second) = (Event::new(), Event::new());
    let (is_first, is_second) = (first.clone(), second.clone());
    let waiting = flavour
        .serve(&runtime, Settings::new(), move || is_first.happen())
        .unwrap();
    assert_eq!(waiting.state(), UnitState::Waiting);
    assert!(!first.has_happened());
    runtime.start().unwrap();
    first.expect("it starts with the runtime");
    flavour
        .serve(&runtime, Settings::new(), move || is_second.happen())
        .unwrap();
    second.expect("it starts while the runtime runs");
    assert!(waiting.wait_stopped(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
    let units = runtime.units();
    assert_eq!(units.len(), 2);
    for unit in units {
        assert_eq!((unit.flavour(), unit.state()), (F::NAME, UnitState::Ended));
        assert!(
            unit.name().starts_with("tests/services.rs:"),
            "{}",
            unit.name()
        );
        assert_eq!((unit.restarts(), unit.next_restart()), (0, None));
    }
    let error = flavour
        .serve(&runtime, Settings::new(), || ())
        .map(drop)
        .unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Stopping);
}

fn v1_a_runtime_without_services_has_no_supervisor() {
    let runtime = started();
    runtime.execute(Smol, || async {}).unwrap();
    assert!(runtime.units().is_empty());
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v1_a_runtime_dropped_unrun_drops_its_services() {
    let runtime = runtime();
    let dropped = Event::new();
    let is_dropped = dropped.clone();
    let on_drop = OnDrop(move || is_dropped.happen());
    let unit = runtime
        .serve(service(Smol, move || {
            let _ = &on_drop;
            pending::<()>()
        }))
        .unwrap();
    drop(runtime);
    assert!(dropped.has_happened());
    assert_eq!(unit.state(), UnitState::Ended);
    assert!(unit.wait_stopped(SOON));
}

fn v1_a_shutdown_before_the_start_drops_them_unrun() {
    let runtime = runtime();
    let unit = runtime
        .serve(service(Thread, || panic!("it must not run")))
        .unwrap();
    runtime.shutdown();
    runtime.run().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
}

fn v2_a_failure_ends_the_runtime_and_names_the_service<F: AnyKind>(flavour: F) {
    let runtime = runtime();
    let settings = Settings::new().name("poller");
    let unit = flavour
        .serve(&runtime, settings, || Err::<(), _>("no answer"))
        .unwrap();
    let error = runtime.run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!((failure.payload(), failure.flavour()), ("poller", F::NAME));
    assert_eq!(
        (failure.kind(), failure.message()),
        (FailureKind::Error, "no answer")
    );
    assert!(
        failure.to_string().starts_with("service `poller` on "),
        "{failure}"
    );
    assert_eq!(failure.starts(), None);
    assert_eq!(unit.state(), UnitState::Failed);
    assert_eq!(
        runtime.units()[0].last_failure().unwrap().message(),
        "no answer"
    );
}

fn v2_a_panic_at_once_is_a_failure<F: AnyKind>(flavour: F) {
    let runtime = runtime();
    let unit = flavour
        .serve(&runtime, Settings::new(), || -> () { panic!("at once") })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(unit.state(), UnitState::Failed);
}

fn v2_a_normal_return_is_fine_or_a_failure<F: AnyKind>(flavour: F) {
    let runtime = builder().until_idle().build();
    flavour
        .serve(&runtime, Settings::new().return_is_failure(), || Exit::Done)
        .unwrap();
    flavour.serve(&runtime, Settings::new(), || ()).unwrap();
    runtime.run().unwrap();

    let runtime = builder().build();
    flavour
        .serve(&runtime, Settings::new().return_is_failure(), || ())
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Returned);
}

fn v2_an_exit_may_end_the_runtime<F: AnyKind>(flavour: F) {
    let runtime = runtime();
    runtime.serve(service(Smol, pending::<()>)).unwrap();
    flavour
        .serve(&runtime, Settings::new(), || {
            Ok::<_, String>(Exit::Shutdown)
        })
        .unwrap();
    runtime.run().unwrap();
}

fn v2_what_is_returned_after_its_own_stop_is_the_units_and_a_panic_is_not<F: AnyKind>(flavour: F) {
    for panics in [false, true] {
        let runtime = started();
        let held = Event::new();
        let is_held = held.clone();
        let unit = runtime
            .serve(service(Thread, move || {
                let token = Shutdown::current();
                is_held.happen();
                assert!(token.wait_timeout(SOON));
                assert!(!panics, "while stopping");
                Err::<(), _>("asked to")
            }))
            .unwrap();
        flavour.serve(&runtime, Settings::new(), || ()).unwrap();
        held.expect("it runs");
        unit.stop();
        assert!(unit.wait_stopped(SOON));
        assert_eq!(unit.state(), UnitState::Failed);
        runtime.shutdown();
        let result = runtime.wait();
        assert_eq!(result.is_err(), panics);
        if let Err(error) = result {
            assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
        }
    }
}

fn v2_a_thread_that_was_never_asked_is_left_behind() {
    let runtime = started();
    let (done, ended) = (Event::new(), Event::new());
    let (until, has_ended) = (done.clone(), ended.clone());
    let unit = runtime
        .unit()
        .name("deaf")
        .serve(service(Thread, move || {
            block_until(&until);
            has_ended.happen();
        }))
        .unwrap();
    assert!(unit.wait_ready(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(runtime.left_behind()[0].payload(), Some("deaf"));
    assert_eq!(unit.state(), UnitState::LeftBehind);
    done.happen();
    ended.expect("it goes on");
}

fn v3_one_unit_stops_and_the_others_go_on<F: AnyKind>(flavour: F) {
    let runtime = started();
    let other = runtime
        .unit()
        .name("other")
        .serve(service(Smol, pending::<()>))
        .unwrap();
    let unit = runtime
        .unit()
        .after(&other)
        .serve(service(Thread, || {
            Shutdown::current().wait_timeout(SOON);
        }))
        .unwrap();
    assert!(unit.wait_ready(SOON) && other.wait_ready(SOON));
    // Also one that others come after.
    other.stop();
    assert!(other.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Running);
    let third = flavour.serve(&runtime, Settings::new(), || ()).unwrap();
    assert!(third.wait_stopped(SOON));
    unit.stop();
    assert_ne!(
        unit.state(),
        UnitState::Running,
        "who asked does not see it run any more"
    );
    assert!(unit.wait_stopped(SOON));
    assert_eq!(
        (unit.state(), other.state()),
        (UnitState::Ended, UnitState::Ended)
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v3_the_value_is_dropped_on_its_flavours_thread<F: AnyKind>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    let dropped = log.clone();
    let on_drop = OnDrop(move || dropped.write(thread::current().id()));
    let ran = log.clone();
    let unit = flavour
        .serve(&runtime, Settings::new(), move || {
            let _ = &on_drop;
            ran.write(thread::current().id());
        })
        .unwrap();
    assert!(unit.wait_stopped(SOON));
    let threads = log.read();
    assert_eq!(threads.len(), 2);
    assert_eq!(threads[0], threads[1]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v4_the_stream_tells_changes_in_order_and_counts_what_was_missed() {
    let runtime = runtime();
    let mut all = runtime.unit_changes(100);
    let mut few = runtime.unit_changes(2);
    let unit = runtime
        .unit()
        .name("one")
        .serve(service(Smol, || async {}))
        .unwrap();
    runtime.start().unwrap();
    assert!(unit.wait_stopped(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
    let mut states = Vec::new();
    while let Some(change) = all.recv_timeout(SOON) {
        assert_eq!(change.name(), "one");
        states.push(change.state());
    }
    assert_eq!(
        states,
        [UnitState::Starting, UnitState::Running, UnitState::Ended]
    );
    assert_eq!((all.missed(), few.missed()), (0, 1));
    let few: Vec<_> = std::iter::from_fn(|| few.try_recv())
        .map(|change| change.state())
        .collect();
    assert_eq!(few, [UnitState::Running, UnitState::Ended]);
    assert!(futures_lite::future::block_on(all.recv()).is_none());
}

fn a_thousand_services_at_once() {
    let runtime = runtime();
    let started = Arc::new(AtomicUsize::new(0));
    let units: Vec<_> = (0..1000)
        .map(|_| {
            let started = Arc::clone(&started);
            runtime
                .serve(service(Smol, move || {
                    started.fetch_add(1, SeqCst);
                    pending::<()>()
                }))
                .unwrap()
        })
        .collect();
    runtime.start().unwrap();
    for unit in &units {
        assert!(unit.wait_ready(SOON));
    }
    assert_eq!(started.load(SeqCst), 1000);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(units.iter().all(|unit| unit.state() == UnitState::Ended));
}

fn a_service_may_serve_others_and_adopt_payloads() {
    let runtime = builder().until_idle().build();
    let ran = Arc::new(AtomicUsize::new(0));
    let (inner, count) = (runtime.clone(), Arc::clone(&ran));
    runtime
        .serve(service(Smol, move || {
            let (runtime, count) = (inner.clone(), Arc::clone(&count));
            async move {
                assert!(Ready::try_current().is_some());
                let (one, two) = (Arc::clone(&count), count);
                runtime.serve(service(Thread, move || {
                    one.fetch_add(1, SeqCst);
                }))?;
                runtime.adopt(Tokio, move || async move {
                    assert!(Ready::try_current().is_none());
                    two.fetch_add(1, SeqCst);
                })?;
                Ok::<_, foster::RunError>(())
            }
        }))
        .unwrap();
    runtime.run().unwrap();
    assert_eq!(ran.load(SeqCst), 2);
}

fn until_idle_waits_for_services<F: AnyKind>(flavour: F) {
    let runtime = builder().until_idle().build();
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..20 {
        let ran = Arc::clone(&ran);
        let serve = move || {
            ran.fetch_add(1, SeqCst);
        };
        flavour.serve(&runtime, Settings::new(), serve).unwrap();
    }
    runtime.run().unwrap();
    assert_eq!(ran.load(SeqCst), 20);
}

fn outside_of_services_nothing_is_ready() {
    assert!(Ready::try_current().is_none());
    let panic = thread::spawn(Ready::current).join().unwrap_err();
    let text = panic.downcast_ref::<&str>().unwrap();
    assert!(text.contains("Ready::try_current"), "{text}");
}
