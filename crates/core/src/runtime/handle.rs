//! The runtime: one lifetime over all flavours, and the handle that users hold.

use std::fmt;
use std::panic::Location;

use super::builder::Builder;
use super::call::Call;
use super::core::Core;
use super::runner::Runner;
use super::wait::Wait;
use crate::base::clock::Clock;
use crate::base::sync::{Arc, OnceLock, thread};
use crate::errors::failure::Failure;
use crate::errors::lookup::LookupError;
use crate::errors::outcome::Outcome;
use crate::errors::refusal::{AdoptError, ExecuteError};
use crate::errors::report::RunError;
use crate::errors::straggler::Straggler;
use crate::lifetime::settings::RuntimeSettings;
use crate::lifetime::{Services, StopReason};
use crate::payload::IntoPayload;
use crate::runtime::choice::{Choice, Registered, look_up};
use crate::runtime::site::Site;

/// One lifetime over several flavours of execution.
///
/// A runtime *adopts* payloads that have no parent. The first failure, on any flavour, stops
/// everything in order, and [`run`](Self::run) returns with everything that went wrong.
///
/// A `Runtime` is a cheap handle: clone it into any payload. The runtime lives as long as one of
/// its handles. When the last handle is dropped while the runtime runs, the runtime is asked to
/// end, as nobody could wait for it any more. If it never ran, its waiting payloads are dropped
/// unrun.
///
/// # Limits
///
/// Foster needs `panic = "unwind"`: with `panic = "abort"` the first panic ends the process without
/// a report.
///
/// A forked child has none of its parent's runtimes, as only the forking thread lives on in it. It
/// may run a runtime of its own.
#[derive(Clone)]
pub struct Runtime {
    owner: Arc<Owner>,
}

// A runtime keeps its promises whatever panics: each payload's panics are caught, and no user code
// runs under a lock of Foster's.
impl std::panic::UnwindSafe for Runtime {}
impl std::panic::RefUnwindSafe for Runtime {}

/// Held by handles only: its drop means that the last handle is gone.
struct Owner {
    core: Arc<Core>,
}

/// The process-wide default runtime, made at the first call.
///
/// It is an ordinary [`Runtime`] and runs once.
pub fn runtime() -> &'static Runtime {
    static DEFAULT: OnceLock<Runtime> = OnceLock::new();
    DEFAULT.get_or_init(Runtime::new)
}

impl Default for Runtime {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime {
    /// A runtime with the default settings: see [`Builder`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts the settings of a new runtime.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn with(settings: RuntimeSettings, services: Box<dyn Services>) -> Self {
        let core = Core::new(settings, services);
        Self {
            owner: Arc::new(Owner { core }),
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.owner.core
    }

    /// Runs `payload` in the background, on the flavour of `key`.
    ///
    /// The payload has no caller, so its return type is limited (see [`Outcome`]), and any failure
    /// of it ends the runtime. Before the runtime is started, the payload waits for the start.
    ///
    /// It never waits for the payload, and may be called from any thread and inside any payload.
    /// Payloads that one thread adopts on one flavour start in that order. A flood of adopts during
    /// the start may block an adopt, for a second at most.
    ///
    /// Code that a payload spawns by its executor's own means (`tokio::spawn`, a thread of its own)
    /// is not watched. Adopt it to have it watched.
    ///
    /// # Errors
    ///
    /// If the runtime is stopping or has stopped, if the key disagrees with an earlier one of the
    /// same identifier, or if the flavour cannot be started or does not take the payload. The
    /// payload is dropped unrun.
    #[track_caller]
    pub fn adopt<C, P>(&self, key: C, payload: P) -> Result<(), AdoptError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Outcome> + Send + 'static,
    {
        let (core, who) = (self.core(), (None, Location::caller()));
        core.adopt::<false, _, _>(&core.root, key, payload, who, &mut None)
    }

