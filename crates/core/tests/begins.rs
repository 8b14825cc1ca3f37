//! Flavours whose executor is made on its thread while the first payload is handed in.

mod plain;

use std::cell::RefCell;
use std::error::Error;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use foster_core::{
    AdoptErrorKind, BoxError, Coroutine, ExecutorThread, FailureKind, Flavour, Identifier, Key,
    Latch, Reporter, Runtime, Signals,
};

use self::plain::{Plain, runtime, soon};

/// Counts its drop.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

type Makes = dyn Fn(usize) -> Result<Plain, BoxError> + Send + Sync;

/// A key whose executor is made by a function of the test's, which is told how many starts there were before.
#[derive(Clone)]
struct Begins {
    makes: Arc<Makes>,
    starts: Arc<AtomicUsize>,
    reporter: Arc<Mutex<Option<Reporter>>>,
}

impl Begins {
    fn by(makes: impl Fn(usize) -> Result<Plain, BoxError> + Send + Sync + 'static) -> Self {
        Self {
            makes: Arc::new(makes),
            starts: Arc::default(),
            reporter: Arc::default(),
        }
    }

    /// The first start fails.
    fn late() -> Self {
        Self::by(|before| match before {
            0 => Err("not the first time".into()),
            _ => Ok(Plain::Well),
        })
    }
}

impl PartialEq for Begins {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.makes, &other.makes)
    }
}

impl std::fmt::Debug for Begins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Begins")
    }
}

impl Key for Begins {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("begins") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        *self.reporter.lock().unwrap() = Some(reporter.clone());
        let (makes, before) = (Arc::clone(&self.makes), self.starts.fetch_add(1, SeqCst));
        ExecutorThread::begin(reporter, move || makes(before))
    }
}

