//! Signals on Unix: handlers write to a socket, and one thread reads there while a runtime listens.
//!
//! ```text
//!   open     connect the wire, start the thread, borrow the dispositions
//!   signal   handler ──► wire ──► thread ──► listeners
//!   drop     give the dispositions back, disconnect the wire, join the thread
//! ```
//!
//! A handler that runs when no wire is connected does what the signal does without Foster. That is so in a
//! forked child, too, which has the handlers of its parent and none of its threads: each process has an
//! account of its own.

use std::io::{self, Read};
use std::iter;
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::Listeners;
use super::disposition::{self, Connection, INTERRUPT, SIGNALS, Wire};
use crate::base::sync::OnceBox;

/// What is the matter in one process. A fork copies all that are there, in whatever state, so that a child
/// does not touch them: it makes one of its own, without a lock that a thread of its parent may have held.
struct Process {
    id: u32,
    wire: Wire,
    ear: Mutex<Option<Ear>>,
    /// That of a child.
    next: OnceBox<Process>,
}

static FIRST: OnceBox<Process> = OnceBox::new();

impl Process {
    fn current() -> &'static Self {
        let id = process::id();
        let mut link = &FIRST;
        loop {
            let process = link.get_or_init(|| {
                Box::new(Self {
                    id,
                    wire: Wire::new(),
                    ear: Mutex::new(None),
                    next: OnceBox::new(),
                })
            });
            if process.id == id {
                return process;
            }
            link = &process.next;
        }
    }
}

/// The wire of this process, if a runtime has listened in it. What handlers call takes no lock and does not
/// allocate.
fn wire() -> Option<&'static Wire> {
    let id = process::id();
    iter::successors(FIRST.get(), |process| process.next.get())
        .find(|process| process.id == id)
        .map(|process| &process.wire)
}

/// Whether a runtime listens in this process; for handlers.
pub(super) fn is_awaited() -> bool {
    wire().is_some_and(Wire::is_connected)
}

/// Passes a signal on to this process's thread; for handlers.
pub(super) fn hear(signal: i32) {
    if let Some(wire) = wire() {
        wire.send(signal);
    }
}

/// The ear of this process, if a runtime listens.
pub(super) fn ear() -> MutexGuard<'static, Option<Ear>> {
    let ear = &Process::current().ear;
    ear.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What listens to signals; dropping it gives all back that it has taken.
pub(super) struct Ear {
    listeners: Arc<Listeners>,
    connection: Option<Connection>,
    thread: Option<JoinHandle<()>>,
}

impl Ear {
    pub(super) fn open() -> io::Result<Self> {
        let (sender, receiver) = UnixStream::pair()?;
        let listeners = Arc::<Listeners>::default();
        let heard_by = Arc::clone(&listeners);
        let thread = thread::Builder::new()
            .name("foster signals".to_owned())
            .spawn(move || wait_for_signals(receiver, &heard_by))?;
        Ok(Self {
            listeners,
            connection: Some(Process::current().wire.connect(sender)),
            thread: Some(thread),
        })
    }

    pub(super) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Has the process's signals come here, but for those that it ignores.
    pub(super) fn borrow(&self) -> io::Result<()> {
        SIGNALS.into_iter().try_for_each(disposition::borrow)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        // First, while it can still be heard: a signal is either heard or does what it does without Foster.
        SIGNALS.into_iter().for_each(disposition::give_back);
        // The thread reads what was sent, and then the end.
        self.connection = None;
        if let Some(thread) = self.thread.take() {
            // It runs nothing that could panic.
            let _ = thread.join();
        }
    }
}

fn wait_for_signals(mut receiver: UnixStream, listeners: &Listeners) {
    let mut signal = [0];
    while receiver.read_exact(&mut signal).is_ok() {
        let signal = i32::from(signal[0]);
        if listeners.deliver(signal == INTERRUPT) {
            disposition::exit(signal);
        }
    }
}
