//! What happened while a program was played, in the order in which it did.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use crate::program::Payload;

/// A payload's number, in the order in which they were handed in.
pub type Id = usize;

/// The name under which a payload is handed in.
pub fn name_of(id: Id) -> String {
    format!("p{id}")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Adopt,
    Execute,
    Call,
}

/// What the one who handed a payload in was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Adopted.
    Accepted,
    /// The value of an execute or a call.
    Value,
    /// The payload's panic came through.
    Panicked,
    Stopping,
    NotRunning,
    Cancelled,
    Deadlock,
    /// Any other error: none of them can come up here.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Well,
    Failed,
    Panicked,
}

#[derive(Clone, Debug)]
pub enum What {
    /// A payload is about to be handed in.
    Handed(Id, How, Payload),
    Answered(Id, Answer),
    /// A call is about to be dropped before it was ready.
    CallDropped(Id),
    Started(Id),
    /// It took a token.
    Held(Id),
    /// Its token says that the end is requested.
    Asked,
    /// Its code has come to its end.
    Finished(Id, Ended),
    /// Its destructor is about to panic.
    DropPanics(Id),
    /// The closure, or what it made, is dropped; whether inside its executor's context.
    Dropped(Id, bool),
    ShutdownBegun,
    ShutdownEnded,
    /// The handles of the runtime are about to be dropped.
    Abandoned,
    Signalled,
    /// A start, and whether it was the first.
    StartTried(bool),
    /// The runtime's wait, or run, has returned.
    Returned,
    /// Something that must not be, whenever it is.
    Wrong(String),
}

#[derive(Clone)]
pub struct Event {
    /// Who did it: a payload, or somebody outside.
    pub by: Option<Id>,
    pub thread: ThreadId,
    pub what: What,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by {
            Some(by) => write!(f, "{:?} in p{by}: {:?}", self.thread, self.what),
            None => write!(f, "{:?}: {:?}", self.thread, self.what),
        }
    }
}

#[derive(Default)]
pub struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    payloads: usize,
    dropped: usize,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self, by: Option<Id>, what: What) {
        let mut state = self.lock();
        if let What::Dropped(..) = what {
            state.dropped += 1;
        }
        state.events.push(Event {
            by,
            thread: thread::current().id(),
            what,
        });
        drop(state);
        self.changed.notify_all();
    }

    pub fn hand_in(&self, by: Option<Id>, how: How, payload: &Payload) -> Id {
        let mut state = self.lock();
        let id = state.payloads;
        state.payloads += 1;
        state.events.push(Event {
            by,
            thread: thread::current().id(),
            what: What::Handed(id, how, payload.clone()),
        });
        id
    }

    /// Waits until as many payloads were dropped as handed in; whether they were by then.
    pub fn wait_for_all_drops(&self, by: Instant) -> bool {
        self.wait(by, |state| state.dropped >= state.payloads)
    }

    /// Waits until payload `id` is dropped.
    pub fn wait_for_drop(&self, id: Id, by: Instant) -> bool {
        self.wait(by, |state| {
            let mut events = state.events.iter();
            events.any(|event| matches!(event.what, What::Dropped(one, _) if one == id))
        })
    }

    fn wait(&self, by: Instant, is: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        while !is(&state) {
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub fn read(&self) -> Vec<Event> {
        self.lock().events.clone()
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, event) in self.lock().events.iter().enumerate() {
            writeln!(f, "{at:4} {event:?}")?;
        }
        Ok(())
    }
}
