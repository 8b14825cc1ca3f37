//! A flavour whose thread dies. Row F2.

use super::*;

once!(
    f2_a_flavour_that_dies_is_reported_with_its_payloads,
    f2_a_caller_of_a_dead_flavour_is_let_go,
);

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
