//! Everything through which threads meet: locks, atomics, threads, thread-locals, the failure
//! channel.
//!
//! The library takes them from here, so that models can replace them by versions that choose the
//! next thread at each of these points: `cargo test -p foster-models` (see `models`). Reference
//! counts and write-once cells are no such points.

#[cfg(all(test, foster_model))]
mod model;

#[cfg(all(test, foster_model))]
pub(crate) use self::model::*;
#[cfg(not(all(test, foster_model)))]
pub(crate) use self::real::*;
pub(crate) use once_cell::race::OnceBox;
pub(crate) use std::sync::{Arc, OnceLock, PoisonError, Weak};

/// Locks `mutex`, even if it is poisoned. All threads of a model share one thread of the operating system, and its
/// panics: there a lock may be poisoned by a thread that drops it while another one unwinds.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(all(test, foster_model)))]
mod real {
    pub(crate) use flume as channel;
    pub(crate) use scoped_tls::scoped_thread_local;
    pub(crate) use std::sync::mpsc::sync_channel;
    pub(crate) use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, atomic};
    pub(crate) use std::{thread, thread_local};

    /// Whether a thread has run its last line.
    pub(crate) fn is_finished(thread: &thread::JoinHandle<()>) -> bool {
        thread.is_finished()
    }

    /// A static that is made at its first use.
    macro_rules! lazy_static {
        ($(#[$attribute:meta])* static ref $name:ident: $type:ty = $init:expr;) => {
            $(#[$attribute])*
            static $name: $crate::base::sync::LazyLock<$type> = $crate::base::sync::LazyLock::new(|| $init);
        };
    }
    pub(crate) use lazy_static;
}
