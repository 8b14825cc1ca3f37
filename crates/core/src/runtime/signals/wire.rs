//! The connection from the signal handlers to the listening thread of this process.
//!
//! The functions here that handlers call take no lock, do not allocate or panic, and make one
//! system call at most. A descriptor is closed only when no handler can send to it any more.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::thread;

use nix::libc::c_int;
use nix::sys::socket::{MsgFlags, send};

use crate::base::per_process::PerProcess;

static WIRES: PerProcess<Wire> = PerProcess::new();

/// Whether a runtime listens in this process; for handlers.
pub(super) fn is_awaited() -> bool {
    WIRES.get().is_some_and(Wire::is_connected)
}

/// Passes a signal on to this process's thread; for handlers.
pub(super) fn hear(signal: c_int) {
    if let Some(wire) = WIRES.get() {
        wire.send(signal);
    }
}

/// Directs this process's signals to `to`.
pub(super) fn connect(to: UnixStream) -> Connection {
    WIRES.get_or_make(Wire::new).connect(to)
}

/// The connection from the handlers to the thread of the process's ear.
struct Wire {
    /// Negative if nobody listens.
    descriptor: AtomicI32,
    /// How many handlers are about to send.
    sending: AtomicUsize,
}

impl Wire {
    const fn new() -> Self {
        Self {
            descriptor: AtomicI32::new(-1),
            sending: AtomicUsize::new(0),
        }
    }

    fn is_connected(&self) -> bool {
        self.descriptor.load(SeqCst) >= 0
    }

    /// Directs signals to `to`.
    fn connect(&'static self, to: UnixStream) -> Connection {
        self.descriptor.store(to.as_raw_fd(), SeqCst);
        Connection { wire: self, to }
    }

    /// Sends a signal, from a handler. A signal that comes as the last runtime ends counts as that
    /// runtime's.
    fn send(&self, signal: c_int) {
        self.sending.fetch_add(1, SeqCst);
        let descriptor = self.descriptor.load(SeqCst);
        if descriptor >= 0 {
            // Signals that end a runtime have small numbers.
            let byte = signal as u8;
            // If it fails there is no room, and enough to read. The descriptor is open: whoever closes it waits for us.
            let _ = send(descriptor, &[byte], MsgFlags::MSG_DONTWAIT);
        }
        self.sending.fetch_sub(1, SeqCst);
    }
}

/// A connected wire. Dropping it disconnects the wire.
pub(super) struct Connection {
    wire: &'static Wire,
    #[expect(
        dead_code,
        reason = "closed when it is dropped, after the last handler has sent"
    )]
    to: UnixStream,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.wire.descriptor.store(-1, SeqCst);
        // A handler that has read the descriptor counts already. It takes no lock, and no more than a system call.
        while self.wire.sending.load(SeqCst) > 0 {
            thread::yield_now();
        }
    }
}
