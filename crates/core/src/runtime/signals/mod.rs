//! Signals: the first asks every running runtime to end, the second cuts its grace time short, the
//! third ends the process.
//!
//! What a signal does to the process is borrowed when the first runtime begins to listen, and given back
//! when the last one has ended; one thread waits for signals meanwhile.
//!
//! Models leave signals alone: what is shared here is static, and takes its locks from the standard library.

mod counting;
#[cfg(unix)]
mod disposition;
mod listeners;
#[cfg(unix)]
mod per_process;
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
use crate::lifetime::settings::Signals;

/// A runtime's ear for signals; dropping it ends the listening.
pub(crate) struct Listening {
    lifetime: Arc<Lifetime>,
}

/// Has signals end `lifetime` from here on, if its settings say so.
///
/// # Errors
///
/// If the operating system refuses the handler, its thread or the way from one to the other.
pub(crate) fn listen(lifetime: &Arc<Lifetime>) -> io::Result<Option<Listening>> {
    if lifetime.settings.signals == Signals::Leave {
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
    // Also where another runtime listens: the application may have put a handler in the place of ours since.
    let borrowed = open.borrow();
    // The drop of `listening` takes it.
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
            // Under the lock: whoever listens next finds all of it given back.
            *ear = None;
        }
    }
}
