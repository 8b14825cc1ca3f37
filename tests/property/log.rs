//! What happened while a program was played, in the order in which it did.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use foster::{PlaceErrorKind, ReloadErrorKind};

use crate::program::Payload;

/// A payload's number, in the order in which they were handed in.
pub type Id = usize;

/// The name under which a payload is handed in.
pub fn name_of(id: Id) -> String {
    format!("p{id}")
}

/// A part of the runtime that payloads are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The runtime itself.
    Runtime,
    /// A group of the program.
    Group(usize),
    /// The group of a payload's children.
    Children(Id),
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
    /// A limit is reached.
    Full,
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
    Handed(Id, How, Scope, Payload),
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
    /// A group is about to be asked to end, or cancelled if that is true.
    StopBegun(Scope, bool),
    StopEnded(Scope),
    /// A payload is in no run whose children could be in a group.
    NoGroup,
    /// The lasting handle of a group is about to be dropped.
    Released(usize),
    /// Somebody is about to wait for a place, which gets this number.
    PlaceWanted(usize, Scope),
    PlaceTaken(usize),
    /// There is none.
    NoPlace(usize, PlaceErrorKind),
    /// It is about to be given back or to be taken by a payload, or is not wanted any more.
    PlaceLeft(usize),
    /// A reload is about to be asked for, and was.
    ReloadBegun(usize),
    ReloadAsked(usize),
    /// What became of it.
    ReloadTold(usize, Told),
    /// A service does this.
    Service(usize, Doing),
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

/// What is told of a reload, with the names of services, and what became of each.
#[derive(Clone, Debug)]
pub struct Told {
    pub kind: Option<ReloadErrorKind>,
    pub services: Vec<(String, Settled)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Done,
    Failed,
    Unanswered,
    Late,
    Other,
}

/// What a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// A run can be asked from here on, or restarted.
    Begins,
    IsAsked,
    /// It is about to answer.
    Answers,
    /// Its run is about to end.
    Ends,
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

impl State {
    fn is_dropped(&self, id: Id) -> bool {
        let mut events = self.events.iter();
        events.any(|event| matches!(event.what, What::Dropped(one, _) if one == id))
    }
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

    pub fn hand_in(&self, by: Option<Id>, how: How, scope: Scope, payload: &Payload) -> Id {
        let mut state = self.lock();
        let id = state.payloads;
        state.payloads += 1;
        state.events.push(Event {
            by,
            thread: thread::current().id(),
            what: What::Handed(id, how, scope, payload.clone()),
        });
        id
    }

    /// Waits until as many payloads were dropped as handed in; whether they were by then.
    pub fn wait_for_all_drops(&self, by: Instant) -> bool {
        self.wait(by, |state| state.dropped >= state.payloads)
    }

    /// Waits until payload `id` is dropped.
    pub fn wait_for_drop(&self, id: Id, by: Instant) -> bool {
        self.wait(by, |state| state.is_dropped(id))
    }

    pub fn is_dropped(&self, id: Id) -> bool {
        self.lock().is_dropped(id)
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
