//! One lifetime over several ways to run code: smol, tokio, OS threads, any executor.
//!
//! A [`Runtime`] adopts *payloads* without a parent, each on the *flavour* that its key names. Nobody
//! waits for them, so nobody would notice a death; therefore the first failure, wherever it happens,
//! stops everything in order, and [`run`](Runtime::run) returns a report of all failures.
//!
//! Programs depend on this crate. Authors of flavours depend on [`foster_core`]; so may a program that
//! prefers to name its backend crates itself. The page [`contract`] has the promises of Foster row by
//! row, the page [`architecture`] is the map of the code. The
//! [guide](https://github.com/foster-rs/foster/blob/main/docs/guide/src/introduction.md) teaches it step by step, with recipes.
//!
//! # A first program
//!
#![cfg_attr(feature = "full", doc = "```")]
#![cfg_attr(not(feature = "full"), doc = "```ignore")]
//! use foster::{RunError, Runtime, Smol, Thread, Tokio};
//!
//! fn main() -> Result<(), RunError> {
//!     let runtime = Runtime::builder().until_idle().build();
//!     runtime.adopt(Smol, || async { println!("hello from smol") })?;
//!     runtime.adopt(Tokio, || async { println!("hello from tokio") })?;
//!     runtime.adopt(Thread, || println!("hello from a thread"))?;
//!     runtime.run() // returns when all three are over
//! }
//! ```
//!
//! [`until_idle`](Builder::until_idle) makes `run` return when no payload is alive any more. Without
//! it, as with [`Runtime::new`], a runtime goes on until the first failure, a
//! [`shutdown`](Runtime::shutdown) or a signal, even with nothing to do, as a daemon should.
//!
//! Payloads adopted before `run` wait for it and start with it, in order. After that
//! [`adopt`](Runtime::adopt) works at any time, from any thread and inside any payload. A `Runtime` is
//! a cheap handle to clone wherever it is needed. [`runtime()`] is a default one for the whole process.
//!
//! # Payloads, and what they return
//!
//! The key's *type* decides which payload fits, and the compiler checks it. A payload takes no
//! arguments: it owns all it needs (`move`).
//!
//! | key | identifier | payload | where it runs |
//! |---|---|---|---|
//! | [`Smol`] | `smol` | a [`Coroutine`]: `\|\| async { … }` or an `async fn` | one thread, async-executor with async-io's reactor |
//! | [`Tokio`] | `tokio` | a [`Coroutine`] | one thread, its own tokio runtime |
//! | [`TokioMultiThread`] | `tokio::multi_thread` | a [`Parallel`]: like a coroutine, with a `Send` future | several threads, its own tokio runtime |
//! | [`TokioHandle`] | `tokio::runtime::handle` | a [`Parallel`] | an existing tokio runtime, such as that of `#[tokio::main]` |
//! | [`Thread`] | `std::thread` | a [`Subroutine`]: `\|\| { … }` or an `fn` | its own OS thread |
//!
//! The closure of a coroutine is `Send`. Its future need not be: it is made, polled and dropped on the
//! flavour's thread. Coroutines of one flavour never run in parallel with each
//! other. Flavours run in parallel with each other, and subroutines and parallels with everything.
//!
//! An adopted payload has no caller, so it may return nothing but success or failure (see [`Outcome`]):
//!
//! | it returns | meaning |
//! |---|---|
//! | `()`, `!`, [`Infallible`](std::convert::Infallible) | a normal end |
//! | `Result` of one of these, with any error | `Err` is a failure, unless it is Foster's own "stopping" or "cancelled" |
//! | `Option<T>` with `T: Debug` | `Some` is an orphaned return, which is a failure |
//! | it panics | a failure |
//! | any other type | does not compile, and the message says why |
//!
#![cfg_attr(feature = "full", doc = "```")]
#![cfg_attr(not(feature = "full"), doc = "```ignore")]
//! use foster::{FailureKind, Runtime, Thread};
//!
//! let runtime = Runtime::new();
//! runtime.named("reader").adopt(Thread, || std::fs::read_to_string("/no/such/file").map(drop))?;
//!
//! let error = runtime.run().expect_err("the first failure ends the runtime");
//! let cause = &error.failures()[0];
//! assert_eq!(cause.kind(), FailureKind::Error);
//! assert_eq!((cause.payload(), cause.flavour()), ("reader", "std::thread"));
//! # Ok::<(), foster::RunError>(())
//! ```
//!
//! A [`RunError`] prints as the whole report: each failed payload with its place and every cause, the
//! stragglers, and the payloads left behind. Each failure is also logged the moment it happens: as a
//! `tracing` event, by `log` where no subscriber takes it, else as a line on standard error
//! ([`Builder::quiet`] leaves that out). A payload without a [name](Runtime::named) is known by the
//! place that handed it in, such as `src/main.rs:12`.
//!
//! # Execute and call
//!
//! [`execute`](Runtime::execute) runs a payload to its end on another flavour, blocks its caller and
//! returns the value, of any type that is `Send`. [`call`](Runtime::call) is its async twin: a future
//! of the same value. Both need a runtime that was started.
//!
#![cfg_attr(feature = "full", doc = "```")]
#![cfg_attr(not(feature = "full"), doc = "```ignore")]
//! use std::time::Duration;
//! use foster::{Runtime, Smol, Thread, Tokio};
//!
//! let runtime = Runtime::new();
//! runtime.start()?;
//!
//! // A thread waits for tokio.
//! let slept = runtime.execute(Tokio, || async {
//!     tokio::time::sleep(Duration::from_millis(1)).await;
//!     "slept"
//! })?;
//!
//! // A smol payload awaits blocking code, and tokio's world; it blocks nobody.
//! let handle = runtime.clone();
//! let sum = runtime.execute(Smol, move || async move {
//!     let six = handle.call(Thread, || 1 + 2 + 3).await?;
//!     let one = handle.call(Tokio, || async { 1 }).await?;
//!     Ok::<_, foster::ExecuteError>(six + one)
//! })??;
//!
//! assert_eq!((slept, sum), ("slept", 7));
//! runtime.shutdown();
//! runtime.wait()?;
//! # Ok::<(), foster::RunError>(())
//! ```
//!
//! The outer `Result` is the runtime's: the runtime is not running, is stopping, or cancelled the
//! payload, or the wait could never have ended. The payload's own error or panic concerns its caller
//! alone: the error is the value, the panic goes on in the caller, and the runtime lives on.
//!
//! An execute that would wait for its own flavour, or close a ring of executes, is refused with an
//! error that names the ring. Rings through awaits, joins and locks cannot be detected, so prefer
//! `call` in async code.
//!
//! A call that is [`started`](Call::started) runs beside its caller, as a child that is joined later: by an
//! `await`, or by [`wait`](Call::wait) on a thread. [`catch_panic`](Call::catch_panic) makes its panic an error.
//!
//! # Shutdown tokens
//!
//! At the end a coroutine is dropped where it awaits, on its thread and in its executor's context. A
//! subroutine cannot be stopped from outside: it is *left behind*, and goes on until it returns or
//! the process ends. To end in its own way, a payload takes a [`Shutdown`] token: the runtime then
//! waits for it, at most for the [grace time](Builder::grace) of 10 seconds. After that the flavours
//! have the [cancel time](Builder::cancel_timeout) of 5 seconds to drop the rest. Any other payload
//! still alive after that is a straggler, named in the report.
//!
#![cfg_attr(feature = "full", doc = "```")]
#![cfg_attr(not(feature = "full"), doc = "```ignore")]
//! use std::time::Duration;
//! use foster::{Runtime, Shutdown, Smol, Thread};
//!
//! let runtime = Runtime::new();
//! runtime.adopt(Smol, || async {
//!     let shutdown = Shutdown::current();
//!     shutdown.requested().await;
//!     println!("async code says good-bye");
//! })?;
//! runtime.adopt(Thread, || {
//!     let shutdown = Shutdown::current();
//!     // A sleep that ends at once when the runtime stops.
//!     while !shutdown.wait_timeout(Duration::from_secs(60)) {
//!         println!("another minute");
//!     }
//!     println!("a thread says good-bye");
//! })?;
//! let handle = runtime.clone();
//! runtime.adopt(Thread, move || handle.shutdown())?;
//! runtime.run()?; // returns when both have said it
//! # Ok::<(), foster::RunError>(())
//! ```
//!
//! To wait for something else or the end, whichever comes first, await
//! [`until_requested`](Shutdown::until_requested). The page of [`Shutdown`] has the recipes for threads that wait
//! at a channel or a socket.
//!
//! The first SIGINT, SIGTERM or SIGHUP (Ctrl-C on Windows) is a `shutdown()`, the second ends the grace
//! time, the third ends the process. Once no runtime listens, signals act as before; see [`Signals`].
//! [`Signals::Leave`] leaves signals to the application, [`Signals::reload_on_hangup`] has SIGHUP reload services
//! ([`Reload`]).
//!
//! # Services
//!
//! A [`Service`] is a part that lives as long as the program: a listener, a poller, a watcher, a manager.
//! It is a type with a `run` and a flavour. The runtime starts it, watches it, restarts it if its policy
//! says so, and stops it in order.
//!
#![cfg_attr(feature = "full", doc = "```")]
#![cfg_attr(not(feature = "full"), doc = "```ignore")]
//! use std::time::Duration;
//! use foster::{Restart, RunError, Runtime, Shutdown, Smol, Thread, Tokio};
//!
//! struct Poller {
//!     every: Duration,
//! }
//!
//! #[foster::service(flavour = Smol, restart = "on-failure", after = ["database"])]
//! impl Poller {
//!     async fn run(&self) -> Result<(), String> {
//!         loop {
//!             // look, and act on changes; dropped at this await when its turn to stop comes
//!             async_io::Timer::after(self.every).await;
//!         }
//!     }
//! }
//!
//! #[foster::service(flavour = Thread, notifies_ready)]
//! fn database() {
//!     let shutdown = Shutdown::current();
//!     foster::Ready::current().notify(); // now the services after this one may start
//!     while !shutdown.wait_timeout(Duration::from_secs(60)) {}
//! }
//!
//! #[foster::service(flavour = Tokio, after = "database")]
//! async fn closing_time() -> foster::Exit {
//!     tokio::time::sleep(Duration::from_millis(10)).await;
//!     foster::Exit::Shutdown
//! }
//!
//! fn main() -> Result<(), RunError> {
//!     let runtime = Runtime::new();
//!     let poller = runtime.serve(Poller { every: Duration::from_secs(5) })?;
//!     runtime.serve(database)?;
//!     runtime.unit().restart(Restart::never()).serve(closing_time)?; // the caller's settings win
//!     runtime.run()?;
//!     assert!(poller.state().is_over());
//!     Ok(())
//! }
//! ```
//!
//! The attribute writes an `impl` of [`Service`], which can be written by hand;
//! [`service`](fn@service) makes a service of a closure. Settings stand in the attribute, in
//! [`Service::settings`], or at the call: [`Runtime::unit`]. Without any, a failure ends the runtime and
//! a normal return is fine. For readers who know systemd:
//!
//! | systemd | Foster |
//! |---|---|
//! | a unit | [`Unit`], the handle that `serve` returns; dropping it does nothing |
//! | `ExecStart=` | `run` |
//! | the unit's name | [`name`](Settings::name), else that of the type or function |
//! | `Restart=no`, `on-failure`, `always` | [`Restart`]`::never()`, `on_failure()`, `always()` |
//! | `RestartSec=`, `RestartMaxDelaySec=`, `RestartSteps=` | [`delay`](Restart::delay), which doubles up to [`max_delay`](Restart::max_delay), less some [`jitter`](Restart::jitter) |
//! | `StartLimitBurst=`, `StartLimitIntervalSec=` | [`limit`](Restart::limit); past it the runtime ends, or this service alone |
//! | `RestartPreventExitStatus=` | [`Exit::Done`]; of a failure [`Permanent`] |
//! | `SuccessAction=exit` | [`Exit::Shutdown`] |
//! | `FailureAction=exit` | the effect of every failure without a restart |
//! | `FailureAction=none` | [`may_fail`](Settings::may_fail); such failures are listed in [`Runtime::tolerated`] |
//! | `Type=notify`, `sd_notify("READY=1")` | [`notifies_ready`](Settings::notifies_ready), [`Ready::notify`] |
//! | `Type=exec` | the default: ready once it has started |
//! | `After=` (and the stop in reverse) | [`after`](Settings::after) |
//! | `Wants=`, `Requires=` | of the start alone: what comes [`after`](Settings::after) a service that may fail starts without it, unless it [`requires`](Settings::requires) it |
//! | `TimeoutStartSec=` | [`start_timeout`](Settings::start_timeout) |
//! | `TimeoutStopSec=`, `SIGTERM` | [`stop_time`](Settings::stop_time), the service's own [`Shutdown`] token |
//! | `SIGKILL` | a coroutine is dropped where it awaits; a thread cannot be killed, and is reported as a straggler |
//! | `systemctl stop`, `restart`, `kill` | [`Unit::stop`], [`Unit::restart`], [`Unit::cancel`] |
//! | `systemctl start` | [`Unit::start`], of a service that is [`startable`](Settings::startable) |
//! | `systemctl is-system-running --wait` | [`Runtime::ready`], [`Runtime::wait_ready`] |
//! | `systemctl status`, `list-units` | [`Runtime::units`] |
//! | `systemctl reload`, `ExecReload=` | [`Runtime::reload`], [`Reload::current`] |
//! | `PartOf=` | [`part_of`](Settings::part_of) |
//! | a slice | [`Group`] |
//! | `TasksMax=` | the [`limit`](GroupBuilder::limit) of a group |
//! | `journalctl -f` | [`Runtime::unit_changes`], and `tracing` |
//! | `WantedBy=`, `systemctl enable` | `linked` and [`linked_services`](Builder::linked_services) |
//!
//! The order concerns the start and the stop alone: if a service restarts or ends, those after it go on,
//! unless they are a [part](Settings::part_of) of it. A ring of services that come after each other, or an
//! unknown name, is an error of `run` before anything starts.
//!
//! The same value serves for each run, so the run before may have poisoned a mutex in it;
//! [`serve_with`](Runtime::serve_with) makes a new value for each. A service whose `run` takes `self` is an
//! [`OwnedService`]: it owns its value and runs once; [`service_once`] makes one of a closure. All times are those of the [`Clock`]. A
//! manual clock passes through everything that falls due, to test restarts and time-outs without waiting.
//!
//! # Groups
//!
//! A [`Group`] is a part of a runtime with an end of its own, such as the connections of a listener. It has
//! the runtime's verbs. [`Runtime::group`] makes one, [`Group::group`] one inside another;
//! [`Group::current`] is that of the present run's children, which end with it. A function that starts something takes
//! where as a [`Scope`], which is either of the two.
//!
#![cfg_attr(feature = "full", doc = "```")]
#![cfg_attr(not(feature = "full"), doc = "```ignore")]
//! use std::time::Duration;
//! use foster::{AdoptErrorKind, Runtime, Shutdown, Smol, Thread};
//!
//! let runtime = Runtime::new();
//! runtime.start()?;
//! let workers = runtime.group("workers").limit(2).each_may_fail().create()?;
//!
//! workers.adopt(Thread, || { Shutdown::current().wait_timeout(Duration::MAX); })?;
//! workers.adopt(Smol, || async { Shutdown::current().requested().await })?;
//! let full = workers.adopt(Smol, || async {}).expect_err("two are alive");
//! assert_eq!(full.kind(), AdoptErrorKind::Full); // `place` waits instead
//!
//! workers.shutdown(); // both are asked at once; the runtime goes on
//! assert!(workers.wait_stopped(Duration::from_secs(20)));
//! assert_eq!(workers.taken(), 0);
//! runtime.shutdown();
//! runtime.wait()?;
//! # Ok::<(), foster::BoxError>(())
//! ```
//!
//! A failure goes up to the first that absorbs it: a group that [may fail](GroupBuilder::may_fail), or a
//! service that may fail or is restarted after failures. If none does, the runtime's stop begins at once.
//! With [`each_may_fail`](GroupBuilder::each_may_fail) a failure concerns its own payload alone. A full group
//! refuses; [`place`](Group::place) and [`wait_place`](Group::wait_place) wait their turn.
//!
//! # Run, start, wait
//!
//! [`run`](Runtime::run) is [`start`](Runtime::start) and then [`wait`](Runtime::wait). A program that owns
//! its `main` calls these two itself, or [`wait_async`](Runtime::wait_async):
//!
#![cfg_attr(feature = "full", doc = "```")]
#![cfg_attr(not(feature = "full"), doc = "```ignore")]
//! use foster::{RunError, Runtime, Thread};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), RunError> {
//!     let runtime = Runtime::builder().until_idle().build();
//!     runtime.adopt(Thread, || println!("beside a tokio runtime that Foster does not own"))?;
//!     runtime.start()?;
//!     runtime.wait_async().await
//! }
//! ```
//!
//! Hand in first and start afterwards: after the start a signal may end the runtime, which then refuses
//! payloads, and an `adopt(…)?` would end the program with status 1 as if it had failed.
//!
//! A runtime runs once; a second `run` or `start` is an error that says so. Many runtimes can live in
//! one process, at once and one after another. When the last handle of a running runtime is dropped, the
//! runtime is asked to end, as nobody could wait for it any more.
//!
//! # Choosing a flavour by name
//!
//! Keys need no registration. To let configuration choose a flavour by name, register the keys it may
//! name, such as [`all`] that are compiled in, and look the name up:
//!
#![cfg_attr(feature = "full", doc = "```")]
#![cfg_attr(not(feature = "full"), doc = "```ignore")]
//! use foster::{Coroutine, Runtime};
//!
//! let mut builder = Runtime::builder().until_idle();
//! for key in foster::all() {
//!     builder = builder.register(key)?;
//! }
//! let runtime = builder.build();
//!
//! let flavour = runtime.flavour::<Coroutine>("tokio")?;
//! runtime.adopt(flavour, || async { println!("as configured") })?;
//! runtime.run()?;
//!
//! let error = runtime.flavour::<Coroutine>("tokyo").expect_err("misspelt");
//! println!("{error}"); // lists what is registered
//! # Ok::<(), foster::RunError>(())
//! ```
//!
//! Several instances of one flavour, each with its own thread, are keys as well:
//! `const IO: Instance<Smol> = Instance::new(Smol, "smol::io")`; see [`Instance`].
//!
//! # Flavours of one's own
//!
//! A flavour is a [`Key`] that starts a [`Flavour`], whose page has a complete example. An executor that
//! polls on one thread needs less: see [`ExecutorThread`]. The module [`flavour`] has the other items for
//! authors; all of them are in [`foster_core`] too, the dependency of a crate that publishes a flavour.
//!
//! # Limits
//!
//! - Foster needs `panic = "unwind"`. With `panic = "abort"` the first panic ends the process, without
//!   a report and without any of the above.
//! - A forked child has none of its parent's runtimes: only the thread that forked lives on in it.
//! - The flavours of [`Smol`] and [`Tokio`] have one thread each. A payload that blocks it holds up all
//!   others of its flavour.
//! - A thread cannot be killed.
//! - Tasks that a payload spawns by other means (`tokio::spawn`, `smol::spawn`, `std::thread::spawn`) are
//!   not watched. Adopt them instead.
//!
//! # Crate features
//!
//! None is on by default: the application chooses its flavours. A feature adds names and changes no
//! behaviour.
//!
//! | feature | adds |
//! |---|---|
//! | `smol` | [`Smol`] |
//! | `tokio` | [`Tokio`], [`TokioMultiThread`], [`TokioHandle`] |
//! | `thread` | [`Thread`] |
//! | `full` | all of them |
//! | `serde` | reading and writing of a [`status`] |
//! | `console` | payloads of all flavours are tasks for [tokio-console](https://docs.rs/console-subscriber); not in `full`. The subscriber is the program's, and is built with `--cfg console_without_tokio_unstable` |
//! | `test-util` | with `tokio`, for tests: the time of [`Tokio`] can follow a [`Clock::manual_with_executors`]; not in `full` |
//!
// Keys that are not compiled in have no page: their names link to the features.
#![cfg_attr(not(feature = "smol"), doc = "[`Smol`]: #crate-features")]
#![cfg_attr(not(feature = "tokio"), doc = "[`Tokio`]: #crate-features")]
// The name means a type and a value.
#![cfg_attr(
    feature = "tokio",
    doc = "[`TokioMultiThread`]: struct@TokioMultiThread"
)]
#![cfg_attr(not(feature = "tokio"), doc = "[`TokioMultiThread`]: #crate-features")]
#![cfg_attr(not(feature = "tokio"), doc = "[`TokioHandle`]: #crate-features")]
#![cfg_attr(not(feature = "thread"), doc = "[`Thread`]: #crate-features")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "smol")]
#[doc(inline)]
pub use foster_smol::Smol;
#[cfg(feature = "thread")]
#[doc(inline)]
pub use foster_thread::Thread;
#[cfg(feature = "tokio")]
#[doc(inline)]
pub use foster_tokio::{Tokio, TokioHandle, TokioMultiThread};

