//! An allocator that counts, where it is asked to.
//!
//! The one module here with `unsafe`. Allocators on crates.io that count always do: at two atomic
//! operations for each payload's allocation, which all other measures would pay for. This one counts only
//! in the processes that measure memory; elsewhere it reads a flag that never changes.
//!
//! Invariant: every call is passed on to the system's allocator as it came.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicIsize = AtomicIsize::new(0);

/// Counts from here on.
pub(crate) fn count() {
    COUNTS.store(true, Relaxed);
}

/// Bytes that were allocated since [`count`], less those that were freed.
pub(crate) fn bytes() -> isize {
    BYTES.load(Relaxed)
}

struct Counting;

fn note(more: usize, less: usize) {
    if COUNTS.load(Relaxed) {
        BYTES.fetch_add(more as isize - less as isize, Relaxed);
    }
}

// SAFETY: All is done by `System`, which keeps the contract; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: The caller's promises, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: The caller's promises, passed on; `pointer` came from `System`, as all do here.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: The caller's promises, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        // SAFETY: The caller's promises, passed on; `pointer` came from `System`, as all do here.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
