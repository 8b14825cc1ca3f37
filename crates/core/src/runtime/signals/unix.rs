//! Signals on Unix: handlers write to a socket, and one thread reads there while a runtime listens.
//!
//! ```text
//!   open     connect the wire, start the thread, borrow the dispositions
//!   signal   handler ──► wire ──► thread ──► listeners
//!   drop     give the dispositions back, disconnect the wire, join the thread
//! ```
//!
//! A handler that runs when no wire is connected does what the signal does without Foster. The same
//! holds in a forked child, which has the handlers of its parent and none of its threads: each
//! process has an ear and a wire of its own.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use nix::libc::c_int;

use super::disposition::{self, HANGUP, INTERRUPT, SIGNALS};
use super::listeners::ListeningRuntimes;
use super::wire::{self, Connection};
use crate::base::per_process::PerProcess;
use crate::lifetime::settings::Signal;

/// The signals that there are.
pub(super) const ALL: &[Signal] = &[Signal::Interrupt, Signal::Terminate, Signal::Hangup];

static EARS: PerProcess<Mutex<Option<Ear>>> = PerProcess::new();

/// The ear of this process, if a runtime listens.
pub(super) fn ear() -> MutexGuard<'static, Option<Ear>> {
    let ear = EARS.get_or_make(Mutex::default);
    ear.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The process's ear for signals. Dropping it gives back everything it has taken.
pub(super) struct Ear {
    listeners: Arc<ListeningRuntimes>,
    connection: Option<Connection>,
    thread: Option<JoinHandle<()>>,
}

impl Ear {
    pub(super) fn open() -> io::Result<Self> {
        let (sender, receiver) = UnixStream::pair()?;
        let listeners = Arc::<ListeningRuntimes>::default();
        let heard_by = Arc::clone(&listeners);
        let thread = thread::Builder::new()
            .name("foster signals".to_owned())
            .spawn(move || wait_for_signals(receiver, &heard_by))?;
        Ok(Self {
            listeners,
            connection: Some(wire::connect(sender)),
            thread: Some(thread),
        })
    }

    pub(super) fn listeners(&self) -> &ListeningRuntimes {
        &self.listeners
    }

    /// Directs the process's signals here that a runtime hears, except for those that the process ignores.
    pub(super) fn borrow_what_is_heard(&self) -> io::Result<()> {
        let is_heard = |number: &c_int| self.listeners.hears(signal(*number));
        let mut heard = SIGNALS.into_iter().filter(is_heard);
        heard.try_for_each(disposition::borrow)
    }

    /// Gives those back that no runtime hears any more.
    pub(super) fn give_back_what_is_unheard(&self) {
        let is_heard = |number: &c_int| self.listeners.hears(signal(*number));
        let unheard = SIGNALS.into_iter().filter(|number| !is_heard(number));
        unheard.for_each(disposition::give_back);
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        // First, while the thread still listens: a signal is either heard or has its effect without
        // Foster.
        SIGNALS.into_iter().for_each(disposition::give_back);
        // The thread reads the signals that were sent, and then the end.
        self.connection = None;
        if let Some(thread) = self.thread.take() {
            // It runs nothing that could panic.
            let _ = thread.join();
        }
    }
}

fn wait_for_signals(mut receiver: UnixStream, listeners: &ListeningRuntimes) {
    let mut byte = [0];
    while receiver.read_exact(&mut byte).is_ok() {
        let number = c_int::from(byte[0]);
        if listeners.deliver(signal(number)) {
            disposition::exit(number);
        }
    }
}

/// Which of [`SIGNALS`] has this number.
fn signal(number: c_int) -> Signal {
    match number {
        HANGUP => Signal::Hangup,
        INTERRUPT => Signal::Interrupt,
        _ => Signal::Terminate,
    }
}
