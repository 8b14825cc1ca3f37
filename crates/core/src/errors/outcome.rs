//! The return types of an adopted payload, and their meaning.
#![allow(
    private_interfaces,
    private_bounds,
    reason = "the traits are closed: nobody else can name or call what is private here"
)]

use std::any::Any;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Debug;

use crate::base::text;
use crate::errors::failure::{Cause, ErrorValue, source_of};
use crate::errors::group::{GroupError, GroupErrorKind};
use crate::errors::permanent::Permanent;
use crate::errors::place::{PlaceError, PlaceErrorKind};
use crate::errors::ready::{ReadyError, ReadyErrorKind};
use crate::errors::refusal::{AdoptError, AdoptErrorKind, ExecuteError, ExecuteErrorKind};
use crate::errors::report::RunError;
use crate::errors::serve::{ServeError, ServeErrorKind};

/// The return type of an *adopted* payload: nothing, or a failure.
///
/// An adopted payload has no caller, so nobody could receive a value from it. It may return
///
/// - `()`, `!` or [`Infallible`]: there is nothing to report;
/// - `Result<_, E>` of these, where `E` converts into `Box<dyn Error + Send + Sync>` (any error,
///   `anyhow::Error`, `String`, `&str`, a boxed error): `Err` is a failure;
/// - `Option<T>` with `T: Debug`: `Some` is an *orphaned return*, which is a failure, too.
///
/// One kind of `Err` is no failure: Foster's own "stopping" or "cancelled"
/// ([`AdoptError`](crate::AdoptError), [`ExecuteError`](crate::ExecuteError)), also if `anyhow` or
/// another error's `source` wraps it. It only says that the runtime ends, which the runtime knows. Of a
/// [group](crate::Group) that ends alone it is none either if the payload is in it.
///
/// The trait is closed: its method is private to Foster.
#[diagnostic::on_unimplemented(
    message = "a payload that is adopted must not return `{Self}`: it has no caller who could receive the value",
    label = "adopted payloads return nothing or an error",
    note = "return `()`, `Result<(), E>`, `Option<T: Debug>` (where `Some` is a failure) or `!`",
    note = "to get a value back use `execute` (blocks) or `call` (a future) in place of `adopt`",
    note = "if `{Self}` is a future, the payload is async and its flavour is not: did you mean an async flavour?"
)]
pub trait Outcome: sealed::Verdict {}

/// The success type of such a `Result`, which carries no value: `()`, `!` or [`Infallible`].
///
/// The trait is closed.
#[diagnostic::on_unimplemented(
    message = "a payload that is adopted must not return `Result<{Self}, _>`: it has no caller who could receive the value",
    label = "adopted payloads return `Result<(), E>`",
    note = "end the payload in `Ok(())`; to get a value back use `execute` (blocks) or `call` (a future) in place of `adopt`"
)]
pub trait Nothing: sealed::Sealed {}

pub(crate) mod sealed {
    use super::Cause;

    pub trait Sealed {}

    pub trait Verdict: 'static {
        #[doc(hidden)]
        fn verdict(self) -> Option<Cause>;
    }
}

/// Names the type `!`, which stable Rust allows only as a function's return type.
trait Returns {
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

type Never = <fn() -> ! as Returns>::Output;

impl sealed::Sealed for () {}
impl Nothing for () {}
impl sealed::Sealed for Never {}
impl Nothing for Never {}

impl sealed::Verdict for () {
    fn verdict(self) -> Option<Cause> {
        None
    }
}
impl Outcome for () {}

impl sealed::Verdict for Never {
    fn verdict(self) -> Option<Cause> {
        match self {}
    }
}
impl Outcome for Never {}

// From Rust 1.100 on `Infallible` is `!` itself, and the impls above cover it.
#[rustversion::before(1.100)]
mod infallible {
    use super::*;

    impl sealed::Sealed for Infallible {}
    impl Nothing for Infallible {}

