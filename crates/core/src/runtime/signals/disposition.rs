//! The effect of a signal on the process: borrowed, and given back. Also the signal handler.
//!
//! This takes `unsafe`. The crates with a safe interface (signal-hook, ctrlc) install their handler
//! for good, so no signal ever has its earlier effect again. A mask that blocks the signals, for
//! `sigwait` or a `signalfd`, belongs to one thread and is inherited by every child.
//!
//! # Layers
//!
//! The application may install a handler over ours. It may call ours (as signal-hook's does, and
//! another copy of this crate) or not, and nobody can tell which. So it is left alone: it stays
//! when Foster stops listening, and the next runtime puts a handler over it, which calls it in
//! turn. To avoid a ring, each handler knows the handler that it was put over, and is a function of
//! its own: a layer.
//!
//! ```text
//!   nobody listens      [default]
//!   a runtime           [default] ◄ layer 0
//!   signal-hook         [default] ◄ layer 0 ◄ signal-hook          taken over: nothing to give back
//!   a runtime           [default] ◄ layer 0 ◄ signal-hook ◄ layer 1
//!   nobody listens      [default] ◄ layer 0 ◄ signal-hook
//! ```
//!
//! The installed layer tells of the signal, and calls the handler that it was put over. If the
//! application's handler is installed, each layer below tells: a signal within 200 ms does not
//! count.
//!
//! # Invariants
//!
//! 1. A handler does only what is safe whatever it interrupts: atomics, `getpid`, `send`, `sigaction`, `raise`.
//!    It takes no lock, does not allocate or panic, and leaves `errno` as it was.
//! 2. What a layer was put over is written before that layer is installed, and is neither changed nor freed
//!    once a handler may have seen it: another one takes its place, and it is leaked. That happens only if
//!    something else than last time is found there.
//! 3. Dispositions are borrowed and given back under the lock of the process's ear; but a handler that nobody
//!    hears gives back what it was called for.
#![allow(unsafe_code)]

use std::io;
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};

use nix::errno::Errno;
use nix::libc::{self, c_int, c_void, sigaction, siginfo_t};

use super::wire;

/// The signals that runtimes hear.
pub(super) const SIGNALS: [c_int; 3] = [HANGUP, INTERRUPT, libc::SIGTERM];
pub(super) const HANGUP: c_int = libc::SIGHUP;
pub(super) const INTERRUPT: c_int = libc::SIGINT;

type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Made once, as a function may have several addresses.
static HANDLERS: [Handler; 8] = [
    handler::<0>,
    handler::<1>,
    handler::<2>,
    handler::<3>,
    handler::<4>,
    handler::<5>,
    handler::<6>,
    handler::<7>,
];

/// The actions that the layers of one signal were put over.
struct Borrowed {
    previous: [AtomicPtr<sigaction>; HANDLERS.len()],
    /// How many layers are installed, or were taken over.
    used: AtomicUsize,
}

static BORROWED: [Borrowed; SIGNALS.len()] = [const {
    Borrowed {
        previous: [const { AtomicPtr::new(ptr::null_mut()) }; HANDLERS.len()],
        used: AtomicUsize::new(0),
    }
}; SIGNALS.len()];

impl Borrowed {
    fn of(signal: c_int) -> Option<&'static Self> {
        let mut each = SIGNALS.iter().zip(&BORROWED);
        each.find_map(|(one, borrowed)| (*one == signal).then_some(borrowed))
    }

    fn previous(&self, layer: usize) -> Option<&'static sigaction> {
        let previous = self.previous.get(layer)?.load(SeqCst);
        // SAFETY: it is null or comes from `Box::leak`, and is not written to any more (invariant 2).
        unsafe { previous.as_ref() }
    }

    /// Notes that `layer` is put over `present`.
    fn put_over(&self, layer: usize, present: sigaction) {
        if !self
            .previous(layer)
            .is_some_and(|known| are_same(known, &present))
        {
            self.previous[layer].store(Box::leak(Box::new(present)), SeqCst);
        }
        self.used.store(layer + 1, SeqCst);
    }

    /// The layer to put over `present`, which is none of ours.
    fn layer_over(&self, present: &sigaction) -> Option<usize> {
        let used = self.used.load(SeqCst);
        // The action that a layer was once put over does not call that layer: it would have been a
        // ring ever since.
        let again = (0..used).find(|layer| {
            let previous = self.previous(*layer);
            previous.is_some_and(|previous| previous.sa_sigaction == present.sa_sigaction)
        });
        Some(again.unwrap_or(used)).filter(|layer| *layer < HANDLERS.len())
    }
}

