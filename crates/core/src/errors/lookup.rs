//! The errors of registering flavours and of looking them up by name.

use std::error::Error;
use std::fmt;

use crate::base::identifier::Identifier;
use crate::base::text;

/// Two different keys have the same identifier.
#[derive(Debug, Clone)]
pub struct RegisterError {
    identifier: Identifier,
    text: String,
}

impl RegisterError {
    pub(crate) fn new(identifier: Identifier, text: String) -> Self {
        Self { identifier, text }
    }

    /// The identifier of both keys.
    pub fn identifier(&self) -> &Identifier {
        &self.identifier
    }
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for RegisterError {}

/// No flavour of that name and kind is registered. The text lists the registered ones.
#[derive(Debug, Clone)]
pub struct LookupError {
    given: String,
    wanted: &'static str,
    /// The kind of payload that the flavour of that name runs, if there is one.
    found: Option<&'static str>,
    registered: Vec<(Identifier, &'static str)>,
}

impl LookupError {
    /// Nothing is registered as `given` for payloads of the kind `wanted`. `registered` lists the
    /// registered flavours, each with its kind.
    pub(crate) fn new(
        given: &str,
        wanted: &'static str,
        registered: Vec<(Identifier, &'static str)>,
    ) -> Self {
        let found = registered.iter().find(|(known, _)| *known == *given);
        Self {
            given: given.to_owned(),
            wanted,
            found: found.map(|(_, kind)| *kind),
            registered,
        }
    }

    /// The name that was looked up.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The identifiers that a look-up can find.
    pub fn registered(&self) -> impl Iterator<Item = &Identifier> {
        self.registered.iter().map(|(identifier, _)| identifier)
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = text::line(&self.given, text::NAME_LIMIT);
        match self.found {
            Some(found) => write!(f, "flavour `{given}` runs {found}s, not {}s", self.wanted)?,
            None => write!(f, "no flavour `{given}` here")?,
        }
        f.write_str(" (registered: ")?;
        if self.registered.is_empty() {
            f.write_str("none")?;
        }
        for (index, (identifier, payload)) in self.registered.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{identifier} for {payload}s")?;
        }
        f.write_str(")")
    }
}

impl Error for LookupError {}
