//! The settings of a runtime.

use std::time::Duration;

use crate::base::clock::Clock;

/// The settings of a [`Builder`](crate::Builder).
#[derive(Debug, Clone)]
pub(crate) struct RuntimeSettings {
    /// How long it goes on after a SIGTERM or SIGHUP, unready, before it stops.
    pub(crate) drain: Duration,
    pub(crate) grace: Duration,
    pub(crate) cancel_timeout: Duration,
    /// How long a service may take to answer a reload.
    pub(crate) reload_timeout: Duration,
    pub(crate) until_idle: bool,
    /// How long an executor may be held up until that is told; `Duration::MAX` if stalls are not looked for. `None` if
    /// nothing was said.
    pub(crate) stall_after: Option<Duration>,
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
            drain: Duration::ZERO,
            grace: Duration::from_secs(10),
            cancel_timeout: Duration::from_secs(5),
            reload_timeout: Duration::from_secs(30),
            until_idle: false,
            stall_after: None,
            is_quiet: false,
            signals: Signals::default(),
            clock: Clock::system(),
            stack_size: None,
        }
    }
}

/// The effect of SIGINT, SIGTERM and SIGHUP on a runtime (on Windows: of Ctrl-C and its like, which count as SIGINT).
///
/// Each of them can be set for itself, to end the runtime, to have it [reload](crate::Runtime::reload), or to be left to the
/// application:
///
/// ```
/// use foster_core::{OnSignal, Runtime, Signals};
///
/// // A daemon: SIGHUP is a reload.
/// let runtime = Runtime::builder().signals(Signals::reload_on_hangup()).build();
/// // The same, and Ctrl-C is the application's.
/// let signals = Signals::listen().hangup(OnSignal::Reload).interrupt(OnSignal::Leave);
/// let runtime = Runtime::builder().signals(signals).build();
/// ```
///
/// # Signals that end the runtime
///
/// - The first one asks the runtime to end, as [`shutdown`](crate::Runtime::shutdown) does.
/// - The second ends its grace time, as [`end_grace`](crate::Runtime::end_grace) does.
/// - The third ends the process at once, with status 128 + signal (130 where the signal is not
///   known, as on Windows).
///
/// With a [drain](crate::Builder::drain) a SIGTERM or SIGHUP begins that, and is not counted: the next signal of any kind ends
/// it, as the first. If its time runs out, the signal that began it was the first. Ctrl-C skips it.
///
/// A signal within 200 ms of the last counted one is not counted: wrappers deliver twice, and
/// systemd may send SIGHUP right behind SIGTERM.
///
/// While the runtime stops because of a failure, a Ctrl-C (SIGINT) that comes more than a
/// second after the failure counts as the second signal: the person at the keyboard has seen
/// the failure. SIGTERM and SIGHUP count as the first, as they may be meant for a whole group
/// of processes.
///
/// # Signals that have it reload
///
/// They count as none of these, and do nothing while the runtime stops. All of them are heard: one that is delivered twice
/// may cause a second reload.
///
/// # Handlers
///
/// On Unix the handlers are borrowed: they are installed when the first runtime starts, and the
/// earlier ones are back once the last runtime has ended. An earlier handler of the application
/// is called as well. A handler that is installed while the runtime runs stays, also after the
/// runtime has ended. A signal that is ignored at the start (`nohup`, a shell's `&`) stays
/// ignored. For a signal that is left to the application no handler is installed.
///
/// # Rebuilding it
///
/// An application that leaves signals to itself has all of it as verbs: [`drain`](crate::Runtime::drain),
/// [`shutdown`](crate::Runtime::shutdown), [`end_grace`](crate::Runtime::end_grace), [`reload`](crate::Runtime::reload) and [`std::process::exit`]; and asks
/// [`is_stopping`](crate::Runtime::is_stopping) and [`failing_since`](crate::Runtime::failing_since).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signals {
    interrupt: OnSignal,
    terminate: OnSignal,
    hangup: OnSignal,
}

/// What one signal does to a runtime: see [`Signals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnSignal {
    /// It ends the runtime: the first in order, the second without the grace time, the third with the process.
    End,
    /// The runtime [reloads](crate::Runtime::reload).
    Reload,
    /// The application handles it itself: no handler is installed.
    Leave,
}

/// Which signal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is none"))]
    Terminate,
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is none"))]
    Hangup,
}

#[expect(
    non_upper_case_globals,
    reason = "the two settings that most programs need read like variants"
)]
impl Signals {
    /// All of them end the runtime, which is the default: [`listen`](Self::listen).
    pub const Listen: Self = Self::all(OnSignal::End);

    /// The application handles signals itself: no handler is installed.
    pub const Leave: Self = Self::all(OnSignal::Leave);

    const fn all(deed: OnSignal) -> Self {
        Self {
            interrupt: deed,
            terminate: deed,
            hangup: deed,
        }
    }

    /// All of them end the runtime, unless something else is said of one.
    pub const fn listen() -> Self {
        Self::Listen
    }

    /// SIGINT and SIGTERM end the runtime, and SIGHUP has it [reload](crate::Runtime::reload).
    pub const fn reload_on_hangup() -> Self {
        Self::Listen.hangup(OnSignal::Reload)
    }

    /// Sets what SIGINT does, which is Ctrl-C.
    #[must_use]
    pub const fn interrupt(mut self, deed: OnSignal) -> Self {
        self.interrupt = deed;
        self
    }

    /// Sets what SIGTERM does. There is none on Windows.
    #[must_use]
    pub const fn terminate(mut self, deed: OnSignal) -> Self {
        self.terminate = deed;
        self
    }

    /// Sets what SIGHUP does. There is none on Windows.
    #[must_use]
    pub const fn hangup(mut self, deed: OnSignal) -> Self {
        self.hangup = deed;
        self
    }

    pub(crate) fn on(&self, signal: Signal) -> OnSignal {
        match signal {
            Signal::Interrupt => self.interrupt,
            Signal::Terminate => self.terminate,
            Signal::Hangup => self.hangup,
        }
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::Listen
    }
}
