//! The settings of a runtime.

use std::time::Duration;

use crate::base::clock::Clock;

/// What a [`Builder`](crate::Builder) sets.
#[derive(Debug, Clone)]
pub(crate) struct RuntimeSettings {
    pub(crate) grace: Duration,
    pub(crate) cancel_timeout: Duration,
    pub(crate) until_idle: bool,
    /// Whether what nobody takes is not printed to standard error.
    pub(crate) is_quiet: bool,
    pub(crate) signals: Signals,
    pub(crate) clock: Clock,
    /// How large the stacks of the flavours' threads are to be, in bytes.
    pub(crate) stack_size: Option<usize>,
}

impl Default for RuntimeSettings {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10),
            cancel_timeout: Duration::from_secs(5),
            until_idle: false,
            is_quiet: false,
            signals: Signals::default(),
            clock: Clock::system(),
            stack_size: None,
        }
    }
}

/// What a runtime does about SIGINT, SIGTERM and SIGHUP (on Windows: Ctrl-C and its like).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Signals {
    /// The first one asks the runtime to end, as [`shutdown`](crate::Runtime::shutdown) does; the
    /// second ends its grace time; the third ends the process at once, with status 128 + signal (130
    /// where the signal is not known, as on Windows).
    ///
    /// A signal within 200 ms of the last one counted is not counted: wrappers deliver twice, and systemd
    /// may send SIGHUP right behind SIGTERM. While the runtime stops for a failure, a Ctrl-C (SIGINT) that
    /// comes more than a second after it counts as the second signal, as who presses it has seen the failure;
    /// SIGTERM and SIGHUP count as the first, as they may be meant for a whole group of processes.
    ///
    /// On Unix the handlers are borrowed: they are installed when the first runtime starts, and what stood
    /// there before is back once the last one has ended. A handler of the application's that was there before
    /// is called as well. One that is installed while the runtime runs stays, and goes on when it has ended.
    /// A signal that is ignored at the start (`nohup`, a shell's `&`) stays ignored.
    #[default]
    Listen,
    /// Signals are the application's own business: no handler is installed.
    Leave,
}
