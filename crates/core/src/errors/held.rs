//! Values that errors hold for whoever takes them out.

use std::any::Any;
use std::fmt;

use crate::base::sync::{Mutex, PoisonError};

/// A value of any type in an error. Locked only so that threads can share the error: it is taken out with that, and
/// never looked at.
pub(crate) struct Held(Mutex<Box<dyn Any + Send>>);

impl Held {
    pub(crate) fn new(value: Box<dyn Any + Send>) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn into_inner(self) -> Box<dyn Any + Send> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, if it is a `T`.
    pub(crate) fn downcast<T: 'static>(self) -> Result<T, Box<Self>> {
        let value = self.into_inner().downcast();
        value
            .map(|value| *value)
            .map_err(|value| Box::new(Self::new(value)))
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}
