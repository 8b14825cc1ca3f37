//! An engine inside the process, for tests: on the clock of a runtime, with answers that a test delays, loses and reorders.

mod lease;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use foster_core::{Clock, Sleep};

use self::lease::LocalLease;
use crate::answer::{Answer, LeaseError};
use crate::lease::{Lease, Leases};

/// An engine of leases in one process, on a [`Clock`].
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use foster_core::{Clock, Runtime, UnitState};
/// use foster_lease::{Local, OnlyOne};
///
/// let engine = Local::new(&Clock::system());
/// let replica = |name: &str| {
///     let runtime = Runtime::new();
///     let lease = engine.lease("billing", name, Duration::from_secs(15));
///     let unit = runtime.unit().only_one(lease).group(|_| Ok(()))?;
///     runtime.start()?;
///     Ok::<_, Box<dyn std::error::Error>>((runtime, unit))
/// };
/// let (first, unit) = replica("first")?;
/// # let deadline = std::time::Instant::now() + Duration::from_secs(20);
/// while unit.state() != UnitState::Held {
/// #   assert!(std::time::Instant::now() < deadline);
///     std::thread::yield_now();
/// }
/// let (second, other) = replica("second")?;
/// first.shutdown();
/// first.wait()?;
/// while other.state() != UnitState::Held {
/// #   assert!(std::time::Instant::now() < deadline);
///     std::thread::yield_now();
/// }
/// # second.shutdown();
/// # second.wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Local {
    engine: Arc<Engine>,
}

struct Engine {
    clock: Clock,
    state: Mutex<State>,
}

type Rule = Box<dyn FnMut(&Request) -> Delivery + Send>;

#[derive(Default)]
struct State {
    entries: BTreeMap<String, Entry>,
    rule: Option<Rule>,
    /// Calls and answers that were put off.
    put_off: VecDeque<Box<dyn FnOnce() + Send>>,
    /// Until a lease runs out, for those who watch.
    alarm: Option<Pin<Box<Sleep>>>,
}

#[derive(Default)]
struct Entry {
    fence: u64,
    holder: Option<(String, Instant)>,
    watchers: Vec<Answer<()>>,
}

/// A call that reaches the engine, for a rule that says what becomes of it: see [`Local::on_call`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// `acquire`, `renew`, `release`, `watch` or `members`.
    pub call: &'static str,
    /// The name of the lease.
    pub lease: String,
    /// Whose call it is.
    pub holder: String,
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// It is done and answered at once.
    Now,
    /// It never arrives, and is never answered.
    Swallow,
    /// It is done, and never answered.
    SwallowAnswer,
    /// It is not done, and answered by this error.
    Refuse(String),
    /// It is done when [`Local::deliver`] says so.
    PutOff,
    /// It is done, and answered when [`Local::deliver`] says so.
    PutOffAnswer,
}

impl Local {
    /// An engine without leases, whose time is that of `clock`.
    pub fn new(clock: &Clock) -> Self {
        let engine = Engine {
            clock: clock.clone(),
            state: Mutex::default(),
        };
        Self {
            engine: Arc::new(engine),
        }
    }

    /// The lease of this name, as `holder` sees it.
    pub fn lease(&self, name: &str, holder: &str, length: Duration) -> Arc<dyn Lease> {
        Arc::new(LocalLease {
            engine: Arc::clone(&self.engine),
            name: name.to_owned(),
            holder: holder.to_owned(),
            length,
        })
    }

    /// The leases of this length, as `holder` sees them.
    pub fn leases(&self, holder: &str, length: Duration) -> Arc<dyn Leases> {
        Arc::new(LocalLeases {
            engine: self.clone(),
            holder: holder.to_owned(),
            length,
        })
    }

    /// Asks `rule` about each call from now on. It must not call the engine.
    pub fn on_call(&self, rule: impl FnMut(&Request) -> Delivery + Send + 'static) {
        self.engine.lock().rule = Some(Box::new(rule));
    }

    /// Delivers what was put off: the one with this index, counted from the oldest. Returns whether there is one.
    pub fn deliver(&self, index: usize) -> bool {
        let put_off = self.engine.lock().put_off.remove(index);
        let is_there = put_off.is_some();
        if let Some(deliver) = put_off {
            deliver();
        }
        is_there
    }

    /// How many calls and answers were put off.
    pub fn put_off(&self) -> usize {
        self.engine.lock().put_off.len()
    }

