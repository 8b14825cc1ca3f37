//! The flavours of the models: an executor thread that polls only what was woken, a thread for each payload, and hands
//! that do nothing by themselves.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use super::{Count, OnDrop};
use crate::base::sync::{Mutex, lock};
use crate::{
    BoxError, Coroutine, Executor, ExecutorThread, Fed, Flavour, Identifier, Intake, Key, Rejected,
    Reporter, Subroutine,
};

/// A key of the flavour, under a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Model(pub(super) &'static str);

impl Key for Model {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new(self.0)
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        ExecutorThread::begin(reporter, || Ok(OnlyWoken { _ends: None }))
    }
}

/// A key of the same flavour that counts how often it was started, and has ended.
#[derive(Clone, Default)]
pub(super) struct Counted {
    pub(super) started: Count,
    pub(super) ended: Count,
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.started.is(&other.started)
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

impl Key for Counted {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("counted")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.started.add();
        let ends = Some(self.ended.on_drop());
        ExecutorThread::begin(reporter, || Ok(OnlyWoken { _ends: ends }))
    }
}

/// A key of the same flavour, whose first start fails on its thread.
#[derive(Clone, Default)]
pub(super) struct Failing(Count);

impl PartialEq for Failing {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(&other.0)
    }
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failing")
    }
}

impl Key for Failing {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("failing")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let starts = self.0.clone();
        ExecutorThread::begin(reporter, move || {
            starts.add();
            match starts.get() {
                1 => Err("not the first time".into()),
                _ => Ok(OnlyWoken { _ends: None }),
            }
        })
    }
}

/// Who polls the payloads of the flavour above.
#[derive(Clone, Copy)]
pub(super) enum Polls {
    RunQueue,
    Executor,
}

thread_local! {
    // The threads of a model are all on one of the system's.
    static POLLS: Cell<Polls> = const { Cell::new(Polls::RunQueue) };
}

impl Polls {
    pub(super) fn choose(self) {
        POLLS.set(self);
    }
}

struct OnlyWoken {
    _ends: Option<OnDrop>,
}

/// The number of the feed among the tasks.
const FEED: usize = usize::MAX;

/// Who was woken, and the thread that polls.
#[derive(Default)]
struct Woken {
    tasks: Mutex<Vec<usize>>,
    thread: Mutex<Option<Waker>>,
}

struct TaskWaker {
    task: usize,
    woken: Arc<Woken>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        lock(&self.woken.tasks).push(self.task);
        let thread = lock(&self.woken.thread).clone();
        if let Some(thread) = thread {
            thread.wake();
        }
    }
}

impl Woken {
    fn waker(self: &Arc<Self>, task: usize) -> Waker {
        let woken = Arc::clone(self);
        Waker::from(Arc::new(TaskWaker { task, woken }))
    }
}

impl Executor for OnlyWoken {
    fn run(&self, intake: &Intake) {
        match POLLS.get() {
            Polls::RunQueue => {
                // With a pause after every other poll.
                let mut spent = false;
                let is_spent = move || {
                    spent = !spent;
                    spent
                };
                shuttle::future::block_on(intake.drive(give_way, is_spent));
            }
            Polls::Executor => Self::poll(intake),
        }
    }
}

impl OnlyWoken {
    fn poll(intake: &Intake) {
        let woken = Arc::new(Woken::default());
        let mut tasks: Vec<Option<Fed>> = Vec::new();
        let new = std::cell::RefCell::new(Vec::new());
        let mut feed = pin!(intake.feed(|fed| new.borrow_mut().push(fed), give_way));
        lock(&woken.tasks).push(FEED);
        shuttle::future::block_on(poll_fn(|context| {
            *lock(&woken.thread) = Some(context.waker().clone());
            loop {
                let task = lock(&woken.tasks).pop();
                let Some(task) = task else {
                    return Poll::Pending;
                };
                let waker = woken.waker(task);
                let mut context = Context::from_waker(&waker);
                if task == FEED {
                    let fed = feed.as_mut().poll(&mut context);
                    for fed in new.borrow_mut().drain(..) {
                        // In order, although the last one woken is polled first.
                        lock(&woken.tasks).insert(0, tasks.len());
                        tasks.push(Some(fed));
                    }
                    if fed.is_ready() {
                        let alive = tasks.iter().flatten().count();
                        assert_eq!(alive, 0, "a feed ends after all that it has fed");
                        return Poll::Ready(());
                    }
                } else if let Some(fed) = &mut tasks[task] {
                    if Pin::new(fed).poll(&mut context).is_ready() {
                        tasks[task] = None;
                    }
                }
            }
        }));
    }
}

/// A future that is ready after the executor had a turn.
pub(super) fn give_way() -> impl Future<Output = ()> {
    let mut given = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// A flavour of a thread for each payload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Apart;

impl Key for Apart {
    type Payload = Subroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("apart")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Subroutine>>, BoxError> {
        Ok(Arc::new(Self))
    }
}

impl Flavour for Apart {
    type Payload = Subroutine;

    fn spawn(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        shuttle::thread::spawn(move || payload.run());
        Ok(())
    }

    fn block_on(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        payload.run();
        Ok(())
    }

    fn cancel(&self) {}

    fn join(&self, _: Instant) -> bool {
        true
    }
}

/// A flavour that only keeps what it is given, for the model to poll.
#[derive(Clone, Default)]
pub(super) struct Hands {
    payloads: Arc<std::sync::Mutex<Vec<Coroutine>>>,
    reporter: Arc<std::sync::OnceLock<Reporter>>,
}

impl Hands {
    pub(super) fn take(&self) -> Coroutine {
        self.payloads.lock().unwrap().remove(0)
    }

    pub(super) fn lose(&self) {
        self.reporter.get().unwrap().lost("dropped");
    }
}

impl PartialEq for Hands {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.payloads, &other.payloads)
    }
}

impl fmt::Debug for Hands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hands")
    }
}

impl Key for Hands {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("hands")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.reporter.set(reporter).unwrap();
        Ok(Arc::new(self.clone()))
    }
}

impl Flavour for Hands {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.payloads.lock().unwrap().push(payload);
        Ok(())
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let completion = payload.completion();
        self.spawn(payload)?;
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {}

    fn join(&self, _: Instant) -> bool {
        true
    }
}
