//! The cell that a payload's closure and future live in: the module of Foster that holds `unsafe`, but for the
//! handlers of signals.
//!
//! A payload's future may be `!Send`, yet the payload around it is handed to executors as a `Send` value,
//! and its wakers go anywhere. The future lives in its payload's own allocation, so that a payload costs
//! one. [`StageCell`] makes that sound whatever the executor does.
//!
//! # Invariants
//!
//! 1. A bound future is made on the thread `home`, and only code that runs on `home` ever reaches it:
//!    every access compares the calling thread with `home` first.
//! 2. A future is pinned where it was made. As long as it is there, the task around it owns one reference
//!    to itself, which is given back only when the future's destructor has run. So the memory is neither
//!    freed nor moved out of its `Arc` under a future that was not dropped: what is given up on a foreign
//!    thread is leaked with all that is around it.
//! 3. Threads are known by numbers of our own, none of which is given out twice.
//! 4. Whoever reaches for what is in the cell has set `busy`, and finds it clear: nobody else does then.
//!
//! A future that is too large to be moved on the stack lies in an allocation of its own, see [`boxed`]: the cell
//! holds the pointer to it, to which the same applies.
//!
//! What a task is by its own type, which its waker needs, is known by a reference to it that is borrowed:
//! [`as_itself`]. To take one more would cost two atomic operations of every poll, a twelfth of what an adopt costs
//! the thread that polls.
#![allow(unsafe_code)]

use std::cell::{Cell, UnsafeCell};
use std::future::Future;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

use crate::base::sync::Arc;
use crate::base::sync::atomic::AtomicBool;
use crate::base::sync::atomic::Ordering::{Acquire, Release};
use crate::base::threads::{NO_THREAD, current_number};

/// Makes the future in an allocation of its own. It is on the stack once, while it is made, and
/// gone from there when this returns: a future may be as large as half of its thread's stack.
#[inline(never)]
pub(crate) fn boxed<A>(make: impl FnOnce() -> A) -> Pin<Box<A>> {
    let mut place = Box::<A>::new_uninit();
    // SAFETY: the pointer must be valid for a write, and aligned: it is that of a box of our own, for such a value.
    unsafe { place.as_mut_ptr().write(make()) };
    // SAFETY: the value must be there: it was written by the line above, or `make` has panicked, and nothing comes here.
    Box::into_pin(unsafe { place.assume_init() })
}

/// User code was reached for on a thread that it is not bound to.
pub(crate) struct ForeignThread;

/// A closure, and then the future that it made, in place. With `BOUND` the future need not be
/// `Send`, and only the thread that made it reaches it.
pub(crate) struct StageCell<F, A, const BOUND: bool> {
    busy: AtomicBool,
    /// Whether the task around it has a reference to itself for the future.
    kept: Cell<bool>,
    /// Where the future was made. `NO_THREAD` beside a future says that it was leaked.
    home: Cell<u32>,
    stage: UnsafeCell<Stage<F, A>>,
}

/// The stages of a payload's code.
enum Stage<F, A> {
    /// Not run yet: may be on any thread.
    Closure(F),
    /// Started.
    Future(A),
    Gone,
}

// SAFETY: to be `Send`, nothing in it may be used on a thread where it must not be. The closure is `Send`.
// The future is only ever reached by `poll` and `clear`, which do nothing with it unless the calling thread
// is the one that made it (invariant 1); and it is never dropped with the cell (invariant 2).
unsafe impl<F: Send, A> Send for StageCell<F, A, true> {}
// SAFETY: to be `Sync`, no two threads may reach what has no lock of its own. `kept`, `home` and `stage` are
// reached by whoever has set `busy` alone (invariant 4), and by its thread as said above.
unsafe impl<F: Send, A> Sync for StageCell<F, A, true> {}

// SAFETY: both that it may hold are `Send`.
unsafe impl<F: Send, A: Send> Send for StageCell<F, A, false> {}
// SAFETY: as above, and by one thread at a time (invariant 4).
unsafe impl<F: Send, A: Send> Sync for StageCell<F, A, false> {}

