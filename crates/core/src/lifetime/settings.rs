//! The settings of a runtime.

use std::time::Duration;

use crate::base::clock::Clock;

/// The settings of a [`Builder`](crate::Builder).
#[derive(Debug, Clone)]
pub(crate) struct RuntimeSettings {
    pub(crate) grace: Duration,
    pub(crate) cancel_timeout: Duration,
    pub(crate) until_idle: bool,
    /// Whether lines that nobody takes are not printed to standard error.
    pub(crate) is_quiet: bool,
    pub(crate) signals: Signals,
    pub(crate) clock: Clock,
    /// The size of the stacks of the flavours' threads, in bytes.
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

/// The effect of SIGINT, SIGTERM and SIGHUP on a runtime (on Windows: of Ctrl-C and its like).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Signals {
    /// Signals end the runtime.
    ///
    /// - The first one asks the runtime to end, as [`shutdown`](crate::Runtime::shutdown) does.
    /// - The second ends its grace time.
    /// - The third ends the process at once, with status 128 + signal (130 where the signal is not
    ///   known, as on Windows).
    ///
    /// A signal within 200 ms of the last counted one is not counted: wrappers deliver twice, and
    /// systemd may send SIGHUP right behind SIGTERM.
    ///
    /// While the runtime stops because of a failure, a Ctrl-C (SIGINT) that comes more than a
    /// second after the failure counts as the second signal: the person at the keyboard has seen
    /// the failure. SIGTERM and SIGHUP count as the first, as they may be meant for a whole group
    /// of processes.
    ///
    /// On Unix the handlers are borrowed: they are installed when the first runtime starts, and the
    /// earlier ones are back once the last runtime has ended. An earlier handler of the application
    /// is called as well. A handler that is installed while the runtime runs stays, also after the
    /// runtime has ended. A signal that is ignored at the start (`nohup`, a shell's `&`) stays
    /// ignored.
    #[default]
    Listen,
    /// The application handles signals itself: no handler is installed.
    Leave,
}
