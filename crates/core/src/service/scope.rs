//! Where things are started: a runtime or a group of it.

use std::borrow::Cow;
use std::panic::Location;

use super::group::Group;
use super::group_builder::GroupBuilder;
use super::{Served, Unit, UnitBuilder, UnitStatus};
use crate::errors::outcome::Outcome;
use crate::errors::refusal::{AdoptError, ExecuteError};
use crate::errors::serve::ServeError;
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;
use crate::runtime::{Call, Named, Runtime};

/// Where things are started: a [`Runtime`], or a [`Group`] of it.
///
/// A function that starts something takes one, and whoever calls it decides what that is a part of. The verbs are those of
/// both; each is described there.
///
/// ```
/// use foster_core::{Coroutine, Group, Key, Manual, Runtime, Scope, ServeError, Unit, service};
///
/// fn start_poller(scope: &impl Scope, flavour: impl Key<Payload = Coroutine>) -> Result<Unit, ServeError> {
///     scope.unit().name("poller").serve(service(flavour, || async { /* … */ }))
/// }
///
/// let (runtime, manual) = (Runtime::new(), Manual::new());
/// let ingest: Group = runtime.group("ingest").create()?;
/// assert_eq!(start_poller(&runtime, manual.clone())?.name(), "poller");
/// assert_eq!(start_poller(&ingest, manual)?.name(), "ingest/poller");
/// # Ok::<(), foster_core::RunError>(())
/// ```
///
/// The trait is closed.
pub trait Scope: sealed::Part {
    /// [`Runtime::adopt`] or [`Group::adopt`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    fn adopt<C, P>(&self, key: C, payload: P) -> Result<(), AdoptError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Outcome> + Send + 'static,
    {
        let who = (None, Location::caller());
        let (core, site) = self.__place();
        core.adopt::<true, _, _>(site, key, payload, who, &mut None)
    }

    /// [`Runtime::execute`] or [`Group::execute`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// With the payload's own panic.
    #[track_caller]
    fn execute<C, P>(&self, key: C, payload: P) -> Result<P::Output, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let who = (None, Location::caller());
        let (core, site) = self.__place();
        core.execute::<true, _, _>(site, key, payload, who)
    }

    /// [`Runtime::call`] or [`Group::call`].
    #[track_caller]
    fn call<C, P>(&self, key: C, payload: P) -> Call<P::Output>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let who = (None, Location::caller());
        let (core, site) = self.__place();
        Call::new::<true, _, _>(core, site, key, payload, who)
    }

    /// [`Runtime::named`] or [`Group::named`].
    fn named(&self, name: impl Into<Cow<'static, str>>) -> Named<'_> {
        let (core, site) = self.__place();
        Named::new(core, site, name.into())
    }

    /// [`Runtime::serve`] or [`Group::serve`].
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    fn serve<S: Served<Way> + Send, Way>(&self, service: S) -> Result<Unit, ServeError> {
        self.unit().serve(service)
    }

    /// [`Runtime::serve_with`] or [`Group::serve_with`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// With a panic of the first call of `make`.
    #[track_caller]
    fn serve_with<S: Served<Way> + Send, Way>(
        &self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Unit, ServeError> {
        self.unit().serve_with(make)
    }

    /// [`Runtime::unit`] or [`Group::unit`].
    fn unit(&self) -> UnitBuilder<'_>;

    /// [`Runtime::group`] or [`Group::group`].
    fn group(&self, name: impl Into<Cow<'static, str>>) -> GroupBuilder;

    /// [`Runtime::units`] or [`Group::units`].
    fn units(&self) -> Vec<UnitStatus>;

    /// [`Runtime::shutdown`] or [`Group::shutdown`].
    fn shutdown(&self);
}

impl Scope for Runtime {
    fn unit(&self) -> UnitBuilder<'_> {
        self.unit()
    }

    fn group(&self, name: impl Into<Cow<'static, str>>) -> GroupBuilder {
        self.group(name)
    }

    fn units(&self) -> Vec<UnitStatus> {
        self.units()
    }

    fn shutdown(&self) {
        self.shutdown();
    }
}

impl Scope for Group {
    fn unit(&self) -> UnitBuilder<'_> {
        self.unit()
    }

    fn group(&self, name: impl Into<Cow<'static, str>>) -> GroupBuilder {
        self.group(name)
    }

    fn units(&self) -> Vec<UnitStatus> {
        self.units()
    }

    fn shutdown(&self) {
        self.shutdown();
    }
}

mod sealed {
    use super::{Group, Runtime};
    use crate::base::sync::Arc;
    use crate::runtime::core::Core;
    use crate::runtime::site::Site;

    #[allow(
        private_interfaces,
        reason = "the trait is closed, nobody else can call it"
    )]
    pub trait Part {
        #[doc(hidden)]
        fn __place(&self) -> (&Arc<Core>, &Arc<Site>);
    }

    #[allow(
        private_interfaces,
        reason = "the trait is closed, nobody else can call it"
    )]
    impl Part for Runtime {
        fn __place(&self) -> (&Arc<Core>, &Arc<Site>) {
            (self.core(), &self.core().root)
        }
    }

    #[allow(
        private_interfaces,
        reason = "the trait is closed, nobody else can call it"
    )]
    impl Part for Group {
        fn __place(&self) -> (&Arc<Core>, &Arc<Site>) {
            (self.core(), self.site())
        }
    }
}