impl<F, A, const BOUND: bool> StageCell<F, A, BOUND>
where
    F: FnOnce() -> A,
    A: Future,
{
    pub(crate) fn new(make: F) -> Self {
        Self {
            busy: AtomicBool::new(false),
            kept: Cell::new(false),
            home: Cell::new(NO_THREAD),
            stage: UnsafeCell::new(Stage::Closure(make)),
        }
    }

    /// Continues the code. Returns its value once, when it is ready; the future is gone by then.
    ///
    /// # Panics
    ///
    /// If the user's code panics, or if `keeper` is not the task around this cell.
    #[inline(always)]
    pub(crate) fn poll<K: ?Sized>(
        &self,
        keeper: &Arc<K>,
        context: &mut Context<'_>,
    ) -> Result<Poll<Option<A::Output>>, ForeignThread> {
        let inside = self.enter(keeper)?;
        if let Stage::Closure(_) = inside.stage {
            // Gone while the closure runs: if it panics, there is nothing to drop.
            if let Stage::Closure(make) = mem::replace(inside.stage, Stage::Gone) {
                let future = make();
                self.home.set(current_number());
                *inside.stage = Stage::Future(future);
            }
        }
        let is_home = self.is_home();
        let Stage::Future(future) = &mut *inside.stage else {
            return Ok(Poll::Ready(None));
        };
        if !is_home {
            return Err(ForeignThread);
        }
        // SAFETY: the future must not move until it is dropped, and its memory must be left alone until then.
        // It stays where it is until it is dropped there: nobody is given a `&mut` to it, and the task around
        // the cell can be neither freed nor taken out of its `Arc`: while this runs `keeper` is borrowed, and
        // the future does not outlast it but with a reference that the task has to itself, see
        // `Inside::drop` (invariant 2).
        let Poll::Ready(value) = unsafe { Pin::new_unchecked(future) }.poll(context) else {
            return Ok(Poll::Pending);
        };
        // The future's destructors belong to the payload: they come before its result.
        *inside.stage = Stage::Gone;
        Ok(Poll::Ready(Some(value)))
    }

    /// Drops the closure or the future if the calling thread may, else leaks it.
    ///
    /// # Panics
    ///
    /// As [`poll`](Self::poll).
    pub(crate) fn clear<K: ?Sized>(&self, keeper: &Arc<K>) -> Result<(), ForeignThread> {
        let inside = self.enter(keeper)?;
        if let Stage::Future(_) = inside.stage {
            if self.home.get() == NO_THREAD {
                // Leaked, and reported already.
                return Ok(());
            }
            if !self.is_home() {
                self.home.set(NO_THREAD);
                return Err(ForeignThread);
            }
        }
        // Also if the destructor panics: the assignment is made all the same.
        *inside.stage = Stage::Gone;
        Ok(())
    }

    fn is_home(&self) -> bool {
        let home = self.home.get();
        home != NO_THREAD && (!BOUND || home == current_number())
    }

    /// Opens the cell, unless another thread has it open: a flavour that polls a payload on two
    /// threads at once.
    #[inline]
    fn enter<'a, K: ?Sized>(
        &'a self,
        keeper: &'a Arc<K>,
    ) -> Result<Inside<'a, F, A, K, BOUND>, ForeignThread> {
        let start = Arc::as_ptr(keeper).cast::<()>().addr();
        let offset = ptr::from_ref(self).addr().wrapping_sub(start);
        assert!(
            offset < size_of_val(&**keeper),
            "a cell is kept by its own task"
        );
        if self.busy.swap(true, Acquire) {
            return Err(ForeignThread);
        }
        Ok(Inside {
            // SAFETY: the pointer is that of a cell that is borrowed, so it is valid, aligned and
            // initialised. `busy` was clear and is set until this is dropped, and the reference does not
            // leave it, so there is no other one meanwhile (invariant 4).
            stage: unsafe { &mut *self.stage.get() },
            cell: self,
            keeper,
        })
    }
}

/// The only access to the contents of a cell.
struct Inside<'a, F, A, K: ?Sized, const BOUND: bool> {
    stage: &'a mut Stage<F, A>,
    cell: &'a StageCell<F, A, BOUND>,
    keeper: &'a Arc<K>,
}

impl<F, A, K: ?Sized, const BOUND: bool> Drop for Inside<'_, F, A, K, BOUND> {
    fn drop(&mut self) {
        let keeps = matches!(self.stage, Stage::Future(_));
        let kept = self.cell.kept.replace(keeps);
        if keeps && !kept {
            // A future stays behind: from here on the task keeps itself (invariant 2).
            mem::forget(Arc::clone(self.keeper));
        }
        self.cell.busy.store(false, Release);
        if kept && !keeps {
            // SAFETY: the pointer must be one that `into_raw` gives, as that of `as_ptr` is, with a reference
            // to give back: a clone of the keeper was forgotten, and has not been given back since, or `kept`
            // were not set. The keeper is the same, as it is the task that the cell is a part of. It must be
            // alive throughout, and is borrowed, so this is not the last reference.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(self.keeper)) }
        }
    }
}

/// Calls `code` with the reference to the task `whole` that `keeper` is, by the task's own type.
///
/// # Panics
///
/// As `code` does; and if `keeper` refers to another value.
#[inline(always)]
pub(crate) fn as_itself<T, K: ?Sized, R>(
    whole: &T,
    keeper: &Arc<K>,
    code: impl FnOnce(&Arc<T>) -> R,
) -> R {
    let start = Arc::as_ptr(keeper).cast::<T>();
    assert!(
        ptr::eq(start, whole)
            && size_of_val(&**keeper) == size_of::<T>()
            && align_of_val(&**keeper) == align_of::<T>(),
        "a task is kept by itself"
    );
    // SAFETY: the pointer must be one that `into_raw` gives: that of `as_ptr` is the same. It must be that of an `Arc` of a
    // value whose data has a `T`'s size and alignment: both were compared, and `whole`, a `T`, is at the value's very start.
    // The value must be dropped once, and only when no count is left: `keeper` is borrowed and has one, and this `Arc` is
    // not dropped.
    let itself = ManuallyDrop::new(unsafe { Arc::from_raw(start) });
    code(&itself)
}

#[cfg(all(test, not(foster_model)))]
mod tests;
