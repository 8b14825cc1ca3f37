//! Which payload, service or group a failure or an error is about.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::base::identifier::Identifier;
use crate::base::text;

/// What a failure or an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Payload,
    Service,
    Group,
}

/// The payload that a failure or an error is about; or the service, or the group.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) payload: Arc<str>,
    /// Whether the user chose `payload`. If not, `payload` already gives the place.
    pub(crate) named: bool,
    pub(crate) what: What,
    pub(crate) flavour: Identifier,
    pub(crate) location: &'static Location<'static>,
}

impl Origin {
    pub(crate) fn new(
        name: Option<Cow<'static, str>>,
        location: &'static Location<'static>,
        flavour: Identifier,
    ) -> Self {
        // An empty name is refused, and identifies nothing.
        let name = name.filter(|name| !name.is_empty());
        Self {
            named: name.is_some(),
            what: What::Payload,
            payload: match name {
                Some(name) => name.into(),
                None => format!("{}:{}", location.file(), location.line()).into(),
            },
            flavour,
            location,
        }
    }

    /// As a payload of the group with this path.
    pub(crate) fn inside(mut self, path: &str) -> Self {
        self.payload = format!("{path}/{}", self.payload).into();
        self
    }

    /// The payload's place, to print after its name. Empty if the name already is the place.
    pub(crate) fn place(&self) -> String {
        match self.named {
            true => format!(" (from {}:{})", self.location.file(), self.location.line()),
            false => String::new(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = text::line(&self.payload, text::NAME_LIMIT);
        let what = match self.what {
            What::Payload => "payload",
            What::Service => "service",
            What::Group => return write!(f, "group `{name}`"),
        };
        write!(f, "{what} `{name}` on {}", self.flavour)
    }
}