#[test]
fn l3_a_start_that_fails_on_its_thread_refuses_what_was_handed_in_meanwhile() {
    thread_local! {
        static LOCAL: RefCell<Option<Counted>> = const { RefCell::new(None) };
    }
    let (runtime, drops, gone) = (runtime(), Arc::default(), Arc::<AtomicUsize>::default());
    let begins = {
        let gone = Arc::clone(&gone);
        Begins::by(move |before| match before {
            0 => {
                LOCAL.set(Some(Counted(Arc::clone(&gone))));
                Err("not the first time".into())
            }
            1 => panic!("nor the second"),
            _ => Ok(Plain::Well),
        })
    };
    for reason in ["not the first time", "nor the second"] {
        let before = Arc::strong_count(&drops);
        let counted = Counted(Arc::clone(&drops));
        let waits = move || async move {
            let _counted = counted;
            pending::<()>().await;
        };
        let error = runtime.adopt(begins.clone(), waits).unwrap_err();
        assert_eq!(error.kind(), AdoptErrorKind::Start);
        assert_eq!(error.source().unwrap().to_string(), reason);
        // Nothing is left of the payload, nor of the thread.
        assert_eq!(Arc::strong_count(&drops), before);
        assert_eq!(gone.load(SeqCst), 1);
    }
    assert_eq!(drops.load(SeqCst), 2);
    assert_eq!(runtime.execute(begins, || async { 3 }).unwrap(), 3);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn l3_a_flavour_that_fails_on_its_thread_is_a_failure_at_run() {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    let (begins, drops) = (Begins::late(), Arc::default());
    let counted = Counted(Arc::clone(&drops));
    let waits = move || async move {
        let _counted = counted;
        pending::<()>().await;
    };
    runtime.named("waits").adopt(begins.clone(), waits).unwrap();
    let error = runtime.run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(
        (failure.payload(), failure.kind()),
        ("waits", FailureKind::Lost)
    );
    assert!(
        error.to_string().contains("could not be started"),
        "{error}"
    );
    assert_eq!(drops.load(SeqCst), 1);
    assert!(error.stragglers().is_empty());
}

/// What drops a refused payload may need the flavour.
#[test]
fn a1_the_destructor_of_a_refused_payload_may_start_the_flavour_again() {
    struct Adopts(Runtime, Begins, Arc<Latch>);
    impl Drop for Adopts {
        fn drop(&mut self) {
            let ran = Arc::clone(&self.2);
            let payload = move || async move { ran.open() };
            self.0.adopt(self.1.clone(), payload).unwrap();
        }
    }
    let (runtime, begins, ran) = (runtime(), Begins::late(), Arc::<Latch>::default());
    let adopts = Adopts(runtime.clone(), begins.clone(), Arc::clone(&ran));
    let waits = move || async move {
        let _adopts = adopts;
        pending::<()>().await;
    };
    let error = runtime.adopt(begins, waits).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Start);
    assert!(ran.wait(soon()));
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Whoever comes while the first adopter waits for the executor waits as well, and is heard after it.
#[test]
fn a8_what_comes_while_the_executor_is_made_begins_after_the_first() {
    let (making, make) = (Arc::<Latch>::default(), Arc::<Latch>::default());
    let (runtime, log) = (runtime(), Arc::new(Mutex::new(Vec::new())));
    let begins = {
        let (making, make) = (Arc::clone(&making), Arc::clone(&make));
        Begins::by(move |_| {
            making.open();
            assert!(make.wait(soon()));
            Ok(Plain::Well)
        })
    };
    let adopt = |number| {
        let (runtime, begins, log) = (runtime.clone(), begins.clone(), Arc::clone(&log));
        let payload = move || async move { log.lock().unwrap().push(number) };
        std::thread::spawn(move || runtime.adopt(begins, payload))
    };
    let first = adopt(1);
    assert!(making.wait(soon()));
    let second = adopt(2);
    assert!(!first.is_finished() && !second.is_finished());
    make.open();
    first.join().unwrap().unwrap();
    second.join().unwrap().unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(*log.lock().unwrap(), [1, 2]);
    assert_eq!(begins.starts.load(SeqCst), 1);
}

/// Nobody waits for it, so that it cannot refuse a payload.
#[test]
fn f2_a_further_thread_that_cannot_begin_is_a_failure_of_the_flavour() {
    let (runtime, begins) = (runtime(), Begins::by(|_| Ok(Plain::Well)));
    runtime.execute(begins.clone(), || async {}).unwrap();
    let reporter = begins.reporter.lock().unwrap().take().unwrap();
    let further = ExecutorThread::begin(reporter, || Err::<Plain, _>("no more".into())).unwrap();
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(
        (failure.payload(), failure.kind()),
        ("begins itself", FailureKind::Lost)
    );
    assert!(error.to_string().contains("no more"), "{error}");
    further.cancel();
    assert!(further.join(soon()));
}

/// There is no adopter to refuse it to: that has gone on.
#[test]
fn f2_an_executor_that_is_sure_to_be_made_and_is_not_is_a_lost_flavour() {
    #[derive(Clone, Debug, PartialEq)]
    struct Unsure;
    impl Key for Unsure {
        type Payload = Coroutine;

        fn identifier(&self) -> Identifier {
            const { Identifier::new("unsure") }
        }

        fn start(
            &self,
            reporter: Reporter,
        ) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
            ExecutorThread::begin_surely(reporter, || -> Plain { panic!("not so sure") })
        }
    }
    let (runtime, drops) = (runtime(), Arc::default());
    let counted = Counted(Arc::clone(&drops));
    let waits = move || async move {
        let _counted = counted;
        pending::<()>().await;
    };
    // It may have gone wrong before the payload comes.
    let _ = runtime.named("waits").adopt(Unsure, waits);
    let error = runtime.wait().unwrap_err();
    let first = &error.failures()[0];
    assert_eq!(
        (first.payload(), first.kind()),
        ("unsure itself", FailureKind::Lost)
    );
    assert!(format!("{first:#}").contains("not so sure"), "{error}");
    assert_eq!(drops.load(SeqCst), 1);
    assert!(error.stragglers().is_empty());
}
