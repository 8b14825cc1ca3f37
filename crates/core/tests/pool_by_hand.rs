//! A pool whose drivers the tests poll, one by one: what each does for the others, and what is left when they go.

use std::fmt;
use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{
    BoxError, ExecuteErrorKind, FailureKind, Flavour, Identifier, Key, Parallel, PoolIntake, Probe,
    Rejected, Reporter, Runtime, Shutdown, Signals,
};

const SOON: Duration = Duration::from_secs(20);

/// The key of a pool of so many drivers.
#[derive(Clone, Debug)]
struct ByHand {
    drivers: usize,
    pool: Arc<Pool>,
}

type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
struct Pool {
    intake: OnceLock<PoolIntake>,
    drivers: Mutex<Vec<Driver>>,
    /// The flavour keeps its payloads, for the test to poll them beside the queue.
    keeps: AtomicBool,
    kept: Mutex<Vec<Parallel>>,
}

impl ByHand {
    fn new(drivers: usize) -> Self {
        let pool = Arc::default();
        Self { drivers, pool }
    }

    fn drivers(&self) -> MutexGuard<'_, Vec<Driver>> {
        self.pool.drivers.lock().unwrap()
    }

    fn intake(&self) -> &PoolIntake {
        self.pool.intake.get().expect("the flavour has started")
    }

    /// Polls one driver. Returns whether it is over.
    fn poll(&self, number: usize) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        self.drivers()[number]
            .as_mut()
            .poll(&mut context)
            .is_ready()
    }
}

impl PartialEq for ByHand {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pool, &other.pool)
    }
}

