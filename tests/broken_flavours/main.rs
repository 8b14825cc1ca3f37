//! Flavours that break: whatever they do wrong is reported, and nobody hangs on them. Rows E5, F1
//! and F2.

#[path = "../common/mod.rs"]
mod common;
mod dying;
mod strange;

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{
    AdoptErrorKind, BoxError, Coroutine, ExecuteErrorKind, FailureKind, Flavour, Identifier, Key,
    Rejected, Reporter, Runtime, Smol, StragglerReason, Thread,
};

/// What a flavour made for a test does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    DropsPayloads,
    Rejects,
    NeverPolls,
    DropsElsewhere,
    PollsElsewhere,
    WillNotJoin,
    PanicsAtTheEnd,
    Stuck,
}

/// A stranger's flavour: a thread that polls what is in a queue, with a fault of choice.
#[derive(Clone, Debug, PartialEq)]
struct Strange(Fault);

#[derive(Default)]
struct Shared {
    queue: Mutex<VecDeque<Coroutine>>,
    cancelled: AtomicBool,
    polled: AtomicUsize,
}

struct StrangeFlavour {
    fault: Fault,
    shared: Arc<Shared>,
    ended: Event,
}

impl fmt::Debug for StrangeFlavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StrangeFlavour({:?})", self.fault)
    }
}

impl Key for Strange {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("strange")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let flavour = StrangeFlavour {
            fault: self.0,
            shared: Arc::default(),
            ended: Event::new(),
        };
        let (fault, shared, ended) = (self.0, Arc::clone(&flavour.shared), flavour.ended.clone());
        thread::spawn(move || {
            turn(fault, &shared);
            ended.happen();
        });
        Ok(Arc::new(flavour))
    }
}

/// Happens when a flavour with the fault `NeverPolls` has put a payload away.
static KEPT: std::sync::LazyLock<Event> = std::sync::LazyLock::new(Event::new);

/// Happens when somebody is blocked in a flavour with the fault `Stuck`.
static BLOCKED: std::sync::LazyLock<Event> = std::sync::LazyLock::new(Event::new);

fn turn(fault: Fault, shared: &Arc<Shared>) {
    if fault == Fault::Stuck {
        return;
    }
    let poll = |payload: &mut Coroutine| {
        Pin::new(payload)
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    };
    loop {
        let next = shared.queue.lock().unwrap().pop_front();
        let Some(mut payload) = next else {
            if shared.cancelled.load(SeqCst) {
                return;
            }
            thread::yield_now();
            continue;
        };
        let polled = shared.polled.fetch_add(1, SeqCst);
        let pending = match (fault, polled) {
            (Fault::NeverPolls, 1..) => {
                // Keeps it, beyond the end of the thread.
                std::mem::forget(payload);
                KEPT.happen();
                continue;
            }
            (Fault::PollsElsewhere, 1..) => {
                thread::scope(|scope| scope.spawn(|| poll(&mut payload)).join().unwrap())
            }
            (Fault::DropsElsewhere, 1..) => {
                thread::spawn(move || drop(payload)).join().unwrap();
                continue;
            }
            _ => poll(&mut payload),
        };
        if pending {
            shared.queue.lock().unwrap().push_back(payload);
        }
    }
}

impl Flavour for StrangeFlavour {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        if self.shared.cancelled.load(SeqCst) {
            return Err(Rejected::new(payload));
        }
        match self.fault {
            Fault::DropsPayloads => drop(payload),
            Fault::Rejects => return Err(Rejected::because(payload, "not on Tuesdays")),
            _ => self.shared.queue.lock().unwrap().push_back(payload),
        }
        Ok(())
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let completion = payload.completion();
        self.spawn(payload)?;
        if self.fault == Fault::Stuck {
            BLOCKED.happen();
        }
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.shared.cancelled.store(true, SeqCst);
        if self.fault == Fault::PanicsAtTheEnd {
            panic!("in cancel");
        }
    }

    fn join(&self, by: Instant) -> bool {
        if self.fault == Fault::WillNotJoin {
            thread::sleep(by.saturating_duration_since(Instant::now()));
            return false;
        }
        while !self.ended.has_happened() && Instant::now() < by {
            thread::yield_now();
        }
        self.ended.has_happened()
    }
}
