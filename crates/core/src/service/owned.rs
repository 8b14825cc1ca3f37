//! Services whose run takes their value.

use std::fmt;

use super::definition::{PayloadOf, Service};
use super::settings::Settings;
use crate::base::sync::{Mutex, PoisonError, lock};
use crate::contract::key::Key;
use crate::payload::{Kind, Run};

/// A [`Service`] whose run owns what it works with: its value is used up by its first run.
///
/// It is handed in like any other. Settings that would need a second value are refused: a [`Restart`](crate::Restart)
/// policy, and
/// [`startable`](Settings::startable). With [`Runtime::serve_with`](crate::Runtime::serve_with) each run has a value of its own,
/// and all of them are allowed.
///
/// ```
/// use foster_core::{Coroutine, Manual, OwnedService, Run, Runtime};
///
/// struct Import {
///     flavour: Manual, // `Smol` or `Tokio` in a program
///     rows: Vec<String>,
/// }
///
/// impl OwnedService for Import {
///     type Flavour = Manual;
///
///     fn flavour(&self) -> Manual {
///         self.flavour.clone()
///     }
///
///     fn run(self) -> impl Run<Coroutine> {
///         async move { self.rows.into_iter().for_each(drop) }
///     }
/// }
///
/// let (runtime, flavour) = (Runtime::new(), Manual::new());
/// runtime.serve(Import { flavour, rows: vec!["one".to_owned()] })?;
/// # Ok::<(), foster_core::ServeError>(())
/// ```
///
/// [`service_once`] makes one of a closure; the attribute `service` makes one of an `impl` whose `run` takes `self`. A
/// [`restart`](crate::Unit::restart) by hand ends it, unless each run has a value.
pub trait OwnedService: 'static {
    /// As [`Service::Flavour`].
    type Flavour: Key<Payload: Kind>;

    /// As [`Service::flavour`].
    fn flavour(&self) -> Self::Flavour;

    /// As [`Service::settings`].
    fn settings(&self) -> Settings {
        Settings::new()
    }

    /// Runs the service, once: as [`Service::run`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    fn run(self) -> impl Run<<Self::Flavour as Key>::Payload>;
}

/// An [`OwnedService`] as a [`Service`] that runs once.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "never leaves the crate")]
pub struct Once<S>(Mutex<Option<S>>);

impl<S> Once<S> {
    pub(super) fn new(service: S) -> Self {
        Self(Mutex::new(Some(service)))
    }

    /// The service, which has not run.
    pub(super) fn into_inner(self) -> S {
        let service = self.0.into_inner();
        let service = service.unwrap_or_else(PoisonError::into_inner);
        service.expect("it has not run")
    }

    fn ask<R>(&self, what: impl FnOnce(&S) -> R) -> R {
        let service = lock(&self.0);
        what(service.as_ref().expect("it is asked before its run"))
    }
}

impl<S: OwnedService> Service for Once<S> {
    type Flavour = S::Flavour;

    fn flavour(&self) -> S::Flavour {
        self.ask(S::flavour)
    }

    fn settings(&self) -> Settings {
        self.ask(S::settings)
    }

    fn run(&self) -> impl Run<PayloadOf<Self>> {
        let service = lock(&self.0).take();
        service.expect("its value is kept for no other run").run()
    }
}

/// A service made of a closure that is called once: see [`service_once`].
#[derive(Clone)]
pub struct FnOnceService<K, F> {
    key: K,
    run: F,
    settings: Option<Box<Settings>>,
}

/// Makes a service of `run`, on the flavour of `key`, that owns what it captures and runs once.
///
/// ```
/// use foster_core::{Manual, Runtime, service_once};
///
/// let (runtime, manual) = (Runtime::new(), Manual::new());
/// let rows = vec![1, 2, 3];
/// runtime.serve(service_once(manual, move || async move { drop(rows) }))?;
/// # Ok::<(), foster_core::ServeError>(())
/// ```
///
/// In all else it is as [`service`](super::service): without a [name](Settings::name) it is called after the place that
/// hands it in.
pub fn service_once<K, F, A>(key: K, run: F) -> FnOnceService<K, F>
where
    K: Key<Payload: Kind>,
    F: FnOnce() -> A + 'static,
    A: Run<K::Payload> + 'static,
{
    let settings = None;
    FnOnceService { key, run, settings }
}

impl<K, F> FnOnceService<K, F> {
    /// Gives it settings.
    #[must_use]
    pub fn with(mut self, settings: Settings) -> Self {
        self.settings = Some(Box::new(settings));
        self
    }
}

impl<K, F, A> OwnedService for FnOnceService<K, F>
where
    K: Key<Payload: Kind>,
    F: FnOnce() -> A + 'static,
    A: Run<K::Payload> + 'static,
{
    type Flavour = K;

    fn flavour(&self) -> K {
        self.key.clone()
    }

    fn settings(&self) -> Settings {
        self.settings.as_deref().cloned().unwrap_or_default()
    }

    fn run(self) -> impl Run<K::Payload> {
        (self.run)()
    }
}

impl<K: fmt::Debug, F> fmt::Debug for FnOnceService<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnOnceService")
            .field("key", &self.key)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
