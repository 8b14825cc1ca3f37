//! One lifetime over several ways to run code: smol, tokio, OS threads, any executor.
//!
//! A [`Runtime`] adopts *payloads* that have no parent, each on the *flavour* that its key names. As
//! nobody waits for them, nobody would notice if one died; so the first failure, wherever it
//! happens, stops everything in order, and [`run`](Runtime::run) returns with all that went wrong.
//!
//! Programs depend on this crate. Authors of flavours depend on [`foster_core`], which also serves a
//! program that prefers to name its backend crates itself. The page [`contract`] says row by row what
//! Foster promises, the page [`architecture`] is the map of the code.
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
//! [`shutdown`](Runtime::shutdown) or a signal, also while it has nothing to do: that is what a
//! daemon wants.
//!
//! What is adopted before `run` waits for it and starts with it, in order. After that
//! [`adopt`](Runtime::adopt) works at any time, from any thread and inside any payload: a `Runtime` is
//! a cheap handle, to be cloned into whatever needs it. [`runtime()`] is a default one for the whole
//! process.
//!
//! # Payloads, and what they return
//!
//! The key's *type* decides which payload fits, and the compiler checks it. A payload takes no
//! arguments: it owns what it works with (`move`).
//!
//! | key | identifier | payload | where it runs |
//! |---|---|---|---|
//! | [`Smol`] | `smol` | a [`Coroutine`]: `\|\| async { … }` or an `async fn` | one thread, async-executor with async-io's reactor |
//! | [`Tokio`] | `tokio` | a [`Coroutine`] | one thread, a tokio runtime of its own |
//! | [`TokioMultiThread`] | `tokio::multi_thread` | a [`Parallel`]: as a coroutine, its future `Send` | several threads, a tokio runtime of its own |
//! | [`TokioHandle`] | `tokio::runtime::handle` | a [`Parallel`] | a tokio runtime that exists already, such as that of `#[tokio::main]` |
//! | [`Thread`] | `std::thread` | a [`Subroutine`]: `\|\| { … }` or an `fn` | a new OS thread for each |
//!
//! The closure of a coroutine is `Send`; the future that it makes need not be, for it is made, polled
//! and dropped on the flavour's thread. Coroutines of one flavour never run in parallel with each
//! other. Flavours run in parallel with each other, and subroutines and parallels with everything.
//!
//! An adopted payload has no caller, so what it may return is limited to what says nothing, or says
//! that it failed (see [`Outcome`]):
//!
//! | it returns | which means |
//! |---|---|
//! | `()`, `!`, [`Infallible`](std::convert::Infallible) | nothing is left to say |
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
//! A [`RunError`] prints as the whole report: what failed, where it was adopted, every cause, what
//! would not end in time and what was left behind. Each failure is also told the moment it happens: as a
//! `tracing` event, by `log` where no subscriber takes it, else as a line on standard error
//! ([`Builder::quiet`] leaves that out). A payload without a [name](Runtime::named) is known by the place that handed it in,
//! such as `src/main.rs:12`.
//!
//! # Execute and call
//!
//! [`execute`](Runtime::execute) runs a payload to its end on another flavour, blocks its caller and
//! returns the value, which may be of any type that is `Send`. [`call`](Runtime::call) is its async
//! twin: a future of the same. Both need a runtime that was started.
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
//! The outer `Result` is the runtime's: it is not running, it is stopping, it cancelled the payload,
//! or waiting could never have ended. An error or a panic of the payload is its caller's business: the
//! error is the value, the panic goes on in the caller, and the runtime lives on.
//!
//! An execute that would wait for its own flavour, or close a ring of executes, is refused with an
//! error that names the ring. Rings through awaits, joins and locks cannot be seen, so prefer `call`
//! in async code.
//!
//! # Shutdown tokens
//!
//! At the end a coroutine is dropped where it awaits, on its thread and in its executor's context. A
//! subroutine cannot be stopped from outside: it is *left behind*, and goes on until it returns or
//! the process ends. A payload that wants to end in its own way takes a [`Shutdown`] token; from then
//! on the runtime waits for it, at most for its [grace time](Builder::grace) of 10 seconds. After
//! that the flavours have their [cancel time](Builder::cancel_timeout) of 5 seconds to drop the rest.
//! What has not ended even then is a straggler, and is named in the report.
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
//! The first SIGINT, SIGTERM or SIGHUP (Ctrl-C on Windows) is a `shutdown()`, the second ends the grace
//! time, the third ends the process. When no runtime listens any more, signals do what they did before; see
//! [`Signals`]. [`Signals::Leave`] leaves signals to the application.
//!
//! # Services
//!
//! What lives as long as the program, a listener, a poller, whatever watches or manages something, is a
//! [`Service`]: a type with a `run`, and the flavour that it is for. The runtime starts it, watches it, starts
//! it again if that is its policy, and stops it in order.
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
//!             // look, and act on what has changed; dropped here when its turn to end has come
//!             async_io::Timer::after(self.every).await;
//!         }
//!     }
//! }
//!
//! #[foster::service(flavour = Thread, notifies_ready)]
//! fn database() {
//!     let shutdown = Shutdown::current();
//!     foster::Ready::current().notify(); // from here on those after it may start
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
//!     runtime.unit().restart(Restart::never()).serve(closing_time)?; // what is said here wins
//!     runtime.run()?;
//!     assert!(poller.state().is_over());
//!     Ok(())
//! }
//! ```
//!
//! The attribute writes an `impl` of [`Service`], which can be written by hand; a closure is a service by
//! [`service`](fn@service). Settings stand in the attribute, in [`Service::settings`], or before the call:
//! [`Runtime::unit`]. Without any, a failure ends the runtime and a normal return is fine. For those who know systemd:
//!
//! | systemd | Foster |
//! |---|---|
//! | a unit | [`Unit`], the handle that `serve` returns; dropping it does nothing |
//! | `ExecStart=` | `run` |
//! | the unit's name | [`name`](Settings::name), else that of the type or function |
//! | `Restart=no`, `on-failure`, `always` | [`Restart`]`::never()`, `on_failure()`, `always()` |
//! | `RestartSec=`, `RestartMaxDelaySec=`, `RestartSteps=` | [`delay`](Restart::delay), which doubles up to [`max_delay`](Restart::max_delay), less some [`jitter`](Restart::jitter) |
//! | `StartLimitBurst=`, `StartLimitIntervalSec=` | [`limit`](Restart::limit); past it the runtime ends |
//! | `RestartPreventExitStatus=` | [`Exit::Done`] |
//! | `SuccessAction=exit` | [`Exit::Shutdown`] |
//! | `FailureAction=exit` | what every failure does that no restart follows |
//! | `Type=notify`, `sd_notify("READY=1")` | [`notifies_ready`](Settings::notifies_ready), [`Ready::notify`] |
//! | `Type=exec` | the default: ready once it has started |
//! | `After=` (and the stop in reverse) | [`after`](Settings::after) |
//! | `TimeoutStartSec=` | [`start_timeout`](Settings::start_timeout) |
//! | `TimeoutStopSec=`, `SIGTERM` | [`stop_time`](Settings::stop_time), the service's own [`Shutdown`] token |
//! | `SIGKILL` | a coroutine is dropped where it awaits; a thread cannot be killed, and is told as a straggler |
//! | `systemctl stop`, `restart` | [`Unit::stop`], [`Unit::restart`] |
//! | `systemctl status`, `list-units` | [`Runtime::units`] |
//! | `journalctl -f` | [`Runtime::unit_changes`], and `tracing` |
//! | `WantedBy=`, `systemctl enable` | `linked` and [`linked_services`](Builder::linked_services) |
//!
//! An order is for the start and the stop alone: if a service that others come after is restarted or ends, they
//! go on. Services that come after each other in a ring, or after one that is not there, are an error of `run`,
//! before anything starts.
//!
//! The same value serves for each run, so a mutex in it may be poisoned by the run before;
//! [`serve_with`](Runtime::serve_with) makes a new one for each. All times are those of the [`Clock`]: a manual
//! one passes through everything that falls due, so that restarts and time-outs can be tested without waiting.
//!
//! # Run, start, wait
//!
//! [`run`](Runtime::run) is [`start`](Runtime::start) and then [`wait`](Runtime::wait). With these two,
//! and [`wait_async`](Runtime::wait_async), a runtime lives in a program that owns its `main`:
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
//! Hand in first and start afterwards: from the start on a signal may end the runtime, which then refuses what
//! is handed in, and an `adopt(…)?` would end the program with status 1 as if it had failed.
//!
//! A runtime runs once; a second `run` or `start` is an error that says so. Many runtimes can live in
//! one process, at once and one after another. One whose last handle is dropped while it runs is asked
//! to end, as nobody could wait for it any more.
//!
//! # Choosing a flavour by name
//!
//! A key needs no registration. Where configuration says which flavour to use, register the keys that
//! it may name, such as [`all`] that are compiled in, and look the name up:
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
//! Several instances of one flavour, each with a thread of its own, are keys as well:
//! `const IO: Instance<Smol> = Instance::new(Smol, "smol::io")`; see [`Instance`].
//!
//! # Flavours of one's own
//!
//! A flavour is a [`Key`] that starts a [`Flavour`], whose page has a whole one that compiles. An
//! executor that polls on one thread needs less: see [`ExecutorThread`]. The module [`flavour`] holds
//! what authors need beside them; all of it is in [`foster_core`], too, and a crate that publishes a
//! flavour depends on that one.
//!
//! # Limits
//!
//! - Foster needs `panic = "unwind"`. With `panic = "abort"` the first panic ends the process, without
//!   a report and without any of the above.
//! - A forked child has no runtime: of all threads only the one that forked lives on in it.
//! - The flavours of [`Smol`] and [`Tokio`] are one thread each. A payload that blocks it holds up all others of its flavour.
//! - A thread cannot be killed.
//! - What a payload spawns by other means (`tokio::spawn`, `smol::spawn`, `std::thread::spawn`) is its
//!   own business: it is not watched. Adopt it, to have it watched.
//!
//! # Crate features
//!
//! None is on by default: which flavours there are is the application's choice. A feature adds a name
//! and changes no behaviour.
//!
//! | feature | adds |
//! |---|---|
//! | `smol` | [`Smol`] |
//! | `tokio` | [`Tokio`], [`TokioMultiThread`], [`TokioHandle`] |
//! | `thread` | [`Thread`] |
//! | `full` | all of them |
//!
// Keys that are not compiled in have no page: their names lead to the features.
#![cfg_attr(not(feature = "smol"), doc = "[`Smol`]: #crate-features")]
#![cfg_attr(not(feature = "tokio"), doc = "[`Tokio`]: #crate-features")]
// The name is that of a type and that of a value.
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
pub use foster_core::{Builder, Clock, Runtime, Signals, runtime};

