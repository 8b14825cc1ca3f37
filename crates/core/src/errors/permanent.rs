//! An error after which a service is not to be started again.

use std::error::Error;
use std::fmt;

use crate::errors::refusal::BoxError;

/// An error that another run would only meet again, such as a wrong configuration: a service that returns it has failed and
/// is not started again, whatever its [`Restart`](crate::Restart) policy says.
///
/// [`Unit::restart`](crate::Unit::restart) and [`Unit::start`](crate::Unit::start) are no policy: a restart that was asked for
/// before the error goes on, and a [startable](crate::Settings::startable) service can be started again.
///
/// It may be anywhere in the chain of the error that is returned: `anyhow`'s context and another error's `source` keep it. It
/// reads like the error that it was made of.
///
/// ```
/// use foster_core::Permanent;
///
/// fn port(text: &str) -> anyhow::Result<u16> {
///     Ok(text.parse().map_err(Permanent::new)?)
/// }
///
/// let error = port("eighty").unwrap_err();
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// assert!(error.is::<Permanent>());
/// ```
///
/// A payload that is no service has no restarts, and fails with it as with any error. Foster's own errors "stopping" and
/// "cancelled" are no failures in here either.
pub struct Permanent(BoxError);

impl Permanent {
    /// Makes an error permanent.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }

    pub(crate) fn inner(&self) -> &(dyn Error + 'static) {
        &*self.0
    }

    /// The error that it was made of.
    pub fn into_inner(self) -> BoxError {
        self.0
    }
}

impl fmt::Display for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permanent").field(&self.0).finish()
    }
}

impl Error for Permanent {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The error itself is what is displayed.
        self.0.source()
    }
}