    /// Runs `payload` to its end, on the flavour of `key`, and returns its value.
    ///
    /// It blocks the calling thread, and with it any executor that polls there, such as that of an
    /// `async fn main`; [`call`](Self::call) does not. On a subroutine flavour the payload runs on
    /// the calling thread. A failure of the payload is the caller's: a returned `Err` is the value,
    /// and a panic continues in the caller.
    ///
    /// While the runtime stops, executes are taken from anywhere until the grace time is over, but
    /// they do not prolong it: once the last payload with a [`Shutdown`](crate::Shutdown) token has
    /// ended, executes that still run are cancelled.
    ///
    /// # Errors
    ///
    /// Only for reasons of the runtime:
    ///
    /// - it is not running, or it is stopping (or was asked to end before its start);
    /// - it cancelled the payload, or the flavour lost it;
    /// - the key disagrees with an earlier one of the same identifier, or the flavour cannot be
    ///   started or does not take the payload;
    /// - waiting could never have ended, such as on a thread that the flavour itself needs,
    ///   directly or through a ring of executes.
    ///
    /// Rings through awaits, joins or locks cannot be seen. `call` does not block, so it cannot
    /// close a ring.
    ///
    /// # Panics
    ///
    /// With the payload's own panic.
    #[track_caller]
    pub fn execute<C, P>(&self, key: C, payload: P) -> Result<P::Output, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let (core, who) = (self.core(), (None, Location::caller()));
        let site = Site::of_calls_here(&core.lifetime);
        // One way, as a large payload would have room on the stack for each; where that is full, it is not given back.
        let site = site.as_ref().unwrap_or(&core.root);
        core.execute::<false, _, _>(site, key, payload, who)
    }