// Handing payloads in, and what comes of it.
#[doc(inline)]
pub use foster_core::{
    Call, Coroutine, IntoPayload, Named, Nothing, Outcome, Parallel, Subroutine, Wait,
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
    Answer, Becoming, Dependency, Exit, FnService, Kind, LinkedService, PayloadOf, Ready, Restart,
    Run, Runs, ServeError, ServeErrorKind, Served, Service, Settings, Unit, UnitBuilder,
    UnitChange, UnitChanges, UnitState, UnitStatus,
};
#[doc(inline)]
pub use foster_macros::service;

// Taking part in the end.
#[doc(inline)]
pub use foster_core::{Requested, Shutdown};

// What goes wrong.
#[doc(inline)]
pub use foster_core::{
    AdoptError, AdoptErrorKind, ExecuteError, ExecuteErrorKind, Failure, FailureKind,
    IdentifierError, LookupError, RegisterError, RunError, RunErrorKind, Straggler,
    StragglerReason,
};

// At the root like everything else, but listed apart: few programs need these.
#[doc(hidden)]
pub use crate::flavour::*;

pub mod flavour {
    //! What authors of flavours need beside [`Key`](crate::Key) and [`Coroutine`](crate::Coroutine),
    //! [`Parallel`](crate::Parallel) or [`Subroutine`](crate::Subroutine).
    //!
    //! Everything here is at the crate's root as well, and in [`foster_core`], which a crate that
    //! publishes a flavour depends on.

