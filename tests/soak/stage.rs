//! What one life and everything in it can reach.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_io::Timer;
use fastrand::Rng;
use foster::{
    BoxError, Clock, Coroutine, Flavour, Group, Identifier, Key, Reporter, Runtime, Smol, Unit,
};
use futures_lite::future::or;

use crate::common::Event;
use crate::drawn::Drawn;
use crate::told;

/// How many payloads and services one life hands in at most.
const MOST: usize = 60;

pub struct Stage {
    pub clock: Clock,
    pub drawn: Drawn,
    /// The one lasting handle.
    runtime: Mutex<Option<Runtime>>,
    pub groups: Mutex<Vec<Group>>,
    pub units: Mutex<Vec<Unit>>,
    /// Tokens, calls, places and others that are kept until somebody else keeps more, or to the end.
    kept: Mutex<Vec<Box<dyn Any + Send>>>,
    pub started: AtomicBool,
    /// `run` has returned.
    pub over: AtomicBool,
    /// Lets threads end that were left behind.
    pub released: Event,
    /// Coroutines whose code has begun and is not dropped.
    pub inside: AtomicUsize,
    /// Who holds a token may be cut short, as there is little time to end in.
    pub overruns: AtomicBool,
    /// A payload blocked its thread beyond the end.
    pub stuck: AtomicBool,
    handed: AtomicUsize,
    /// Failures that must be told.
    pub failures: Mutex<Vec<Made>>,
    pub wrong: Mutex<Vec<String>>,
}

/// A failure that somebody has made.
#[derive(Debug)]
pub struct Made {
    pub number: u64,
    /// It must be in the report.
    pub is_the_runtimes: bool,
    /// Who has made it.
    pub by: String,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    pub fn new(runtime: Runtime, drawn: Drawn) -> Arc<Self> {
        Arc::new(Self {
            clock: runtime.clock().clone(),
            drawn,
            runtime: Mutex::new(Some(runtime)),
            groups: Mutex::default(),
            units: Mutex::default(),
            kept: Mutex::default(),
            started: AtomicBool::new(false),
            over: AtomicBool::new(false),
            released: Event::new(),
            inside: AtomicUsize::new(0),
            overruns: AtomicBool::new(drawn.may_overrun()),
            stuck: AtomicBool::new(false),
            handed: AtomicUsize::new(0),
            failures: Mutex::default(),
            wrong: Mutex::default(),
        })
    }

    pub fn runtime(&self) -> Option<Runtime> {
        lock(&self.runtime).clone()
    }

    /// Drops all that the stage owns of the runtime, the lasting handle last.
    pub fn empty(&self) {
        self.drop_kept();
        let groups = std::mem::take(&mut *lock(&self.groups));
        drop(groups);
        let runtime = lock(&self.runtime).take();
        drop(runtime);
    }

    pub fn wrong(&self, text: String) {
        lock(&self.wrong).push(text);
    }

    /// Whether one more may be handed in.
    pub fn may_hand_in(&self) -> bool {
        self.handed.fetch_add(1, SeqCst) < MOST
    }

    /// Keeps it, and drops one that was kept, outside of the lock, as its drop may run code.
    pub fn keep(&self, rng: &mut Rng, one: impl Any + Send) {
        let mut kept = lock(&self.kept);
        kept.push(Box::new(one));
        let dropped = match kept.len() > 3 {
            true => Some(kept.swap_remove(rng.usize(..4))),
            false => None,
        };
        drop(kept);
        drop(dropped);
    }

    pub fn drop_kept(&self) {
        drop(std::mem::take(&mut *lock(&self.kept)));
    }

    pub fn any_group(&self, rng: &mut Rng) -> Option<Group> {
        rng.choice(lock(&self.groups).iter().cloned())
    }

    pub fn any_unit(&self, rng: &mut Rng) -> Option<Unit> {
        rng.choice(lock(&self.units).iter().cloned())
    }

    /// Whether who holds a token may not come to its end before the runtime does.
    pub fn may_be_cut_short(&self) -> bool {
        self.overruns.load(SeqCst) || self.drawn.may_cut_short()
    }

    /// The text of a new failure, which is told, unless the runtime is over by now.
    pub fn fail(&self, is_the_runtimes: bool, by: String) -> String {
        let (number, text) = told::make();
        if !self.over.load(SeqCst) {
            told::expect(number);
            lock(&self.failures).push(Made {
                number,
                is_the_runtimes,
                by,
            });
        }
        text
    }
}

/// A flavour that nobody uses, registered with a runtime: it is dropped when nothing is left of that.
#[derive(Clone)]
pub struct Mark(pub Arc<()>);

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark")
    }
}

impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Key for Mark {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("mark")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Smol.start(reporter)
    }
}

/// The code of a coroutine, from its first poll to its drop.
pub struct Inside(Arc<Stage>);

impl Inside {
    pub fn new(stage: &Arc<Stage>) -> Self {
        stage.inside.fetch_add(1, SeqCst);
        Self(Arc::clone(stage))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, SeqCst);
    }
}

/// What `future` gives within some milliseconds of real time, wherever it is polled.
pub async fn soon<T>(future: impl Future<Output = T>) -> Option<T> {
    or(async { Some(future.await) }, async {
        Timer::after(Duration::from_millis(5)).await;
        None
    })
    .await
}
