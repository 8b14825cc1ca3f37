//! The settings of a runtime, and how to set them.

use std::time::Duration;

use crate::base::clock::Clock;
use crate::contract::key::AnyKey;
use crate::errors::lookup::RegisterError;
use crate::lifetime::settings::{RuntimeSettings, Signals};
use crate::runtime::choice::register;

/// The settings of a [`Runtime`](crate::Runtime).
///
/// ```
/// use std::time::Duration;
/// use foster_core::Runtime;
///
/// let runtime = Runtime::builder()
///     .grace(Duration::from_secs(3))
///     .until_idle()
///     .build();
/// runtime.run()?; // nothing was adopted, so it is idle
/// # Ok::<(), foster_core::RunError>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    pub(crate) settings: RuntimeSettings,
    pub(crate) keys: Vec<AnyKey>,
    /// The names of linked services that must exist. `None` if linked services are not taken.
    pub(crate) linked: Option<Vec<String>>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            settings: RuntimeSettings::default(),
            keys: Vec::new(),
            linked: None,
        }
    }

    /// The time for which the runtime goes on after a SIGTERM (or a SIGHUP that ends it) before it stops: its drain. Without
    /// this it stops at once.
    ///
    /// A balancer, or Kubernetes, goes on sending for some seconds after it was told that a process ends. A runtime that
    /// drains is unready at once, so that it gets nothing new before long, and does everything as before meanwhile: it takes
    /// payloads in, and tokens are silent. When the time is over it stops, with the whole grace time.
    ///
    /// - [`is_draining`](crate::Runtime::is_draining) and [`status`](crate::Runtime::status) tell of it, and whoever
    ///   [watches](crate::Runtime::changes) hears of it.
    /// - A second signal, a failure or [`shutdown`](crate::Runtime::shutdown) ends it, and the stop begins: no grace time is
    ///   cut by that. Ctrl-C stops the runtime without a drain, as a person waits for it: see [`Signals`].
    /// - An application that handles signals itself begins it by [`drain`](crate::Runtime::drain).
    ///
    /// Stopping takes at most this time, the grace time and the cancel time together. Those who kill what does not end in
    /// time must allow for that: systemd's `TimeoutStopSec`, Kubernetes' `terminationGracePeriodSeconds`. `Duration::MAX`
    /// is until somebody ends it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use foster_core::Runtime;
    /// let runtime = Runtime::builder()
    ///     .drain(Duration::from_secs(5))
    ///     .grace(Duration::from_secs(20))
    ///     .build();
    /// ```
    pub fn drain(mut self, time: Duration) -> Self {
        self.settings.drain = time;
        self
    }

    /// The time that payloads with a [`Shutdown`](crate::Shutdown) token have to end once they are
    /// asked to. The default is 10 seconds; any duration is allowed.
    pub fn grace(mut self, time: Duration) -> Self {
        self.settings.grace = time;
        self
    }

    /// The time that the flavours have to drop the remaining payloads and to end, once the grace
    /// time is over. The default is 5 seconds; any duration is allowed.
    pub fn cancel_timeout(mut self, time: Duration) -> Self {
        self.settings.cancel_timeout = time;
        self
    }

    /// The time that each service has to answer a [reload](crate::Runtime::reload), counted from when it is asked. The default
    /// is 30 seconds; any duration is allowed, and `Duration::MAX` is no limit.
    ///
    /// A service that takes longer has not reloaded. For one that is [restarted](crate::Settings::restart_on_reload) it is the
    /// time until its new run is ready.
    pub fn reload_timeout(mut self, time: Duration) -> Self {
        self.settings.reload_timeout = time;
        self
    }

    /// How long an executor may be held up until that is told, 2 seconds unless set. `Duration::MAX` is never.
    ///
    /// A payload that blocks, or computes without an await, holds up all others on its executor. It is noticed while it
    /// lasts: once it has for `time`, or up to half as much more, a line and an event name the payload, its place, its
    /// flavour, and what the thread does; another says when the executor goes on. So does
    /// [`Runtime::status`](crate::Runtime::status). Of a pool this is about all of its threads together; that a payload
    /// holds up one of them is an event of the level `INFO` alone. Blocking payloads have threads of their own and hold
    /// nobody up.
    ///
    /// Nothing is measured in turns, and nothing wakes up for this while the executors sleep. By a manual clock stalls are
    /// looked for only if this is set: code under test may block while time is moved by an hour.
    pub fn stall_after(mut self, time: Duration) -> Self {
        self.settings.stall_after = Some(time);
        self
    }

    /// Ends the runtime, without a failure, when no payload is alive any more. Without this it runs
    /// until it is asked to end.
    ///
    /// A runtime without payloads is idle as well. So hand payloads in before the start: afterwards
    /// the runtime may have ended already.
    pub fn until_idle(mut self) -> Self {
        self.settings.until_idle = true;
        self
    }

    /// Leaves standard error to the program.
    ///
    /// Without this, each failure, each restart of a service and each give-up is printed there at
    /// once, as one line, unless a `tracing` subscriber or a `log` logger takes it.
    ///
    /// The report of [`run`](crate::Runtime::run) has all failures either way. A failure after the
    /// runtime's end is in no report, so it is printed all the same.
    pub fn quiet(mut self) -> Self {
        self.settings.is_quiet = true;
        self
    }

    /// The runtime's reaction to signals. By default it listens to them.
    pub fn signals(mut self, signals: Signals) -> Self {
        self.settings.signals = signals;
        self
    }

    /// The clock behind all times of the runtime: grace, cancel time, those of services, and what waits by
    /// [`Clock::current`] or with a time-out. The default is the system's clock; tests may set a manual one.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// The least size of the stacks of the flavours' threads, in bytes. The default is the standard
    /// library's: 2 MiB, or the value of `RUST_MIN_STACK`.
    ///
    /// It holds for all threads that a flavour starts to run payloads on: the thread of a coroutine
    /// flavour, the workers of a pool, and the threads of subroutines. Memory is taken as it is
    /// used, but address space at once, which matters with thousands of threads.
    ///
    /// A flavour does not start with less than 64 KiB, nor with more than the system gives: the
    /// payload is refused, with the reason.
    ///
    /// A large future lies on the heap, but is on the stack once, while it is made. The data that
    /// it works with between two awaits is on the stack, too. An execute on a subroutine flavour
    /// runs on its caller's stack.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.settings.stack_size = Some(bytes);
        self
    }

    /// Registers the flavour of `key` under its identifier, for
    /// [`Runtime::flavour`](crate::Runtime::flavour). It starts with its first payload, as always.
    ///
    /// # Errors
    ///
    /// If a different key is already registered under the same identifier.
    pub fn register(mut self, key: impl Into<AnyKey>) -> Result<Self, RegisterError> {
        register(&mut self.keys, key.into())?;
        Ok(self)
    }

    /// Takes the services that were collected when the program was linked: the free functions with
    /// the attribute `service` and its word `linked`. Without this they are never started.
    ///
    /// If there are none, or if one cannot be taken, [`run`](crate::Runtime::run) returns an error.
    pub fn linked_services(mut self) -> Self {
        self.linked.get_or_insert_default();
        self
    }

    /// As [`linked_services`](Self::linked_services), with the names of services that must be among
    /// them. If one is missing, [`run`](crate::Runtime::run) returns an error before anything
    /// starts.
    pub fn expect_linked<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let expected = self.linked.get_or_insert_default();
        expected.extend(names.into_iter().map(Into::into));
        self
    }
}
