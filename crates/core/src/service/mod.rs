//! Services: what a runtime starts, watches, starts again and stops in order.
//!
//! `settings` and `restart` say how, `function` makes services of functions, `unit` is the handle, `state` what it
//! shows and `unit_core` what is behind it. `registry` has all of them, with `names` and `order`. `supervision` decides
//! what becomes of them, a value without locks, clocks and threads; `supervisor` is the shell around it. `attempt` is one
//! run of a service, as its payload sees it, `source` where its values come from, `answer` what it may return.
#![allow(
    private_interfaces,
    private_bounds,
    reason = "the traits of services are closed: nobody else can name or call what is private in them"
)]

mod answer;
mod attempt;
mod build;
mod dependency;
mod function;
mod linked;
mod names;
mod order;
mod policy;
mod ready;
mod registry;
mod restart;
mod serve;
mod settings;
mod source;
mod state;
mod supervision;
mod supervisor;
mod unit;
mod unit_core;
mod watch;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

pub use self::answer::{Answer, Exit};
pub use self::dependency::Dependency;
pub use self::function::{Described, FnService, service};
pub use self::linked::LinkedService;
pub use self::ready::Ready;
pub use self::restart::Restart;
pub use self::serve::UnitBuilder;
pub use self::settings::Settings;
pub use self::source::{Runs, Served};
pub use self::state::{UnitState, UnitStatus};
pub use self::unit::{Becoming, Unit};
pub use self::watch::{UnitChange, UnitChanges};

#[cfg(fuzzing)]
pub(crate) use self::supervision::play_bytes;

use self::answer::Answered;
use self::answer::sealed::Answer as _;
pub(crate) use self::attempt::Attempt;
use crate::contract::key::Key;
use crate::payload::{Coroutine, Parallel, Subroutine};

/// The kind of payload that the flavour of the service `S` runs.
pub type PayloadOf<S> = <<S as Service>::Flavour as Key>::Payload;

/// Something that a runtime runs from its start to its end: a value, a flavour, and what to do there.
///
/// A service is handed in with [`Runtime::serve`](crate::Runtime::serve), which gives a
/// [`Unit`] to look at it and to stop or restart it. Its settings say what happens when it ends. The
/// attribute `service` writes the implementation; by hand it is no longer:
///
/// ```
/// use foster_core::{Coroutine, Manual, Run, Runtime, Service, Settings};
///
/// struct Beat {
///     flavour: Manual, // `Smol` or `Tokio` in a program
/// }
///
/// impl Service for Beat {
///     type Flavour = Manual;
///
///     fn flavour(&self) -> Manual {
///         self.flavour.clone()
///     }
///
///     fn settings(&self) -> Settings {
///         Settings::new().name("beat")
///     }
///
///     fn run(&self) -> impl Run<Coroutine> {
///         async { println!("once") }
///     }
/// }
///
/// let manual = Manual::new();
/// let runtime = Runtime::builder().until_idle().build();
/// let beat = runtime.serve(Beat { flavour: manual.clone() })?;
/// runtime.start()?;
/// while !beat.state().is_over() {
///     manual.step();
/// }
/// runtime.wait()?;
/// # Ok::<(), foster_core::RunError>(())
/// ```
///
/// `async fn run(&self) -> …` is accepted as well, and so is a plain `fn run(&self) -> Result<…>` on a
/// flavour of threads. The compiler then remarks that the signature says more than the trait's, which
/// is meant: `#[allow(refining_impl_trait)]` on the method answers it.
///
/// For a service that is no type of its own see [`service`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no service",
    label = "not a service",
    note = "put `#[service(flavour = …)]` on the `impl` block with its `run`, or on a free function",
    note = "or implement `Service` by hand; a closure becomes one with `service(flavour, || …)`"
)]
pub trait Service: 'static {
    /// The key of the flavour that it runs on. The flavour's payloads must be of a kind that core
    /// knows: coroutines, parallels or subroutines.
    type Flavour: Key<Payload: Kind>;

    /// The key itself. Asked once, when the service is handed in.
    fn flavour(&self) -> Self::Flavour;

    /// Its name, order and policy, where they are not to be the default. Asked once, when the service
    /// is handed in; what the caller sets there wins.
    fn settings(&self) -> Settings {
        Settings::new()
    }

    /// Runs the service: once, unless its settings say that it is started again.
    ///
    /// Called on the flavour, in the first poll of the payload that the run is. On an async flavour
    /// it gives a future (an `async fn`), on a flavour of threads it runs to its end right here. What it
    /// may return is told at [`Answer`]; what that means depends on the settings.
    ///
    /// # Cancel safety
    ///
    /// As for every coroutine: a run that takes no [`Shutdown`](crate::Shutdown) token is dropped
    /// where it awaits.
    fn run(&self) -> impl Run<PayloadOf<Self>>;
}

