//! Names for payloads that are handed in.

use std::borrow::Cow;
use std::panic::Location;

use super::call::Call;
use super::handle::Runtime;
use crate::errors::outcome::Outcome;
use crate::errors::refusal::{AdoptError, ExecuteError};
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;

/// A runtime with a name for the next payload: see [`Runtime::named`].
#[derive(Debug, Clone)]
#[must_use = "a name does nothing until a payload is handed in under it"]
pub struct Named<'a> {
    runtime: &'a Runtime,
    name: Cow<'static, str>,
}

impl Runtime {
    /// Gives the next payload a name, which reports show. Without one they show the place where the
    /// payload was handed in, such as `src/main.rs:12`.
    ///
    /// Several payloads may have the same name. An empty name is refused when the payload is handed
    /// in.
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// runtime.named("poller").adopt(manual, || async { /* … */ })?;
    /// # Ok::<(), foster_core::AdoptError>(())
    /// ```
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> Named<'_> {
        Named::new(self, name.into())
    }
}

impl<'a> Named<'a> {
    pub(super) fn new(runtime: &'a Runtime, name: Cow<'static, str>) -> Self {
        Self { runtime, name }
    }

    /// [`Runtime::adopt`], under this name.
    ///
    /// # Errors
    ///
    /// As [`Runtime::adopt`]. Also if the name is empty.
    #[track_caller]
    pub fn adopt<C, P>(self, key: C, payload: P) -> Result<(), AdoptError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Outcome>,
    {
        let core = self.runtime.core();
        core.adopt(key, payload, Some(self.name), Location::caller())
    }

    /// [`Runtime::execute`], under this name.
    ///
    /// # Errors
    ///
    /// As [`Runtime::execute`]. Also if the name is empty.
    ///
    /// # Panics
    ///
    /// With the payload's own panic.
    #[track_caller]
    pub fn execute<C, P>(self, key: C, payload: P) -> Result<P::Output, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send>,
    {
        let core = self.runtime.core();
        core.execute(key, payload, Some(self.name), Location::caller())
    }

    /// [`Runtime::call`], under this name. Errors and panics are those of the [`Call`]; an empty
    /// name is an error as well.
    #[track_caller]
    pub fn call<C, P>(self, key: C, payload: P) -> Call<P::Output>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let core = self.runtime.core();
        Call::new(core, key, payload, Some(self.name), Location::caller())
    }
}
