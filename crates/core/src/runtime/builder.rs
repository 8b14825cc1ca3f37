//! Setting a runtime up.

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
    /// The names of linked services that must be there, if any are to be taken.
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

    /// How long payloads that hold a [`Shutdown`](crate::Shutdown) token may take to end once they
    /// are asked to. 10 seconds unless set; any duration is allowed.
    pub fn grace(mut self, time: Duration) -> Self {
        self.settings.grace = time;
        self
    }

    /// How long the flavours may take to drop what is left and to end, once the grace time is
    /// over. 5 seconds unless set; any duration is allowed.
    pub fn cancel_timeout(mut self, time: Duration) -> Self {
        self.settings.cancel_timeout = time;
        self
    }

    /// Ends the runtime, without a failure, when no payload is alive any more. Without this it goes
    /// on until it is told to end.
    ///
    /// A runtime to which nothing was handed in is idle as well, so hand payloads in before it is
    /// started: afterwards it may have ended already.
    pub fn until_idle(mut self) -> Self {
        self.settings.until_idle = true;
        self
    }

    /// Leaves standard error to the program. Without this each failure, each restart of a service and each
    /// give-up is one line there the moment it happens, unless a `tracing` subscriber or a `log` logger takes it.
    ///
    /// The report of [`run`](crate::Runtime::run) has all failures either way; one that comes after the runtime's end,
    /// and so is in no report, is printed all the same.
    pub fn quiet(mut self) -> Self {
        self.settings.is_quiet = true;
        self
    }

    /// What the runtime does about signals. It listens unless this says otherwise.
    pub fn signals(mut self, signals: Signals) -> Self {
        self.settings.signals = signals;
        self
    }

    /// The clock behind grace, cancel time and [`wait_timeout`](crate::Shutdown::wait_timeout): the
    /// system's, unless a test moves one of its own.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// How large the stacks of the flavours' threads are, in bytes, at least. Unless set it is what the standard
    /// library gives a thread: 2 MiB, or what `RUST_MIN_STACK` says.
    ///
    /// It holds for all threads that a flavour starts to run payloads on: that of a coroutine flavour, the
    /// workers of a pool, those of subroutines. Memory is taken as it is used, but address space at once, which
    /// counts where there are thousands of threads. A flavour is not started with less than 64 KiB, nor with
    /// more than the system gives: the payload is refused, with the reason.
    ///
    /// A large future lies on the heap, but is on the stack once, when it is made; so is what it works with
    /// between two awaits. An execute on a subroutine flavour runs on its caller's stack.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.settings.stack_size = Some(bytes);
        self
    }

    /// Makes the flavour of `key` known by its identifier, for
    /// [`Runtime::flavour`](crate::Runtime::flavour). It starts with its first payload, as always.
    ///
    /// # Errors
    ///
    /// If a key with the same identifier is registered already and is not equal to this one.
    pub fn register(mut self, key: impl Into<AnyKey>) -> Result<Self, RegisterError> {
        register(&mut self.keys, key.into())?;
        Ok(self)
    }

    /// Takes the services that were collected when the program was linked: the free functions on which
    /// the attribute `service` says `linked`. Without this they are never started.
    ///
    /// That there are none is an error of [`run`](crate::Runtime::run), as is one that cannot be taken.
    pub fn linked_services(mut self) -> Self {
        self.linked.get_or_insert_default();
        self
    }

    /// As [`linked_services`](Self::linked_services), and says which services must be among them: one that
    /// is missing is an error of [`run`](crate::Runtime::run), before anything starts.
    pub fn expect_linked<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let expected = self.linked.get_or_insert_default();
        expected.extend(names.into_iter().map(Into::into));
        self
    }
}