/// Has `signal` call our handler, unless it is ignored.
///
/// # Errors
///
/// If the operating system refuses it, or if the application has put a handler over each layer.
pub(super) fn borrow(signal: c_int) -> io::Result<()> {
    let Some(borrowed) = Borrowed::of(signal) else {
        return Ok(());
    };
    loop {
        let present = present(signal)?;
        if present.sa_sigaction == libc::SIG_IGN {
            return Ok(());
        }
        if let Some(layer) = layer_of(&present) {
            // Another runtime's, a parent's, or given back to us by the handler above it.
            borrowed.used.store(layer + 1, SeqCst);
            return Ok(());
        }
        let Some(layer) = borrowed.layer_over(&present) else {
            let text = "handlers of signals were put over Foster's too often while a runtime ran";
            return Err(io::Error::other(text));
        };
        borrowed.put_over(layer, present);
        let replaced = replace(signal, &ours(layer, &present))?;
        if are_same(&replaced, &present) {
            return Ok(());
        }
        // Another thread has installed a handler since we looked. That one must be called as well.
        replace(signal, &replaced)?;
    }
}

/// Gives `signal` back, unless the application has taken it over.
pub(super) fn give_back(signal: c_int) {
    // There are no errors for a signal that exists and can be caught.
    let (Some(borrowed), Ok(present)) = (Borrowed::of(signal), present(signal)) else {
        return;
    };
    let Some(layer) = layer_of(&present) else {
        return;
    };
    let Some(previous) = borrowed.previous(layer) else {
        return;
    };
    match replace(signal, previous) {
        // Another thread has installed a handler since we looked.
        Ok(replaced) if layer_of(&replaced) != Some(layer) => drop(replace(signal, &replaced)),
        _ => borrowed.used.store(layer, SeqCst),
    }
}

/// Ends the process as a signal would, without running any more of its code.
pub(super) fn exit(signal: c_int) -> ! {
    // SAFETY: there are no conditions.
    unsafe { libc::_exit(128 + signal) }
}

/// Our action, over `previous`.
fn ours(layer: usize, previous: &sigaction) -> sigaction {
    // A handler of the application's that ours calls gets the stack that it asked for, interrupts
    // the same system calls as without us, and has the same signals held back.
    let mut action = *previous;
    action.sa_flags = match function(previous) {
        Some(_) => previous.sa_flags & (libc::SA_ONSTACK | libc::SA_RESTART | libc::SA_NODEFER),
        None => libc::SA_ONSTACK | libc::SA_RESTART,
    };
    action.sa_flags |= libc::SA_SIGINFO;
    action.sa_sigaction = HANDLERS[layer] as usize;
    if function(previous).is_none() {
        // Two at once (systemd's SIGHUP behind its SIGTERM) would not fit on the alternative stack of a thread, which has
        // room for little more than one.
        for signal in SIGNALS {
            // SAFETY: the set was filled in by the kernel, and is borrowed here alone. The signal exists, so there is no
            // error.
            unsafe { libc::sigaddset(&mut action.sa_mask, signal) };
        }
    }
    action
}

/// The layer of an action; `None` if the action is not ours.
fn layer_of(action: &sigaction) -> Option<usize> {
    let mut handlers = HANDLERS.iter();
    handlers.position(|handler| *handler as usize == action.sa_sigaction)
}

/// The address of the function that an action calls, if it calls one.
fn function(action: &sigaction) -> Option<*const ()> {
    let address = action.sa_sigaction;
    let is_function = address != libc::SIG_DFL && address != libc::SIG_IGN;
    is_function.then_some(address as *const ())
}

fn are_same(one: &sigaction, other: &sigaction) -> bool {
    // Compared one by one: the bits beyond the last signal are not always written.
    let are_held_back = |action: &sigaction, signal| {
        // SAFETY: the set is there, and a signal that does not exist is an answer.
        unsafe { libc::sigismember(&action.sa_mask, signal) == 1 }
    };
    one.sa_sigaction == other.sa_sigaction
        && one.sa_flags == other.sa_flags
        && (1..=64).all(|signal| are_held_back(one, signal) == are_held_back(other, signal))
}

