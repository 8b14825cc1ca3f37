//! Functions and closures that are services.

use std::fmt;

use super::{PayloadOf, Service, Settings};
use crate::contract::key::Key;
use crate::payload::{Kind, Run};

/// A service made of a closure or a function: see [`service`].
#[derive(Clone)]
pub struct FnService<K, F> {
    key: K,
    run: F,
    /// Boxed, as most have none, and the service is moved about.
    settings: Option<Box<Settings>>,
}

/// Makes a service of `run`, on the flavour of `key`.
///
/// ```
/// use foster_core::{Manual, Runtime, Settings, service};
///
/// let (runtime, manual) = (Runtime::new(), Manual::new());
/// runtime.serve(service(manual.clone(), || async { /* … */ }))?;
/// runtime.unit().name("poller").serve(service(manual, || async { Ok::<(), String>(()) }))?;
/// # Ok::<(), foster_core::ServeError>(())
/// ```
///
/// The closure is called for each start, so it keeps what it captures; a run that needs to own something clones it,
/// or is made by [`service_once`](super::service_once).
/// Without a [name](Settings::name) the service is called after the place that hands it in.
pub fn service<K, F, A>(key: K, run: F) -> FnService<K, F>
where
    K: Key<Payload: Kind>,
    F: Fn() -> A + 'static,
    A: Run<K::Payload> + 'static,
{
    FnService {
        key,
        run,
        settings: None,
    }
}

impl<K, F> FnService<K, F> {
    /// Gives it settings.
    #[must_use]
    pub fn with(mut self, settings: Settings) -> Self {
        self.settings = Some(Box::new(settings));
        self
    }
}

impl<K, F, A> Service for FnService<K, F>
where
    K: Key<Payload: Kind>,
    F: Fn() -> A + 'static,
    A: Run<K::Payload> + 'static,
{
    type Flavour = K;

    fn flavour(&self) -> K {
        self.key.clone()
    }

    fn settings(&self) -> Settings {
        self.settings.as_deref().cloned().unwrap_or_default()
    }

    fn run(&self) -> impl Run<K::Payload> {
        (self.run)()
    }
}

impl<K: fmt::Debug, F> fmt::Debug for FnService<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnService")
            .field("key", &self.key)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What a free function with the attribute `service` returns: how it is run as a service.
///
/// The function stays a function, so that its name can be shadowed: `let page = runtime.serve(page)?;`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a function that returns `{Self}` is no service",
    label = "not a service",
    note = "put `#[service(flavour = …)]` on the function, or name the flavour here: `service(flavour, the_function)`"
)]
pub trait Described {
    type Flavour: Key<Payload: Kind>;

    fn flavour() -> Self::Flavour;

    fn settings() -> Settings;

    fn run() -> impl Run<<Self::Flavour as Key>::Payload>;
}

#[diagnostic::do_not_recommend]
impl<F: Fn() -> D + 'static, D: Described> Service for F {
    type Flavour = D::Flavour;

    fn flavour(&self) -> D::Flavour {
        D::flavour()
    }

    fn settings(&self) -> Settings {
        D::settings()
    }

    fn run(&self) -> impl Run<PayloadOf<Self>> {
        D::run()
    }
}
