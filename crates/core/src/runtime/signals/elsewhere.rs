//! Signals elsewhere than on Unix: Ctrl-C and its like, through ctrlc, whose handler stays once it is there.

use std::io;
use std::process::exit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::listeners::ListeningRuntimes;
use crate::lifetime::settings::Signal;

/// The signals that there are.
pub(super) const ALL: &[Signal] = &[Signal::Interrupt];

static EAR: Mutex<Option<Ear>> = Mutex::new(None);
/// The runtimes that the handler tells. Apart from the ear, whose lock is held while it opens and
/// closes.
static HEARD_BY: Mutex<Option<Arc<ListeningRuntimes>>> = Mutex::new(None);
static INSTALLED: Mutex<bool> = Mutex::new(false);

/// The status of a process that Ctrl-C has ended. The actual event is not known.
const INTERRUPTED: i32 = 130;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The ear of this process, if a runtime listens.
pub(super) fn ear() -> MutexGuard<'static, Option<Ear>> {
    lock(&EAR)
}

/// The process's ear for Ctrl-C. Once it is dropped, Ctrl-C ends the process again.
pub(super) struct Ear {
    listeners: Arc<ListeningRuntimes>,
}

impl Ear {
    pub(super) fn open() -> io::Result<Self> {
        let mut installed = lock(&INSTALLED);
        if !*installed {
            ctrlc::try_set_handler(handle).map_err(io::Error::other)?;
            *installed = true;
        }
        let listeners = Arc::<ListeningRuntimes>::default();
        *lock(&HEARD_BY) = Some(Arc::clone(&listeners));
        Ok(Self { listeners })
    }

    pub(super) fn listeners(&self) -> &ListeningRuntimes {
        &self.listeners
    }

    /// Does nothing: the handler is installed for good.
    pub(super) fn borrow_what_is_heard(&self) -> io::Result<()> {
        Ok(())
    }

    /// As above.
    pub(super) fn give_back_what_is_unheard(&self) {}
}

impl Drop for Ear {
    fn drop(&mut self) {
        *lock(&HEARD_BY) = None;
    }
}

fn handle() {
    let listeners = lock(&HEARD_BY).clone();
    if listeners.is_none_or(|listeners| listeners.deliver(Signal::Interrupt)) {
        exit(INTERRUPTED);
    }
}
