//! Names for payloads that are handed in.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

use super::call::Call;
use super::core::Core;
use super::handle::Runtime;
use super::site::Site;
use crate::base::sync::Arc;
use crate::errors::outcome::Outcome;
use crate::errors::refusal::{AdoptError, ExecuteError};
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;

/// A runtime or a group with a name for the next payload: see [`Runtime::named`].
#[derive(Clone)]
#[must_use = "a name does nothing until a payload is handed in under it"]
pub struct Named<'a> {
    core: &'a Arc<Core>,
    site: &'a Arc<Site>,
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
        let core = self.core();
        Named::new(core, &core.root, name.into())
    }
}

impl<'a> Named<'a> {
    pub(crate) fn new(core: &'a Arc<Core>, site: &'a Arc<Site>, name: Cow<'static, str>) -> Self {
        Self { core, site, name }
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
        P: IntoPayload<C::Payload, Output: Outcome> + Send + 'static,
    {
        let who = (Some(self.name), Location::caller());
        self.core
            .adopt::<true, _, _>(self.site, key, payload, who, &mut None)
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
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let site = self.site_of_calls();
        let site = site.as_ref().unwrap_or(self.site);
        let who = (Some(self.name), Location::caller());
        self.core.execute::<true, _, _>(site, key, payload, who)
    }

    /// [`Runtime::call`], under this name. Errors and panics are those of the [`Call`]; an empty
    /// name is an error as well.
    #[track_caller]
    pub fn call<C, P>(self, key: C, payload: P) -> Call<P::Output>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let site = self.site_of_calls();
        let site = site.as_ref().unwrap_or(self.site);
        let who = (Some(self.name), Location::caller());
        Call::new::<true, _, _>(self.core, site, key, payload, who)
    }
}

impl Named<'_> {
    /// Of what is named through the runtime.
    fn site_of_calls(&self) -> Option<Arc<Site>> {
        match self.site.part.group() {
            None => Site::of_calls_here(&self.core.lifetime),
            Some(_) => None,
        }
    }
}

impl fmt::Debug for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = self.site.part.group().map(|group| &group.path);
        f.debug_struct("Named")
            .field("group", &group)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
