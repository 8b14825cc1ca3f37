//! Why there is no admin.

use std::error::Error;
use std::fmt;
use std::io;

use foster_core::ServeError;

/// Why an [`Admin`](crate::Admin) was not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdminErrorKind {
    /// Somebody answers at the address already.
    InUse,
    /// The address cannot be had.
    Address,
    /// The token cannot be sent as a header: it is empty, or has other characters than visible ASCII.
    Token,
    /// The runtime did not take the service.
    Service,
}

/// There is no admin: see [`Admin::serve`](crate::Admin::serve).
#[derive(Debug)]
pub struct AdminError {
    kind: AdminErrorKind,
    text: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl AdminError {
    pub(crate) fn new(kind: AdminErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            source: None,
        }
    }

    /// Of an address, with what the system says.
    pub(crate) fn address(address: impl fmt::Display, error: io::Error) -> Self {
        let (kind, why) = match error.kind() {
            io::ErrorKind::AddrInUse => (AdminErrorKind::InUse, "somebody answers there already"),
            _ => (AdminErrorKind::Address, "it cannot be listened at"),
        };
        Self {
            source: Some(Box::new(error)),
            ..Self::new(kind, format!("no admin at {address}: {why}"))
        }
    }

    /// Why there is no admin.
    pub fn kind(&self) -> AdminErrorKind {
        self.kind
    }
}

impl From<ServeError> for AdminError {
    fn from(error: ServeError) -> Self {
        Self {
            source: Some(Box::new(error)),
            ..Self::new(
                AdminErrorKind::Service,
                "the runtime did not take the admin",
            )
        }
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for AdminError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.source.as_ref()?)
    }
}
