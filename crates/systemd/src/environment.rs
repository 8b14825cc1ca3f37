//! The environment: read once for the process, and kept from its children.

use std::env;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{SystemdError, SystemdErrorKind};
use crate::fenced::remove_alone;

/// The variables that are for this process alone.
const NAMES: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    // Of systemd 258 and later; LISTEN_PID says enough.
    "LISTEN_PIDFDID",
];

/// What stood in the environment when it was read. An empty variable counts as none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) notify_socket: Option<OsString>,
    pub(crate) watchdog_usec: Option<OsString>,
    pub(crate) watchdog_pid: Option<OsString>,
    pub(crate) listen_fds: Option<OsString>,
    pub(crate) listen_pid: Option<OsString>,
    pub(crate) listen_fdnames: Option<OsString>,
}

/// What this process has read and taken.
struct Read {
    record: Option<Arc<Record>>,
    are_sockets_taken: bool,
}

static READ: Mutex<Read> = Mutex::new(Read {
    record: None,
    are_sockets_taken: false,
});

/// What stood in the environment at the first call that succeeded, which also removed it there unless it `is_kept`.
pub(crate) fn record(is_kept: bool) -> Result<Arc<Record>, SystemdError> {
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(record) = &read.record {
        return Ok(Arc::clone(record));
    }
    let found = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let record = Arc::new(Record {
        notify_socket: found("NOTIFY_SOCKET"),
        watchdog_usec: found("WATCHDOG_USEC"),
        watchdog_pid: found("WATCHDOG_PID"),
        listen_fds: found("LISTEN_FDS"),
        listen_pid: found("LISTEN_PID"),
        listen_fdnames: found("LISTEN_FDNAMES"),
    });
    let there: Vec<_> = (NAMES.into_iter())
        .filter(|name| found(name).is_some())
        .collect();
    if !is_kept && !there.is_empty() {
        remove(&there)?;
    }
    read.record = Some(Arc::clone(&record));
    Ok(record)
}

fn remove(names: &[&str]) -> Result<(), SystemdError> {
    let list = names.join(", ");
    let removed = remove_alone(names).map_err(|error| {
        let text = format!("{list} cannot be kept from children, as the threads cannot be counted");
        SystemdError::new(SystemdErrorKind::Threads, text).because(error)
    })?;
    removed.map_err(|threads| {
        let text = format!(
            "{list} cannot be kept from children, as this process has {threads} threads already: \
             call this first in `main`, before anything starts a thread, or leave the environment \
             as it is by `Systemd::new().keep_environment()`"
        );
        SystemdError::new(SystemdErrorKind::Threads, text)
    })
}

/// Whether the descriptors that were handed over are the caller's: they are that of the first.
pub(crate) fn claim() -> bool {
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    !std::mem::replace(&mut read.are_sockets_taken, true)
}
