//! Payloads that core's run queue polls, on an executor that does nothing else. Small enough for Miri.

mod open;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use foster_core::{
    BoxError, Coroutine, Executor, ExecutorThread, FailureKind, Flavour, Identifier, Intake, Key,
    Latch, Reporter, Runtime, Shutdown, Signals,
};

use open::{Open, poll};

/// A key of a flavour that does nothing but drive the run queue.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plain {
    Well,
    /// Its executor counts its turns in the local [`PAUSES`], and may want one after every poll.
    Counted {
        is_spent: bool,
    },
    /// Its executor panics when the local [`DIES`] is set.
    Mortal,
    /// Every poll of its queue is on another thread.
    Moved,
    /// It drives the queue twice.
    Twice,
}

thread_local! {
    static DIES: Cell<bool> = const { Cell::new(false) };
    static PAUSES: Cell<usize> = const { Cell::new(0) };
}

impl Key for Plain {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("plain") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let executor = *self;
        ExecutorThread::start(reporter, move || Ok(executor))
    }
}

impl Executor for Plain {
    fn run(&self, intake: &Intake) {
        let driven = || block_on(intake.drive(give_way, || false));
        match self {
            Self::Well => driven(),
            Self::Counted { is_spent } => {
                let is_spent = *is_spent;
                let pause = || {
                    PAUSES.set(PAUSES.get() + 1);
                    give_way()
                };
                block_on(intake.drive(pause, move || is_spent));
            }
            Self::Mortal => {
                let mut queue = pin!(intake.drive(give_way, || false));
                block_on(poll_fn(|context| {
                    assert!(!DIES.get(), "a fault of the executor's");
                    let polled = queue.as_mut().poll(context);
                    assert!(!DIES.get(), "a fault of the executor's");
                    polled
                }));
            }
            Self::Moved => {
                let mut queue = Box::pin(intake.drive(give_way, || false));
                let waker = Waker::from(Arc::new(Unpark(thread::current())));
                let mut poll = move || queue.as_mut().poll(&mut Context::from_waker(&waker));
                while thread::scope(|scope| scope.spawn(&mut poll).join())
                    .unwrap()
                    .is_pending()
                {
                    thread::park();
                }
            }
            Self::Twice => {
                let mut first = pin!(intake.drive(give_way, || false));
                let mut context = Context::from_waker(Waker::noop());
                assert!(first.as_mut().poll(&mut context).is_pending());
                driven();
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[derive(Default)]
struct Woken(Latch);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.open();
    }
}

fn block_on(future: impl Future<Output = ()>) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    while future
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        thread::park();
    }
}