    // The trait, and its two sides.
    #[doc(inline)]
    pub use foster_core::{BoxError, Completion, Flavour, Rejected, Reporter};

    // All of a flavour but the executor, and its parts.
    #[doc(inline)]
    pub use foster_core::{Executor, ExecutorThread, Fed, Intake, Joining, Latch};

    // Payloads of a kind of one's own.
    #[doc(inline)]
    pub use foster_core::{Asynchronous, Ticket};

    // A flavour without an executor, for tests.
    #[doc(inline)]
    pub use foster_core::Manual;
}

#[doc = include_str!("contract.md")]
#[doc = ""] // ends the text's last paragraph, so that the definition is seen as such
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

/// The keys of the flavours that are compiled in, for programs in which configuration chooses.
///
/// Each is to be [registered](Builder::register) and then [looked up](Runtime::flavour) by its
/// [identifier](AnyKey::identifier). That starts nothing: a flavour costs no thread until its first
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

/// Compiles and runs what the READMEs of the workspace show.
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
mod tests {
    use super::*;

    /// Names that are re-exported at the root of a crate, read from its source.
    fn exports(source: &str) -> Vec<&str> {
        source
            .split("pub use ")
            .skip(1)
            .filter_map(|rest| rest.split(';').next())
            .flat_map(|path| {
                let names = path.rsplit("::").next().unwrap_or(path);
                names.trim_matches(['{', '}']).split(',')
            })
            // One name under another is known by the other.
            .map(|name| name.rsplit(" as ").next().unwrap_or(name).trim())
            .filter(|name| !name.is_empty())
            .collect()
    }

    #[test]
    fn every_export_of_core_is_here() {
        let here = exports(include_str!("lib.rs"));
        let core = include_str!("../../core/src/lib.rs");
        // What the attribute needs is here as a whole.
        let (before, private) = core.split_once("pub mod __private {").expect("it is there");
        let (_, after) = private.split_once("\n}").expect("it ends");
        for name in exports(before).into_iter().chain(exports(after)) {
            assert!(here.contains(&name), "`{name}` is missing in the facade");
        }
    }

    #[test]
    fn all_lists_what_is_compiled_in() {
        let keys = all();
        let listed: Vec<_> = keys.iter().map(|key| key.identifier().as_str()).collect();
        let expected: Vec<_> = [
            ("smol", cfg!(feature = "smol")),
            ("tokio", cfg!(feature = "tokio")),
            ("tokio::multi_thread", cfg!(feature = "tokio")),
            ("std::thread", cfg!(feature = "thread")),
        ]
        .into_iter()
        .filter_map(|(identifier, is_on)| is_on.then_some(identifier))
        .collect();
        assert_eq!(listed, expected);
    }
}
