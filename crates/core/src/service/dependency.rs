//! What a service comes after.

use std::borrow::Cow;
use std::fmt;

use super::unit_core::UnitCore;
use crate::base::sync::Arc;

/// What a service comes [after](crate::Settings::after): a unit, or a name.
#[derive(Clone)]
pub struct Dependency(pub(crate) Other);

#[derive(Clone)]
pub(crate) enum Other {
    Name(Cow<'static, str>),
    Unit(Arc<UnitCore>),
}

impl From<&'static str> for Dependency {
    fn from(name: &'static str) -> Self {
        Self(Other::Name(name.into()))
    }
}

impl From<String> for Dependency {
    fn from(name: String) -> Self {
        Self(Other::Name(name.into()))
    }
}

impl Dependency {
    pub(crate) fn name(&self) -> &str {
        match &self.0 {
            Other::Name(name) => name,
            Other::Unit(unit) => unit.name(),
        }
    }
}

impl fmt::Debug for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.name(), f)
    }
}
