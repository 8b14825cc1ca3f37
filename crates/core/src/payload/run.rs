//! What a service's `run` gives, for each kind of payload.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::{Coroutine, Parallel, Subroutine, Ticket};
use crate::errors::answer::sealed::Answer as _;
use crate::errors::answer::{Answer, Answered};

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
    use crate::task::Ticket;

    pub trait Kind: Send + 'static {
        /// Whether the payloads are blocking code.
        #[doc(hidden)]
        const IS_BLOCKING: bool;

        /// A payload that does nothing but call `code`.
        #[doc(hidden)]
        fn calling(code: impl FnOnce() + Send + 'static, ticket: Ticket<()>) -> Self;

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

    fn calling(code: impl FnOnce() + Send + 'static, ticket: Ticket<()>) -> Self {
        Self::new(move || async move { code() }, ticket)
    }

    // Polled where it is already: a run costs no allocation beside that of its payload.
    type Given<'a, R: 'a> = (Pin<&'a mut R>, &'a Waker);
    type Answering<'a> = Poll<Answered>;
}

impl sealed::Kind for Parallel {
    const IS_BLOCKING: bool = false;

    fn calling(code: impl FnOnce() + Send + 'static, ticket: Ticket<()>) -> Self {
        Self::new(move || async move { code() }, ticket)
    }

    type Given<'a, R: 'a> = R;
    // Known to be `Send` in generic code, which the future of an unknown `run` is not.
    type Answering<'a> = Pin<Box<dyn Future<Output = Answered> + Send + 'a>>;
}

impl sealed::Kind for Subroutine {
    const IS_BLOCKING: bool = true;

    fn calling(code: impl FnOnce() + Send + 'static, ticket: Ticket<()>) -> Self {
        Self::new(code, ticket)
    }

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
