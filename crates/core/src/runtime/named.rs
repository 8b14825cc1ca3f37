//! Handing in a payload under a name.

use std::borrow::Cow;
use std::panic::Location;

use super::call::Call;
use super::handle::Runtime;
use crate::errors::outcome::Outcome;
use crate::errors::refusal::{AdoptError, ExecuteError};
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;

/// A runtime together with a name for the next payload: see [`Runtime::named`].
#[derive(Debug, Clone)]
#[must_use = "a name does nothing until a payload is handed in under it"]
pub struct Named<'a> {
    runtime: &'a Runtime,
    name: Cow<'static, str>,
}

impl Runtime {
    /// Puts a name on the next payload, by which reports know it. Without one it is known by the
    /// place where it was handed in, such as `src/main.rs:12`. Several may have one name; an empty name
    /// is refused, when the payload is handed in.
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
    /// As there; if the name is empty.
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
    /// As there; if the name is empty.
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

    /// [`Runtime::call`], under this name; errors and panics are those of the [`Call`], as there. An empty name
    /// is such an error.
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
