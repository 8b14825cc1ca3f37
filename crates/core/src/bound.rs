//! The thread-bound box: the one module of Foster that holds `unsafe`.
//!
//! A payload's future may be `!Send`, yet the coroutine around it is handed to executors as a
//! `Send` value. [`Bound`] makes that sound whatever the executor does.
//!
//! # Invariants
//!
//! 1. `value` is created on the thread `home`, and only code that runs on `home` ever reaches it:
//!    every access compares the calling thread with `home` first.
//! 2. `value` is pinned in an allocation of its own. That allocation is freed only together with
//!    the value's destructor, on `home`. A drop anywhere else leaks both, so pinned memory is
//!    never freed under a value that was not dropped.
//! 3. `home` is a [`ThreadId`], which the standard library never reuses: a thread started after
//!    `home` has ended is not mistaken for it.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::pin::Pin;

use crate::sync::thread::{self, ThreadId};
use crate::sync::thread_local;

thread_local! {
    static ID: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

/// The calling thread's id, remembered, as this is asked at every poll.
pub(crate) fn current_thread() -> ThreadId {
    // The cell has no destructor, so it can be read even while the thread's locals are torn down.
    ID.with(|id| {
        id.get().unwrap_or_else(|| {
            let current = thread::current().id();
            id.set(Some(current));
            current
        })
    })
}

/// A pinned value that can be carried to any thread and touched on its home thread only.
pub(crate) struct Bound<T: 'static> {
    value: ManuallyDrop<Pin<Box<T>>>,
    home: ThreadId,
}

// SAFETY: moving a `Bound` moves a pointer and an id; the `T` behind it stays where it is. `get`
// and `drop` are the only ways to the `T`, and both do nothing with it unless the calling thread
// is the one that made it (invariant 1), so no `T` is ever used from a second thread.
unsafe impl<T: 'static> Send for Bound<T> {}

impl<T: 'static> Bound<T> {
    /// Binds `value` to the calling thread.
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: ManuallyDrop::new(Box::pin(value)),
            home: current_thread(),
        }
    }

    /// The value, on its home thread; `None` on any other.
    pub(crate) fn get(&mut self) -> Option<Pin<&mut T>> {
        self.is_home().then(|| self.value.as_mut())
    }

    /// Whether the calling thread is the one the value is bound to.
    pub(crate) fn is_home(&self) -> bool {
        current_thread() == self.home
    }
}

impl<T: 'static> Drop for Bound<T> {
    fn drop(&mut self) {
        if self.is_home() {
            // SAFETY: `drop` runs once and nothing reads `value` afterwards. The calling thread
            // is `home`, so the destructor of a `!Send` value may run here, and the box is freed
            // right after it (invariant 2).
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::marker::PhantomPinned;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn the_home_thread_reaches_and_drops_the_value() {
        let value = Rc::new(7);
        let mut bound = Bound::new(Rc::clone(&value));
        assert_eq!(bound.get().map(|value| **value), Some(7));
        drop(bound);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn another_thread_neither_reaches_nor_drops_the_value() {
        let value = Rc::new(7);
        let mut bound = Bound::new(Rc::clone(&value));
        thread::spawn(move || {
            assert!(bound.get().is_none());
            drop(bound);
        })
        .join()
        .expect("the thread only looks at the box");
        assert_eq!(Rc::strong_count(&value), 2, "leaked, not dropped elsewhere");
    }

    #[test]
    fn memory_of_a_leaked_value_stays_valid() {
        // A self-made list node: the pointer must stay good after the foreign drop.
        struct Node(u8, PhantomPinned);
        let mut bound = Bound::new(Node(42, PhantomPinned));
        let address = &raw const bound.get().expect("made here").0;
        thread::spawn(move || drop(bound))
            .join()
            .expect("the drop does nothing");
        // SAFETY: the node was leaked with its memory (invariant 2), so the pointer is valid.
        assert_eq!(unsafe { *address }, 42);
    }

    #[test]
    fn a_value_whose_home_has_ended_is_leaked() {
        struct Loud;
        impl Drop for Loud {
            fn drop(&mut self) {
                panic!("must not be dropped here");
            }
        }
        let mut bound = thread::spawn(|| Bound::new(Loud))
            .join()
            .expect("the thread only makes the box");
        assert!(bound.get().is_none());
        drop(bound);
    }
}