impl Key for ByHand {
    type Payload = Parallel;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("by_hand") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Parallel>>, BoxError> {
        let intake = PoolIntake::new(&reporter, self.drivers);
        for driver in intake.drivers(|| ready(()), || false) {
            self.drivers().push(Box::pin(driver));
        }
        assert!(self.pool.intake.set(intake).is_ok());
        Ok(Arc::clone(&self.pool) as _)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Pool {
    fn intake(&self) -> &PoolIntake {
        self.intake.get().expect("it was set at the start")
    }
}

impl Flavour for Pool {
    type Payload = Parallel;

    fn spawn(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        if self.keeps.load(SeqCst) {
            self.kept.lock().unwrap().push(payload);
            return Ok(());
        }
        self.intake().push(payload)
    }

    fn block_on(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        // No test executes.
        self.intake().push(payload)
    }

    fn cancel(&self) {
        self.intake().close();
    }

    fn probe(&self, probe: Probe) {
        self.intake().probe(probe);
    }

    fn join(&self, by: Instant) -> bool {
        while !self.intake().is_over() {
            if Instant::now() > by {
                return false;
            }
            thread::yield_now();
        }
        true
    }
}

fn runtime() -> Runtime {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    runtime
}

/// Counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Wherever the probe is: a driver that is held up holds up no answer.
#[test]
fn i2_any_driver_answers_for_the_pool() {
    let (runtime, key) = (runtime(), ByHand::new(3));
    runtime.adopt(key.clone(), || async {}).unwrap();
    for number in 0..3 {
        assert!(!key.poll(number));
    }
    for number in 0..3 {
        let probing = runtime.probe();
        assert!(probing.wait(Duration::ZERO).is_err(), "nobody was polled");
        let probing = runtime.probe();
        assert!(!key.poll(number));
        probing.wait(SOON).unwrap();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn f2_payloads_are_lost_when_the_last_driver_is_dropped() {
    let (runtime, key) = (runtime(), ByHand::new(2));
    let drops = Arc::default();
    let adopt = || {
        let counted = Counted(Arc::clone(&drops));
        let payload = move || async move {
            let _counted = counted;
            // The end waits for it, and it is lost before it is cancelled.
            let _token = Shutdown::current();
            pending::<()>().await;
        };
        runtime.adopt(key.clone(), payload).unwrap();
    };
    adopt();
    key.poll(0);
    adopt();
    key.drivers().pop();
    assert_eq!(drops.load(SeqCst), 0, "there is another driver");
    key.drivers().pop();
    assert_eq!(drops.load(SeqCst), 2);
    let error = runtime.wait().unwrap_err();
    let kinds: Vec<_> = error.failures().iter().map(|one| one.kind()).collect();
    assert_eq!(kinds, [FailureKind::Lost; 2], "{error}");
    assert!(error.stragglers().is_empty(), "{error}");
}

/// New, waiting, or over: the pool is over with the last of them, although no driver has found out.
#[test]
fn s1_a_pool_is_over_when_it_is_closed_and_its_payloads_are() {
    let (runtime, key) = (runtime(), ByHand::new(2));
    let (is_over, waker) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let (asked, kept) = (
        Arc::clone(&is_over),
        Arc::<Mutex<Option<Waker>>>::clone(&waker),
    );
    let payload = move || {
        poll_fn(move |context| {
            *kept.lock().unwrap() = Some(context.waker().clone());
            match asked.load(SeqCst) {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
    };
    runtime.adopt(key.clone(), payload).unwrap();
    let intake = key.intake();
    assert!(!intake.is_over(), "it is open");
    intake.close();
    assert!(!intake.is_over(), "a payload is new");
    key.poll(0);
    assert!(!intake.is_over(), "a payload waits");
    is_over.store(1, SeqCst);
    waker.lock().unwrap().take().unwrap().wake();
    assert!(!intake.is_over(), "a payload is woken");
    assert!(key.poll(1));
    assert!(intake.is_over(), "the other driver has not found out");
    // The runtime asks the same.
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(key.poll(0));
}

/// From the first payload on, also outside of payloads, although the flavour says nothing of its threads.
#[test]
fn e4_a_thread_that_drives_the_queue_is_known() {
    for drivers in [1, 2] {
        let (runtime, key) = (runtime(), ByHand::new(drivers));
        runtime.adopt(key.clone(), || async {}).unwrap();
        // Not the thread that has started the flavour.
        let drives = || {
            key.poll(0);
            let mut call = runtime.call(key.clone(), || async {}).started();
            call.wait_timeout(Duration::from_millis(1))
        };
        let waited = thread::scope(|scope| scope.spawn(drives).join().unwrap());
        let error = waited.expect("it would wait in vain").unwrap_err();
        assert_eq!(error.kind(), ExecuteErrorKind::Deadlock);
        key.poll(0);
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn f2_a_parallel_that_is_polled_beside_the_queue_is_woken_by_its_own_waker() {
    let (runtime, key) = (runtime(), ByHand::new(2));
    // From here on the flavour has a queue.
    runtime.adopt(key.clone(), || async {}).unwrap();
    assert!(!key.poll(0));
    key.pool.keeps.store(true, SeqCst);
    let mut call = Box::pin(runtime.call(key.clone(), pending::<()>));
    let mut idle = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut idle).is_pending());
    let mut payload = key.pool.kept.lock().unwrap().pop().unwrap();
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    assert!(Pin::new(&mut payload).poll(&mut context).is_pending());
    drop(call);
    assert_eq!(wakes.0.load(SeqCst), 1, "it is cancelled");
    assert!(Pin::new(&mut payload).poll(&mut context).is_ready());
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Its completion is heard of, although the payload has no caller.
#[test]
fn f2_an_adopted_parallel_is_awaited_by_its_flavour() {
    let (runtime, key) = (runtime(), ByHand::new(2));
    runtime.adopt(key.clone(), || async {}).unwrap();
    assert!(!key.poll(0));
    key.pool.keeps.store(true, SeqCst);
    runtime.adopt(key.clone(), || async {}).unwrap();
    let payload = key.pool.kept.lock().unwrap().pop().unwrap();
    let completion = payload.completion();
    let (says, heard) = mpsc::channel();
    let waits = thread::spawn(move || {
        completion.wait();
        says.send(()).unwrap();
    });
    assert!(key.intake().push(payload).is_ok());
    assert!(!key.poll(0));
    heard.recv_timeout(SOON).expect("it is over");
    waits.join().unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// A key that makes an intake too many.
#[derive(Clone, Debug, PartialEq)]
struct Twice;

impl Key for Twice {
    type Payload = Parallel;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("twice") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Parallel>>, BoxError> {
        let pool = Pool::default();
        let _ = pool.intake.set(PoolIntake::new(&reporter, 1));
        let _second = PoolIntake::new(&reporter, 1);
        Ok(Arc::new(pool))
    }
}

#[test]
fn f2_a_second_intake_is_refused() {
    let runtime = runtime();
    let refused = runtime.adopt(Twice, || async {}).unwrap_err();
    let text = format!("{refused:#}");
    assert!(text.contains("has an intake already"), "{text}");
    runtime.shutdown();
    runtime.wait().unwrap();
}