    /// Who holds a lease, and its last fence.
    pub fn holder(&self, name: &str) -> (Option<String>, u64) {
        let (now, state) = (self.engine.clock.now(), self.engine.lock());
        let Some(entry) = state.entries.get(name) else {
            return (None, 0);
        };
        (entry.holder(now).map(str::to_owned), entry.fence)
    }

    /// Takes a lease away from whoever holds it, as an operator may.
    pub fn take_away(&self, name: &str) {
        let watchers = self.engine.lock().entry(name).free();
        tell(watchers);
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.engine.lock();
        let names: Vec<_> = state.entries.keys().collect();
        f.debug_struct("Local")
            .field("leases", &names)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Those who watch what has run out, and when the next lease that somebody watches does.
    fn run_out(&mut self, now: Instant) -> (Vec<Answer<()>>, Option<Instant>) {
        let (mut watchers, mut next) = (Vec::new(), None);
        for entry in self.entries.values_mut() {
            match entry.holder {
                Some((_, until)) if now < until => {
                    let is_sooner = next.is_none_or(|next| until < next);
                    if is_sooner && !entry.watchers.is_empty() {
                        next = Some(until);
                    }
                }
                _ => watchers.append(&mut entry.free()),
            }
        }
        (watchers, next)
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        self.entries.entry(name.to_owned()).or_default()
    }
}

impl Entry {
    fn holder(&self, now: Instant) -> Option<&str> {
        let (holder, until) = self.holder.as_ref()?;
        (now < *until).then_some(holder.as_str())
    }

    /// It is free. Returns those who watch.
    fn free(&mut self) -> Vec<Answer<()>> {
        self.holder = None;
        std::mem::take(&mut self.watchers)
    }
}

fn tell(watchers: Vec<Answer<()>>) {
    for watcher in watchers {
        watcher.send(Ok(()));
    }
}

impl Engine {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work`, or what the rule says, and answers.
    fn call<T: Send + 'static>(
        self: &Arc<Self>,
        request: &Request,
        answer: Answer<T>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) {
        let delivery = {
            let mut state = self.lock();
            state
                .rule
                .as_mut()
                .map_or(Delivery::Now, |rule| rule(request))
        };
        let engine = Arc::clone(self);
        match delivery {
            Delivery::Now => answer.send(Ok(work(self))),
            Delivery::Swallow => std::mem::forget(answer),
            Delivery::SwallowAnswer => {
                work(self);
                std::mem::forget(answer);
            }
            Delivery::Refuse(text) => answer.send(Err(LeaseError::new(text))),
            Delivery::PutOff => self.put_off(move || answer.send(Ok(work(&engine)))),
            Delivery::PutOffAnswer => {
                let done = work(self);
                self.put_off(move || answer.send(Ok(done)));
            }
        }
    }

    fn put_off(&self, deliver: impl FnOnce() + Send + 'static) {
        self.lock().put_off.push_back(Box::new(deliver));
    }

    /// Tells those who watch what has run out, and looks again when the next lease does.
    fn look(self: &Arc<Self>) {
        let waker = Waker::from(Arc::new(Alarm(Arc::downgrade(self))));
        loop {
            let (watchers, next) = self.lock().run_out(self.clock.now());
            tell(watchers);
            let mut alarm = next.map(|next| Box::pin(self.clock.sleep_until(next)));
            let mut context = Context::from_waker(&waker);
            let has_come =
                |alarm: &mut Pin<Box<Sleep>>| alarm.as_mut().poll(&mut context).is_ready();
            if alarm.as_mut().is_some_and(has_come) {
                continue;
            }
            // The one before is dropped where nothing is locked.
            let _before = std::mem::replace(&mut self.lock().alarm, alarm);
            return;
        }
    }
}

/// Wakes the engine as a lease runs out.
struct Alarm(std::sync::Weak<Engine>);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if let Some(engine) = self.0.upgrade() {
            engine.look();
        }
    }
}

/// All leases of a [`Local`] engine, as one holder sees them.
#[derive(Debug)]
struct LocalLeases {
    engine: Local,
    holder: String,
    length: Duration,
}

impl Leases for LocalLeases {
    fn lease(&self, name: &str) -> Arc<dyn Lease> {
        self.engine.lease(name, &self.holder, self.length)
    }
}