fn present(signal: c_int) -> io::Result<sigaction> {
    set(signal, ptr::null())
}

/// Installs `action`, and returns the earlier one.
fn replace(signal: c_int, action: &sigaction) -> io::Result<sigaction> {
    set(signal, action)
}

/// `new` is null, or an action that the kernel gave us or that has a handler of ours.
fn set(signal: c_int, new: *const sigaction) -> io::Result<sigaction> {
    let mut old = MaybeUninit::<sigaction>::zeroed();
    // SAFETY: `old` can be written to; `new` is null or a reference of a caller's in this file. The action in it
    // calls what stood there before, as it stood there, or a handler of ours, which does only what is safe in a
    // handler (invariant 1).
    let result = unsafe { libc::sigaction(signal, new, old.as_mut_ptr()) };
    match result {
        // SAFETY: zeroes are an action of its own, and it was written to besides.
        0 => Ok(unsafe { old.assume_init() }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Called by the operating system, as `LAYER`, on the thread that it interrupts.
extern "C" fn handler<const LAYER: usize>(
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    let errno = Errno::last_raw();
    if let Some(previous) = Borrowed::of(signal).and_then(|one| one.previous(LAYER)) {
        let is_awaited = wire::is_awaited();
        let standing = present(signal).ok().as_ref().and_then(layer_of);
        // This handler was called directly, and nobody hears of the signal. That happens in a
        // forked child, and where the handler that was put over ours has put ours back. If another
        // handler is installed, that one has called ours, and decides the effect of the signal.
        let is_left_over = !is_awaited && standing == Some(LAYER);
        if is_left_over {
            give_back(signal);
        }
        match function(previous) {
            Some(function) => call(function, previous.sa_flags, signal, info, context),
            // It comes when this returns, and does what it does by default.
            //
            // SAFETY: there are no conditions.
            None if is_left_over => drop(unsafe { libc::raise(signal) }),
            None => {}
        }
        // Last: a runtime that is told may end at once, and the handlers called above look at the
        // installed action. If another layer is installed, it has called this one, and tells of the
        // signal itself.
        if is_awaited && standing.is_none_or(|layer| layer == LAYER) {
            wire::hear(signal);
        }
    }
    Errno::set_raw(errno);
}

/// Calls the handler that ours was put over.
fn call(
    function: *const (),
    flags: c_int,
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    if flags & libc::SA_SIGINFO == 0 {
        // SAFETY: whoever installed it without the flag has given a function of this type.
        let function = unsafe { mem::transmute::<*const (), extern "C" fn(c_int)>(function) };
        function(signal);
    } else {
        // SAFETY: as above, with the flag.
        let function = unsafe { mem::transmute::<*const (), Handler>(function) };
        function(signal, info, context);
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    fn action(handler: usize) -> sigaction {
        // SAFETY: zeroes are an action.
        let mut action: sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction = handler;
        action
    }

    fn put_over(borrowed: &Borrowed, handler: usize) -> Option<usize> {
        let action = action(handler);
        let layer = borrowed.layer_over(&action)?;
        if borrowed.previous(layer).is_none() {
            borrowed.put_over(layer, action);
        } else {
            borrowed.used.store(layer + 1, SeqCst);
        }
        Some(layer)
    }

    #[test]
    fn a_layer_is_put_over_one_handler_and_over_it_again() {
        let borrowed = Borrowed {
            previous: [const { AtomicPtr::new(ptr::null_mut()) }; HANDLERS.len()],
            used: AtomicUsize::new(0),
        };
        // Each is taken over by the next.
        for layer in 0..HANDLERS.len() {
            assert_eq!(put_over(&borrowed, 1_000 + layer), Some(layer));
        }
        assert_eq!(put_over(&borrowed, 2_000), None, "there are so many");
        // Back to one of them, and what stands over that is gone.
        assert_eq!(put_over(&borrowed, 1_002), Some(2));
        assert_eq!(borrowed.layer_over(&action(2_000)), Some(3));
    }
}