    /// The async twin of [`execute`](Self::execute): a future that yields the payload's value and
    /// blocks nobody.
    ///
    /// The first poll of the [`Call`] hands the payload in, or [`Call::started`] does, for a child that is
    /// joined later; a thread joins it by [`Call::wait`]. Its errors are those of
    /// [`execute`](Self::execute), except for the deadlock.
    ///
    /// # Panics
    ///
    /// Not here: the payload's own panic continues in the code that polls the [`Call`].
    #[track_caller]
    pub fn call<C, P>(&self, key: C, payload: P) -> Call<P::Output>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let (core, who) = (self.core(), (None, Location::caller()));
        let site = Site::of_calls_here(&core.lifetime);
        let site = site.as_ref().unwrap_or(&core.root);
        Call::new::<false, _, _>(core, site, key, payload, who)
    }

    /// The runtime's clock, as its [builder](Builder::clock) has it. In a payload: [`Clock::current`].
    pub fn clock(&self) -> &Clock {
        &self.core().lifetime.settings.clock
    }

    /// Looks up a flavour of `P`s (`Coroutine`s or `Subroutine`s) by its identifier, for programs
    /// in which configuration chooses the flavour.
    ///
    /// It finds the flavours that were registered on the builder, and those that a payload has
    /// brought in.
    ///
    /// # Errors
    ///
    /// [`LookupError`] lists the registered flavours.
    pub fn flavour<P: 'static>(&self, identifier: &str) -> Result<Registered<P>, LookupError> {
        look_up(&self.core().root.schedulers, identifier)
    }

    /// Runs the runtime until its end: [`start`](Self::start), and then [`wait`](Self::wait).
    ///
    /// It runs until the first failure, a [`shutdown`](Self::shutdown) or a signal, even while
    /// nothing is adopted. To return when all payloads are done, set
    /// [`until_idle`](Builder::until_idle) on the builder.
    ///
    /// # Errors
    ///
    /// [`RunError`] with everything that failed and everything that did not end in time. Also if
    /// the runtime was started before, or if it cannot be started: see [`start`](Self::start).
    pub fn run(&self) -> Result<(), RunError> {
        let core = self.core();
        let runner = Runner::new(Arc::clone(core), core.claim()?)?;
        // The runner ends what has not begun, too.
        let launched = core.launch();
        runner.drive();
        launched.and_then(|()| self.wait())
    }

    /// Starts the runtime and returns, so that it can live inside a program that owns its `main`.
    ///
    /// Payloads that wait are started in order. A flavour that cannot be started is a failure.
    ///
    /// # Hand in first, start afterwards
    ///
    /// Hand in all that belongs to the program from its beginning before the start:
    ///
    /// ```
    /// # use foster_core::{Manual, RunError, Runtime};
    /// # fn main() -> Result<(), RunError> {
    /// # let (runtime, manual) = (Runtime::builder().until_idle().build(), Manual::new());
    /// # let (listen, poll) = (async || {}, async || {});
    /// runtime.adopt(manual.clone(), listen)?;
    /// runtime.adopt(manual.clone(), poll)?;
    /// runtime.start()?;
    /// # while manual.step() {}
    /// runtime.wait()
    /// # }
    /// ```
    ///
    /// From the start on a signal may end the runtime, and a runtime that ends refuses new
    /// payloads. Suppose that a SIGTERM comes during the program's own start-up. An `adopt(…)?`
    /// after the start ends the program with status 1, as if it had failed. Before the start
    /// everything is taken, and the same signal is a clean end. With
    /// [`until_idle`](Builder::until_idle) there is another reason: a runtime without payloads is
    /// idle, and ends at once.
    ///
    /// A program that runs beside the runtime may hand in more later, and be refused at any time.
    /// That is no failure: go on to [`wait`](Self::wait), which tells whether anything failed.
    ///
    /// # Errors
    ///
    /// - If the runtime was started before.
    /// - If there is no thread for its runner or its supervisor.
    /// - If it cannot listen to signals (a failure named `signals`; see
    ///   [`Signals`](crate::Signals)).
    /// - If services come after each other in a ring, or after a service that does not exist. In
    ///   this case nothing was started, and the start can be tried again.
    pub fn start(&self) -> Result<(), RunError> {
        let core = self.core();
        let runner = Runner::new(Arc::clone(core), core.claim()?)?;
        let thread = thread::Builder::new()
            .name("foster runner".to_owned())
            .spawn(move || runner.drive())
            .map_err(|error| core.fail_to_start(RunError::thread(error)))?;
        core.keep_thread(thread);
        core.launch()
    }

    /// Blocks until the runtime has ended, and returns the result of [`run`](Self::run).
    ///
    /// Any number of threads may wait. Each gets the whole report.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run). Also if the runtime was not started, or if a payload of this very
    /// runtime waits.
    pub fn wait(&self) -> Result<(), RunError> {
        let core = self.core();
        core.check_waiter()?;
        loop {
            let listener = core.over.listen();
            if let Some(result) = core.result() {
                return result;
            }
            listener.wait(None);
        }
    }

    /// [`wait`](Self::wait) as a future, for callers that must not block.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing: the runtime goes on, and another future can wait.
    pub fn wait_async(&self) -> Wait {
        Wait::new(Arc::clone(self.core()))
    }

    /// Asks the runtime to end, and returns at once.
    ///
    /// It may be called anywhere, in any payload or destructor, any number of times. Before the
    /// start it makes `run` return at once, and waiting payloads are dropped unrun.
    pub fn shutdown(&self) {
        self.core().lifetime.stop(StopReason::Call);
    }

    /// The last failures of services that [may fail](crate::Settings::may_fail), and that were *failed* when the runtime
    /// ended; in the order in which the services were handed in. None of them ended the runtime, and they are no error.
    ///
    /// Empty before the end. Services that [`units`](Self::units) does not list any more are not in here.
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime, service};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// let exporter = service(manual.clone(), || async { Err::<(), _>("no port") });
    /// let exporter = runtime.unit().name("exporter").may_fail().serve(exporter)?;
    /// runtime.start()?;
    /// # while !exporter.state().is_over() { manual.step(); }
    /// // … later, when it has failed:
    /// runtime.shutdown();
    /// runtime.wait()?;
    /// assert_eq!(runtime.tolerated()[0].payload(), "exporter");
    /// # Ok::<(), foster_core::RunError>(())
    /// ```
    pub fn tolerated(&self) -> &[Failure] {
        self.core().tolerated.get().map_or(&[], Vec::as_slice)
    }

    /// What the end of the runtime did not wait for, which is no failure.
    ///
    /// Subroutines that still ran, and took no [`Shutdown`](crate::Shutdown) token in time, so that they were never asked to
    /// end ([`LeftBehind`](crate::StragglerReason::LeftBehind)). And what did not end in time, but
    /// [may fail](crate::Settings::may_fail): a service, what is in a [group](crate::GroupBuilder::may_fail), or a payload of
    /// one in which [each may](crate::GroupBuilder::each_may_fail). Any other that does not end in time is a
    /// [straggler](RunError::stragglers).
    ///
    /// Empty before the end.
    pub fn left_behind(&self) -> &[Straggler] {
        self.core().left_behind.get().map_or(&[], Vec::as_slice)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // A runtime without handles must not live on: nobody can wait for it.
        self.core.lifetime.stop(StopReason::Dropped);
        if self.core.take_notes().is_some() {
            // Never started.
            self.core.lifetime.close_ledger(true);
            self.core.waiting.drop_unrun();
            let lifetime = &self.core.lifetime;
            lifetime.services.end_unrun(lifetime);
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = self.core();
        f.debug_struct("Runtime")
            .field("phase", &core.lifetime.phase())
            .field(
                "flavours",
                &core
                    .root
                    .schedulers
                    .iter()
                    .map(|scheduler| scheduler.identifier())
                    .collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}