/// A kind of payload that services can be: [`Coroutine`], [`Parallel`] or [`Subroutine`].
///
/// The trait is closed.
#[diagnostic::on_unimplemented(
    message = "services do not run on flavours whose payloads are `{Self}`",
    label = "not a flavour for services",
    note = "a service's flavour runs `Coroutine`s, `Parallel`s or `Subroutine`s"
)]
pub trait Kind: sealed::Kind {}

impl Kind for Coroutine {}
impl Kind for Parallel {}
impl Kind for Subroutine {}

/// What the `run` of a service gives, where its flavour runs `P`s: a future on an async flavour, the
/// outcome itself on a flavour of threads.
///
/// The trait is closed.
#[diagnostic::on_unimplemented(
    message = "a `run` that gives `{Self}` does not fit a flavour of `{P}`s",
    label = "not what `run` gives on this flavour",
    note = "on an async flavour such as `Smol` or `Tokio` write `async fn run(&self)`: a plain `fn` would block it",
    note = "on a flavour of threads such as `Thread` write a plain `fn run(&self)`: an `async fn` does not run there",
    note = "on a flavour of several threads, such as `TokioMultiThread`, the future must be `Send`",
    note = "a service has no caller who could receive a value: it returns `()`, `Result<(), E>`, `Exit`, `Result<Exit, E>`, `Option<T: Debug>` or `!`"
)]
pub trait Run<P>: sealed::Run<P> {}

pub(crate) mod sealed {
    pub trait Kind: Send + 'static {
        /// Whether the payloads are blocking code.
        #[doc(hidden)]
        const IS_BLOCKING: bool;

        /// What a `run` gives, as it is driven.
        #[doc(hidden)]
        type Given<'a, R: 'a>;

        /// What that gives in turn: the answer, or what core drives on to it.
        #[doc(hidden)]
        type Answering<'a>;
    }

    pub trait Run<P> {
        #[doc(hidden)]
        fn drive<'a>(given: P::Given<'a, Self>) -> P::Answering<'a>
        where
            P: Kind,
            Self: Sized + 'a;
    }
}

impl sealed::Kind for Coroutine {
    const IS_BLOCKING: bool = false;
    // Polled where it is already: a run costs no allocation beside that of its payload.
    type Given<'a, R: 'a> = (Pin<&'a mut R>, &'a Waker);
    type Answering<'a> = Poll<Answered>;
}

impl sealed::Kind for Parallel {
    const IS_BLOCKING: bool = false;
    type Given<'a, R: 'a> = R;
    // Known to be `Send` in generic code, which the future of an unknown `run` is not.
    type Answering<'a> = Pin<Box<dyn Future<Output = Answered> + Send + 'a>>;
}

impl sealed::Kind for Subroutine {
    const IS_BLOCKING: bool = true;
    type Given<'a, R: 'a> = R;
    type Answering<'a> = Answered;
}

impl<F: Future<Output: Answer>> sealed::Run<Coroutine> for F {
    fn drive<'a>((run, waker): (Pin<&'a mut F>, &'a Waker)) -> Poll<Answered>
    where
        F: 'a,
    {
        let polled = run.poll(&mut Context::from_waker(waker));
        polled.map(F::Output::answer)
    }
}
impl<F: Future<Output: Answer>> Run<Coroutine> for F {}

impl<F: Future<Output: Answer> + Send> sealed::Run<Parallel> for F {
    fn drive<'a>(future: F) -> Pin<Box<dyn Future<Output = Answered> + Send + 'a>>
    where
        F: 'a,
    {
        Box::pin(async move { future.await.answer() })
    }
}
impl<F: Future<Output: Answer> + Send> Run<Parallel> for F {}

impl<T: Answer> sealed::Run<Subroutine> for T {
    fn drive<'a>(answer: T) -> Answered
    where
        T: 'a,
    {
        answer.answer()
    }
}
impl<T: Answer> Run<Subroutine> for T {}
