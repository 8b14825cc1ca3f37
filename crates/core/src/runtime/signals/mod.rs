//! Signals: the first asks every running runtime to end, or to drain and end; the second cuts its grace time short, the
//! third ends the process. A runtime may have one of them reload instead, or leave it alone.
//!
//! The effect of a signal on the process is borrowed when the first runtime begins to listen, and
//! given back when the last one has ended. Meanwhile one thread waits for signals.
//!
//! Models leave signals alone: the shared state here is static, and takes its locks from the
//! standard library.

mod counting;
#[cfg(unix)]
mod disposition;
mod listeners;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "elsewhere.rs")]
mod system;
#[cfg(unix)]
mod wire;

use std::io;
use std::sync::Arc;

use self::counting::Counting;
use self::listeners::Listener;
use self::system::Ear;
use crate::lifetime::Lifetime;
use crate::lifetime::settings::{OnSignal, Signal};

/// A runtime's ear for signals; dropping it ends the listening.
pub(crate) struct Listening {
    lifetime: Arc<Lifetime>,
}

/// From here on signals do to `lifetime` what its settings say, if they say anything.
///
/// # Errors
///
/// If the operating system refuses the handler, its thread or the connection between the two.
pub(crate) fn listen(lifetime: &Arc<Lifetime>) -> io::Result<Option<Listening>> {
    let signals = lifetime.settings.signals;
    let is_left = |signal: &Signal| signals.on(*signal) == OnSignal::Leave;
    if system::ALL.iter().all(is_left) {
        return Ok(None);
    }
    let mut ear = system::ear();
    let open = match &mut *ear {
        Some(open) => open,
        closed => closed.insert(Ear::open()?),
    };
    open.listeners().lock().push(Listener {
        lifetime: Arc::clone(lifetime),
        counting: Counting::default(),
    });
    let listening = Listening {
        lifetime: Arc::clone(lifetime),
    };
    // Even if another runtime listens: the application may have replaced our handler since.
    let borrowed = open.borrow_what_is_heard();
    // Dropping `listening` takes the lock.
    drop(ear);
    borrowed?;
    Ok(Some(listening))
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut ear = system::ear();
        let Some(open) = &*ear else { return };
        let mut listeners = open.listeners().lock();
        listeners.retain(|one| !Arc::ptr_eq(&one.lifetime, &self.lifetime));
        let is_last = listeners.is_empty();
        drop(listeners);
        if is_last {
            // Under the lock: the next listener finds everything given back.
            *ear = None;
        } else {
            open.give_back_what_is_unheard();
        }
    }
}
