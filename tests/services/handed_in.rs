//! How services are handed in. Row V1.

use super::*;

once!(
    v1_a_service_by_hand_runs_on_every_kind_of_flavour,
    v1_a_runtime_without_services_has_no_supervisor,
    v1_a_runtime_dropped_unrun_drops_its_services,
    v1_a_shutdown_before_the_start_drops_them_unrun,
    a_thousand_services_at_once,
    a_service_may_serve_others_and_adopt_payloads,
    outside_of_services_nothing_is_ready,
);

on_every_flavour!(v1_before_and_while_running_it_starts_as_soon_as_it_may);

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
            unit.name().starts_with("tests/services/handed_in.rs:"),
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

fn outside_of_services_nothing_is_ready() {
    assert!(Ready::try_current().is_none());
    let panic = thread::spawn(Ready::current).join().unwrap_err();
    let text = panic.downcast_ref::<&str>().unwrap();
    assert!(text.contains("Ready::try_current"), "{text}");
}