// The runtime, and how to set it up.
#[doc(inline)]
pub use foster_core::{Builder, OnSignal, Runtime, Signals, runtime};

// Time.
#[doc(inline)]
pub use foster_core::{Clock, Sleep, TimedOut, Timeout};

// Handing payloads in, and their results.
#[doc(inline)]
pub use foster_core::{
    Call, Coroutine, IntoPayload, Named, Nothing, Outcome, Parallel, Payload, Permanent,
    Subroutine, Wait,
};

// Keys and names of flavours.
#[doc(inline)]
pub use foster_core::{AnyKey, Choice, Identifier, Instance, Key, Registered};

// Services.
#[doc(hidden)]
pub use foster_core::__private;
#[doc(inline)]
pub use foster_core::__private::service_fn as service;
#[doc(inline)]
pub use foster_core::{
    AllReady, Answer, Dependency, Exit, FnOnceService, FnService, Group, GroupBuilder, GroupError,
    GroupErrorKind, GroupReady, Kind, LinkedService, OwnedService, PayloadOf, Place, Ready,
    Restart, Run, Runs, Scope, ServeError, ServeErrorKind, Served, Service, Settings, Standing,
    StateFuture, TakePlace, Unit, UnitBuilder, UnitChange, UnitChanges, UnitState, UnitStatus,
    service_once,
};
#[doc(inline)]
pub use foster_macros::service;