    impl sealed::Verdict for Infallible {
        fn verdict(self) -> Option<Cause> {
            match self {}
        }
    }
    impl Outcome for Infallible {}
}

impl<T, E> sealed::Verdict for Result<T, E>
where
    T: Nothing + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    fn verdict(self) -> Option<Cause> {
        cause_of(self.err()?)
    }
}
impl<T, E> Outcome for Result<T, E>
where
    T: Nothing + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
}

impl<T: Debug + 'static> sealed::Verdict for Option<T> {
    fn verdict(self) -> Option<Cause> {
        self.map(|value| Cause::orphaned(format!("{value:?}")))
    }
}
impl<T: Debug + 'static> Outcome for Option<T> {}

/// The cause of the failure of a payload that returned `error`. `None` if the error only says that
/// the runtime ends.
pub(crate) fn cause_of<E>(error: E) -> Option<Cause>
where
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    // An anyhow error is kept as it is: once boxed it could no longer be downcast.
    let mut error = Some(error);
    let cause = match (&mut error as &mut dyn Any).downcast_mut::<Option<anyhow::Error>>() {
        Some(error) => ErrorValue::Anyhow(error.take()?),
        None => ErrorValue::Boxed(error?.into()),
    };
    let is_permanent = is_permanent(cause.as_dyn());
    let is_of_group = match end_in(cause.as_dyn()) {
        Some(End::Runtime) => return None,
        end => end.is_some(),
    };
    let cause = Cause::error(cause).permanent(is_permanent);
    Some(cause.of_group(is_of_group))
}

/// Whether an error, however wrapped, says that another run would only meet it again.
fn is_permanent(error: &(dyn Error + 'static)) -> bool {
    let chain = std::iter::successors(Some(error), |error| source_of(*error));
    // As deep as a report goes: a chain may be a ring.
    let mut chain = chain.take(text::CHAIN_LIMIT + 1);
    chain.any(|error| error.is::<Permanent>())
}

/// Whose end an error reports.
enum End {
    Runtime,
    Group,
}

/// Whose end an error reports, however wrapped, if it is Foster's own report of that.
fn end_in(error: &(dyn Error + 'static)) -> Option<End> {
    let end = |is_stop: bool, is_of_group: bool| match (is_stop, is_of_group) {
        (false, _) => None,
        (true, true) => Some(End::Group),
        (true, false) => Some(End::Runtime),
    };
    let mut link = Some(error);
    // As deep as a report goes: a chain may be a ring.
    for _ in 0..=text::CHAIN_LIMIT {
        let error = link?;
        if let Some(error) = error.downcast_ref::<AdoptError>() {
            let is_stop = error.kind() == AdoptErrorKind::Stopping;
            return end(is_stop, error.is_of_group());
        }
        if let Some(error) = error.downcast_ref::<ExecuteError>() {
            let is_stop = matches!(
                error.kind(),
                ExecuteErrorKind::Stopping | ExecuteErrorKind::Cancelled
            );
            return end(is_stop, error.is_of_group());
        }
        if let Some(error) = error.downcast_ref::<ServeError>() {
            let is_stop = error.kind() == ServeErrorKind::Stopping;
            return end(is_stop, error.is_of_group());
        }
        if let Some(error) = error.downcast_ref::<ReadyError>() {
            let is_stop = error.kind() == ReadyErrorKind::Stopping;
            return end(is_stop, error.is_of_group());
        }
        if let Some(error) = error.downcast_ref::<PlaceError>() {
            let is_stop = error.kind() == PlaceErrorKind::Stopping;
            return end(is_stop, error.is_of_group());
        }
        if let Some(error) = error.downcast_ref::<GroupError>() {
            let is_stop = error.kind() == GroupErrorKind::Stopping;
            return end(is_stop, error.is_of_group());
        }
        // Three errors that do not return their inner error as `source()`.
        if let Some(permanent) = error.downcast_ref::<Permanent>() {
            link = Some(permanent.inner());
            continue;
        }
        if let Some(inner) = error.downcast_ref::<RunError>() {
            return inner.refusal().and_then(|error| end_in(error));
        }
        link = match error
            .downcast_ref::<std::io::Error>()
            .and_then(|error| error.get_ref())
        {
            Some(inner) => Some(inner),
            None => source_of(error),
        };
    }
    None
}
