//! Who was woken by a manual clock and has not acted on it yet. The clock stands still meanwhile.
//!
//! A payload has acted once the poll in which it finds that its moment has come is over, with all that Foster makes of
//! the poll's result; blocking code, once it waits again or has ended. Anyone else has when it finds out.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::Instant;

use crate::base::alarms::AlarmKey;
use crate::base::sync::{Arc, Condvar, Mutex, PoisonError, lock, thread_local};

/// Those whom one clock has woken at its present moment and who have not acted yet.
#[derive(Default)]
pub(crate) struct Woken {
    keys: Mutex<HashSet<AlarmKey>>,
    all_acted: Condvar,
}

/// One of them, until this is dropped.
pub(crate) struct Acting {
    woken: Arc<Woken>,
    key: AlarmKey,
}

/// Whose code a thread runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    Nothing,
    /// A poll of a payload, and what follows from it.
    Poll,
    /// A payload that is blocking code.
    Blocking,
}

/// What is read at each poll.
struct Here {
    inside: Cell<Inside>,
    /// How many entries `ACTING` has.
    held: Cell<usize>,
}

thread_local! {
    static HERE: Here = const { Here { inside: Cell::new(Inside::Nothing), held: Cell::new(0) } };
    /// Those who act on this thread until their scope ends.
    static ACTING: RefCell<Vec<Acting>> = const { RefCell::new(Vec::new()) };
}

impl Woken {
    /// These are about to be woken.
    pub(crate) fn add(&self, keys: impl IntoIterator<Item = AlarmKey>) {
        lock(&self.keys).extend(keys);
    }

    /// The one with this `key`, if it is waited for.
    pub(crate) fn find(self: &Arc<Self>, key: AlarmKey) -> Option<Acting> {
        let is_there = lock(&self.keys).contains(&key);
        is_there.then(|| Acting {
            woken: Arc::clone(self),
            key,
        })
    }

    /// Waits until all have acted, at most until `by`, and forgets those who have not.
    pub(crate) fn wait(&self, by: Instant) {
        let mut keys = lock(&self.keys);
        while !keys.is_empty() {
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                keys.clear();
                // Whoever else waits for them.
                self.all_acted.notify_all();
                return;
            }
            let waited = self.all_acted.wait_timeout(keys, left);
            keys = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Acting {
    /// It has found out that its moment has come.
    pub(crate) fn found_out(self) {
        // Outside of payloads, and where the thread's locals are gone, that is all there is to know.
        if HERE.with(|here| here.inside.get()) == Inside::Nothing {
            return;
        }
        let kept = ACTING.try_with(|acting| acting.borrow_mut().push(self));
        if kept.is_ok() {
            HERE.with(|here| here.held.set(here.held.get() + 1));
        }
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        let mut keys = lock(&self.woken.keys);
        if keys.remove(&self.key) && keys.is_empty() {
            self.woken.all_acted.notify_all();
        }
    }
}

/// Runs `code`, in which a payload acts. It must not unwind.
#[inline]
pub(crate) fn scope<R>(inside: Inside, code: impl FnOnce() -> R) -> R {
    HERE.with(|here| {
        let (held, before) = (here.held.get(), here.inside.replace(inside));
        let result = code();
        here.inside.set(before);
        if here.held.get() > held {
            release(held);
        }
        result
    })
}

/// The code on this thread is about to wait: it has acted.
pub(crate) fn have_acted() {
    if HERE.with(|here| here.held.get()) > 0 {
        release(0);
    }
}

/// The code on this thread is about to return from a poll of a sleep that goes on. Blocking code polls to wait.
pub(crate) fn goes_on() {
    if HERE.with(|here| here.inside.get()) == Inside::Blocking {
        have_acted();
    }
}

/// All but the first `kept` on this thread have acted.
#[cold]
fn release(kept: usize) {
    HERE.with(|here| here.held.set(kept));
    let acting = ACTING.try_with(|acting| acting.borrow_mut().split_off(kept));
    drop(acting);
}