// A look inside.
#[doc(inline)]
pub use foster_core::{Changes, Probing, RuntimeChange, Unanswered, status};

// Reload.
#[doc(inline)]
pub use foster_core::{
    Reload, ReloadError, ReloadErrorKind, ReloadOutcome, ReloadReport, ReloadRequest,
    ReloadRequested, ReloadWait, Reloaded, Reloading,
};

// Taking part in the stop.
#[doc(inline)]
pub use foster_core::{OnRequest, Requested, Shutdown, UntilRequested};

// Errors and failures.
#[doc(inline)]
pub use foster_core::{
    AdoptError, AdoptErrorKind, ExecuteError, ExecuteErrorKind, Failure, FailureKind,
    IdentifierError, LookupError, PlaceError, PlaceErrorKind, ReadyError, ReadyErrorKind,
    RegisterError, RunError, RunErrorKind, Straggler, StragglerReason,
};

// At the root like everything else, but listed apart: few programs need these.
#[doc(hidden)]
pub use crate::flavour::*;

pub mod flavour {
    //! Items for authors of flavours, beside [`Key`](crate::Key) and [`Coroutine`](crate::Coroutine),
    //! [`Parallel`](crate::Parallel) or [`Subroutine`](crate::Subroutine).
    //!
    //! Everything here is also at the crate's root and in [`foster_core`], the dependency of a crate that
    //! publishes a flavour.

