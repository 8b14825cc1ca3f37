//! What a run of a service may return, and what that means.

use crate::errors::failure::Cause;
use crate::errors::outcome::{Outcome, cause_of};
use crate::errors::refusal::BoxError;

/// An end that a service reports, other than a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// The service has done its work. It is not started again, whatever its policy says.
    Done,
    /// The runtime is to end in order, as by [`shutdown`](crate::Runtime::shutdown); also if this service alone was asked
    /// to stop or to restart.
    Shutdown,
}

/// What the run of a service may return.
///
/// - Whatever an adopted payload may (see [`Outcome`]): `()`, `Result<(), E>`, `Option<T: Debug>` and
///   `!`. `Err` and `Some` are failures; the rest is a normal return, and the settings say what that
///   means.
/// - An [`Exit`], or a `Result<Exit, E>`: "do not start me again" and "end the runtime".
/// - An error with a [`Permanent`](crate::Permanent) in its chain: "failed, and do not start me again".
///
/// An error is always told. An error after [`stop`](crate::Unit::stop) or [`restart`](crate::Unit::restart) was called
/// belongs to the unit: its state is *failed*, the failure is kept, and nothing else ends. An error while the runtime
/// stops stands in the report. All failures of a service that [may fail](crate::Settings::may_fail) belong to its unit.
/// Foster's own errors "stopping" and "cancelled" are no failures, as everywhere. A panic always is.
///
/// The trait is closed.
#[diagnostic::on_unimplemented(
    message = "a service must not return `{Self}`: it has no caller who could receive the value",
    label = "services return nothing, an error or an `Exit`",
    note = "return `()`, `Result<(), E>`, `Exit`, `Result<Exit, E>`, `Option<T: Debug>` (where `Some` is a failure) or `!`",
    note = "if `{Self}` is a future, the `run` is an `async fn` and its flavour is one of threads: did you mean an async flavour?"
)]
pub trait Answer: sealed::Answer {}

/// What a run returned.
#[allow(missing_debug_implementations, reason = "never leaves the crate")]
pub struct Answered(pub(crate) Result<Option<Exit>, Cause>);

pub(crate) mod sealed {
    use super::Answered;

    pub trait Answer {
        #[doc(hidden)]
        fn answer(self) -> Answered;
    }
}

impl<T: Outcome> sealed::Answer for T {
    fn answer(self) -> Answered {
        Answered(self.verdict().map_or(Ok(None), Err))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Outcome> Answer for T {}

impl sealed::Answer for Exit {
    fn answer(self) -> Answered {
        Answered(Ok(Some(self)))
    }
}
impl Answer for Exit {}

impl<E: Into<BoxError> + 'static> sealed::Answer for Result<Exit, E> {
    fn answer(self) -> Answered {
        match self {
            Ok(exit) => exit.answer(),
            Err(error) => Answered(cause_of(error).map_or(Ok(None), Err)),
        }
    }
}
impl<E: Into<BoxError> + 'static> Answer for Result<Exit, E> {}