/// A future that is ready at its second poll.
fn give_way() -> impl Future<Output = ()> {
    let mut given = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

fn runtime() -> Runtime {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    runtime
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Counts the drops of what it was made with.
struct Counted {
    drops: Arc<AtomicUsize>,
    /// Not `Send`.
    _local: Rc<()>,
}

impl Counted {
    fn new(drops: Arc<AtomicUsize>) -> Self {
        let _local = Rc::new(());
        Self { drops, _local }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
    }
}

#[test]
fn a1_payloads_are_polled_and_dropped_on_the_one_thread() {
    let runtime = runtime();
    let drops = Arc::new(AtomicUsize::new(0));
    let home = runtime
        .execute(Plain::Well, || async { thread::current().id() })
        .unwrap();
    for pends in [false, true] {
        let drops = Arc::clone(&drops);
        runtime
            .adopt(Plain::Well, move || async move {
                let _counted = Counted::new(drops);
                assert_eq!(thread::current().id(), home);
                if pends {
                    pending::<()>().await;
                }
            })
            .unwrap();
    }
    runtime.execute(Plain::Well, || async {}).unwrap();
    assert_eq!(drops.load(SeqCst), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(drops.load(SeqCst), 2);
}

#[test]
fn a_wake_counts_from_anywhere_and_at_any_time() {
    let runtime = runtime();
    let (kept, is_kept) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Latch::default()));
    let (polls, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(Latch::default()));
    let payload = {
        let (kept, is_kept) = (Arc::clone(&kept), Arc::clone(&is_kept));
        let (polls, over) = (Arc::clone(&polls), Arc::clone(&over));
        move || {
            poll_fn(move |context| {
                kept.lock().unwrap().push(context.waker().clone());
                match polls.fetch_add(1, SeqCst) {
                    // During the poll, twice: polled again, once.
                    0 => {
                        context.waker().wake_by_ref();
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    1 => {
                        is_kept.open();
                        Poll::Pending
                    }
                    _ => {
                        over.open();
                        Poll::Ready(())
                    }
                }
            })
        }
    };
    runtime.adopt(Plain::Well, payload).unwrap();
    assert!(is_kept.wait(soon()));
    let waker = kept.lock().unwrap()[0].clone();
    thread::spawn(move || waker.wake()).join().unwrap();
    assert!(over.wait(soon()));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(polls.load(SeqCst), 3);
    drop(runtime);
    // After the end of everything a wake does nothing.
    for waker in kept.lock().unwrap().drain(..) {
        waker.wake();
    }
}

#[test]
fn a_payload_that_is_woken_twice_before_its_turn_is_polled_once() {
    let runtime = runtime();
    let (polls, kept) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
    let payload = {
        let (polls, kept) = (Arc::clone(&polls), Arc::clone(&kept));
        move || {
            poll_fn(move |context| {
                polls.fetch_add(1, SeqCst);
                *kept.lock().unwrap() = Some(context.waker().clone());
                Poll::<()>::Pending
            })
        }
    };
    runtime.adopt(Plain::Well, payload).unwrap();
    runtime.execute(Plain::Well, || async {}).unwrap();
    let waker: Waker = kept.lock().unwrap().take().unwrap();
    let (is_blocked, goes_on) = (Arc::new(Latch::default()), Arc::new(Latch::default()));
    let blocker = {
        let (is_blocked, goes_on) = (Arc::clone(&is_blocked), Arc::clone(&goes_on));
        move || async move {
            is_blocked.open();
            assert!(goes_on.wait(soon()));
        }
    };
    runtime.adopt(Plain::Well, blocker).unwrap();
    assert!(is_blocked.wait(soon()));
    waker.wake_by_ref();
    waker.wake();
    goes_on.open();
    // New and woken ones are polled in turns, so both wakes would have had theirs by then.
    for _ in 0..4 {
        runtime.execute(Plain::Well, || async {}).unwrap();
    }
    assert_eq!(polls.load(SeqCst), 2);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn spawn4_a_new_payload_has_its_turn_beside_any_number_that_never_rest() {
    let runtime = runtime();
    let is_over = Arc::new(AtomicUsize::new(0));
    // More than are polled between two turns of the executor.
    for _ in 0..200 {
        let is_over = Arc::clone(&is_over);
        let restless = move || async move {
            while is_over.load(SeqCst) == 0 {
                give_way().await;
            }
        };
        runtime.adopt(Plain::Well, restless).unwrap();
    }
    runtime
        .adopt(Plain::Well, move || async move { is_over.store(1, SeqCst) })
        .unwrap();
    runtime.execute(Plain::Well, || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn spawn4_an_executor_has_its_turn_when_it_says_so_or_after_many_polls() {
    for (is_spent, most) in [(true, 1), (false, 128)] {
        let (runtime, key) = (runtime(), Plain::Counted { is_spent });
        let restless = move || async move {
            for _ in 0..10 * most {
                give_way().await;
            }
            PAUSES.get()
        };
        assert!(runtime.execute(key, restless).unwrap() >= 9);
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

/// A key that shows whether anything of a runtime that knew it is left.
#[derive(Clone, Debug)]
struct Known(Arc<()>);

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Key for Known {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("known") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Plain::Well.start(reporter)
    }
}

#[test]
fn a_waker_keeps_nothing_of_a_runtime_that_is_over() {
    let known = Known(Arc::default());
    let runtime = runtime();
    let wakers = Arc::new(Mutex::new(Vec::new()));
    for is_over in [false, true] {
        let wakers = Arc::clone(&wakers);
        let payload = move || {
            poll_fn(move |context| {
                wakers.lock().unwrap().push(context.waker().clone());
                match is_over {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
        };
        runtime.adopt(known.clone(), payload).unwrap();
    }
    runtime.execute(known.clone(), || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    drop(runtime);
    for waker in wakers.lock().unwrap().drain(..) {
        waker.wake_by_ref();
        waker.wake();
    }
    // The runtime's own thread has a few lines to go.
    let by = soon();
    while Arc::strong_count(&known.0) > 1 {
        assert!(Instant::now() < by, "something is left");
        thread::yield_now();
    }
}

#[test]
fn l8_a_payload_in_whose_midst_others_are_adopted_goes_on() {
    let runtime = runtime();
    let inner = runtime.clone();
    let sum = runtime
        .execute(Plain::Well, move || async move {
            let sum = Rc::new(RefCell::new(0));
            for value in 1..=3 {
                *sum.borrow_mut() += inner
                    .call(Plain::Well, move || async move { value })
                    .await
                    .unwrap();
            }
            sum.take()
        })
        .unwrap();
    assert_eq!(sum, 6);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn l6_a_token_is_waited_for_and_its_payload_woken() {
    let runtime = runtime();
    let (held, ended) = (Arc::new(Latch::default()), Arc::new(AtomicUsize::new(0)));
    let payload = {
        let (held, ended) = (Arc::clone(&held), Arc::clone(&ended));
        move || async move {
            let token = Shutdown::current();
            held.open();
            token.requested().await;
            ended.fetch_add(1, SeqCst);
        }
    };
    runtime.adopt(Plain::Well, payload).unwrap();
    assert!(held.wait(soon()));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(ended.load(SeqCst), 1);
}

#[test]
fn l6_a_token_is_heard_of_wherever_it_is_awaited() {
    let runtime = runtime();
    let (awaited, ended) = (Arc::new(Latch::default()), Arc::new(AtomicUsize::new(0)));
    let payload = {
        let (awaited, ended) = (Arc::clone(&awaited), Arc::clone(&ended));
        move || async move {
            let token = Shutdown::current();
            let (told, mut hears) = (Arc::new(AtomicUsize::new(0)), None);
            poll_fn(move |context| {
                let (token, told, awaited) =
                    (token.clone(), Arc::clone(&told), Arc::clone(&awaited));
                let waker = context.waker().clone();
                let is_told = told.load(SeqCst) == 1;
                // Not polled by this payload, whose waker it so does not have; and once, so that it hears
                // of it by being woken.
                hears.get_or_insert_with(|| {
                    thread::spawn(move || {
                        let woken = Arc::new(Woken::default());
                        let own = Waker::from(Arc::clone(&woken));
                        let mut requested = pin!(token.requested());
                        let polled = requested.as_mut().poll(&mut Context::from_waker(&own));
                        assert!(polled.is_pending());
                        awaited.open();
                        assert!(woken.0.wait(soon()));
                        told.store(1, SeqCst);
                        waker.wake();
                    })
                });
                match is_told {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
            ended.fetch_add(1, SeqCst);
        }
    };
    runtime.adopt(Plain::Well, payload).unwrap();
    assert!(awaited.wait(soon()));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(ended.load(SeqCst), 1);
}

#[test]
fn f2_an_executor_that_dies_loses_its_payloads_and_drops_them_at_home() {
    let runtime = runtime();
    let drops = Arc::new(AtomicUsize::new(0));
    let goes_on = Arc::new(Latch::default());
    let waits = Arc::clone(&goes_on);
    let last = move || async move {
        assert!(waits.wait(soon()));
        DIES.set(true);
    };
    runtime.adopt(Plain::Mortal, last).unwrap();
    // More than are polled before the executor has its turn and dies, so that some are not even looked at.
    for _ in 0..200 {
        let drops = Arc::clone(&drops);
        let payload = move || async move {
            let _counted = Counted::new(drops);
            pending::<()>().await;
        };
        runtime.adopt(Plain::Mortal, payload).unwrap();
    }
    goes_on.open();
    let error = runtime.wait().unwrap_err();
    let failures = error.failures();
    assert!(failures.iter().all(|one| one.kind() == FailureKind::Lost));
    assert_eq!(failures.len() + error.omitted(), 201, "{error}");
    // The cause comes before what follows from it.
    assert_eq!(failures[0].payload(), "plain itself");
    let text = error.to_string();
    assert!(text.contains("a fault of the executor's"), "{error}");
    // Those of the first batch, each where it was made.
    assert!(drops.load(SeqCst) >= 100, "{}", drops.load(SeqCst));
}

#[test]
fn f2_an_executor_that_has_ended_takes_nothing() {
    struct Ended;
    impl Executor for Ended {
        fn run(&self, _: &Intake) {}
    }
    let (runtime, open) = (runtime(), Open::default());
    runtime.adopt(open.clone(), pending::<()>).unwrap();
    let mut payload = open.take();
    assert!(poll(&mut payload).is_pending());
    let dead = ExecutorThread::start(open.reporter().clone(), || Ok(Ended)).unwrap();
    // It has told of its end when the runtime stops.
    assert!(open.cancelled.wait(soon()));
    assert!(dead.join(soon()));
    let refused = dead.spawn(payload).unwrap_err();
    assert!(
        poll(&mut refused.into_payload()).is_ready(),
        "it is cancelled"
    );
    assert!(runtime.wait().is_err());
}

/// What safe code may do, and nothing may come of it but a report.
#[test]
fn f2_a_queue_that_moves_to_another_thread_leaks_and_is_reported() {
    let runtime = runtime();
    let drops = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&drops);
    let kept = Arc::new(Mutex::new(None));
    let payload = {
        let kept = Arc::clone(&kept);
        move || {
            let counted = Counted::new(counted);
            poll_fn(move |context| {
                let _counted = &counted;
                *kept.lock().unwrap() = Some(context.waker().clone());
                Poll::<()>::Pending
            })
        }
    };
    runtime.adopt(Plain::Moved, payload).unwrap();
    let waiter = thread::spawn(move || runtime.wait());
    while !waiter.is_finished() {
        // Again and again, as one that comes during the poll is answered on the same thread.
        let waker: Option<Waker> = kept.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
        thread::yield_now();
    }
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(drops.load(SeqCst), 0);
}

#[test]
fn f2_a_queue_that_is_driven_twice_at_once_is_reported() {
    // Not started yet: it would be over as soon as the flavour is.
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.adopt(Plain::Twice, pending::<()>).unwrap();
    let error = runtime.run().unwrap_err();
    let text = "driven by one future at a time";
    assert!(error.to_string().contains(text), "{error}");
}