    // The trait, and its two sides.
    #[doc(inline)]
    pub use foster_core::{BoxError, Completion, Flavour, Probe, Rejected, Reporter, Waking};

    // An executor's own time, moved with the runtime's clock.
    #[doc(inline)]
    pub use foster_core::{Follower, Leader};

    // All of a flavour but the executor, and its parts.
    #[doc(inline)]
    pub use foster_core::{Executor, ExecutorThread, Fed, Intake, Joining, Latch, PoolIntake};

    // Payloads of a kind of one's own.
    #[doc(inline)]
    pub use foster_core::{Asynchronous, Ticket};

    // A flavour without an executor, for tests.
    #[doc(inline)]
    pub use foster_core::Manual;
}

#[doc = include_str!("contract.md")]
#[doc = ""] // ends the text's last paragraph, so that the link definition is read as one
#[cfg_attr(not(feature = "thread"), doc = "[`Thread`]: crate#crate-features")]
pub mod contract {}

#[doc = include_str!("architecture.md")]
#[doc = ""]
#[cfg_attr(not(feature = "smol"), doc = "[`Smol`]: crate#crate-features")]
#[cfg_attr(not(feature = "tokio"), doc = "[`Tokio`]: crate#crate-features")]
#[cfg_attr(
    feature = "tokio",
    doc = "[`TokioMultiThread`]: struct@TokioMultiThread"
)]
#[cfg_attr(
    not(feature = "tokio"),
    doc = "[`TokioMultiThread`]: crate#crate-features"
)]
#[cfg_attr(not(feature = "tokio"), doc = "[`TokioHandle`]: crate#crate-features")]
#[cfg_attr(not(feature = "thread"), doc = "[`Thread`]: crate#crate-features")]
pub mod architecture {}

