//! What a service comes after.

use std::borrow::Cow;
use std::fmt;

use super::unit_core::UnitCore;
use crate::base::sync::Arc;

/// What a service comes [after](crate::Settings::after): a unit, or a name.
#[derive(Clone)]
pub struct Dependency {
    pub(crate) other: Other,
    /// The service does not start without it, even if it may fail.
    pub(crate) is_required: bool,
}

#[derive(Clone)]
pub(crate) enum Other {
    Name(Cow<'static, str>),
    Unit(Arc<UnitCore>),
}

impl From<&'static str> for Dependency {
    fn from(name: &'static str) -> Self {
        Self::new(Other::Name(name.into()))
    }
}

impl From<String> for Dependency {
    fn from(name: String) -> Self {
        Self::new(Other::Name(name.into()))
    }
}

impl Dependency {
    pub(super) fn new(other: Other) -> Self {
        let is_required = false;
        Self { other, is_required }
    }

    pub(super) fn of_unit(unit: Arc<UnitCore>) -> Self {
        Self::new(Other::Unit(unit))
    }

    pub(super) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    pub(crate) fn name(&self) -> &str {
        match &self.other {
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