/// Returns the keys of the flavours compiled in, for programs whose configuration chooses.
///
/// [Register](Builder::register) each and [look it up](Runtime::flavour) by its
/// [identifier](AnyKey::identifier). Neither starts anything: a flavour costs no thread until its first
/// payload.
///
/// ```
/// let mut builder = foster::Runtime::builder();
/// for key in foster::all() {
///     println!("compiled in: {}", key.identifier());
///     builder = builder.register(key)?;
/// }
/// let runtime = builder.build();
/// # Ok::<(), foster::RunError>(())
/// ```
///
/// Empty if no feature of this crate is on.
pub fn all() -> Vec<AnyKey> {
    vec![
        #[cfg(feature = "smol")]
        Smol.into(),
        #[cfg(feature = "tokio")]
        Tokio.into(),
        #[cfg(feature = "tokio")]
        TokioMultiThread.into(),
        #[cfg(feature = "thread")]
        Thread.into(),
    ]
}

/// Compiles and runs the examples in the READMEs of the workspace and beside them.
#[cfg(all(doctest, feature = "smol", feature = "tokio", feature = "thread"))]
mod readmes {
    #[doc = include_str!("../../../README.md")]
    struct Workspace;

    #[doc = include_str!("../../core/README.md")]
    struct Core;

    #[doc = include_str!("../../../flavours/smol/README.md")]
    struct Smol;

    #[doc = include_str!("../../../flavours/tokio/README.md")]
    struct Tokio;

    #[doc = include_str!("../../../flavours/thread/README.md")]
    struct Thread;
}

#[cfg(test)]
mod tests;
