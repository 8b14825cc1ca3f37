//! What a service is.

use super::settings::Settings;
use crate::contract::key::Key;
use crate::payload::{Kind, Run};

/// The kind of payload that the flavour of the service `S` runs.
pub type PayloadOf<S> = <<S as Service>::Flavour as Key>::Payload;

/// A part of a daemon that a runtime runs from its start to its end: a value, a flavour, and a `run`.
///
/// A service is handed in with [`Runtime::serve`](crate::Runtime::serve), which gives a
/// [`Unit`](crate::Unit) to look at it and to stop or restart it. Its settings say what happens when it ends. The
/// attribute `service` writes the implementation; by hand it is no longer:
///
/// ```
/// use foster_core::{Coroutine, Manual, Run, Runtime, Service, Settings};
///
/// struct Beat {
///     flavour: Manual, // `Smol` or `Tokio` in a program
/// }
///
/// impl Service for Beat {
///     type Flavour = Manual;
///
///     fn flavour(&self) -> Manual {
///         self.flavour.clone()
///     }
///
///     fn settings(&self) -> Settings {
///         Settings::new().name("beat")
///     }
///
///     fn run(&self) -> impl Run<Coroutine> {
///         async { println!("once") }
///     }
/// }
///
/// let manual = Manual::new();
/// let runtime = Runtime::builder().until_idle().build();
/// let beat = runtime.serve(Beat { flavour: manual.clone() })?;
/// runtime.start()?;
/// while !beat.state().is_over() {
///     manual.step();
/// }
/// runtime.wait()?;
/// # Ok::<(), foster_core::RunError>(())
/// ```
///
/// `async fn run(&self) -> …` is accepted as well, and so is a plain `fn run(&self) -> Result<…>` on a
/// flavour of threads. The compiler then warns that the signature is narrower than the trait's, which is
/// intended: put `#[allow(refining_impl_trait)]` on the method.
///
/// For a service without a type of its own see [`service`](super::service), for one whose run owns its value
/// [`OwnedService`](super::OwnedService).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no service",
    label = "not a service",
    note = "put `#[service(flavour = …)]` on the `impl` block with its `run`, or on a free function",
    note = "or implement `Service` by hand; a closure becomes one with `service(flavour, || …)`"
)]
pub trait Service: 'static {
    /// The key of the flavour that it runs on. The flavour's payloads must be of a kind that core
    /// knows: coroutines, parallels or subroutines.
    type Flavour: Key<Payload: Kind>;

    /// The key itself. Asked once, when the service is handed in.
    fn flavour(&self) -> Self::Flavour;

    /// Its name, order and policy, where they are not to be the default. Asked once, when the service
    /// is handed in; what the caller sets there wins.
    fn settings(&self) -> Settings {
        Settings::new()
    }

    /// Runs the service: once, unless its settings say that it is started again.
    ///
    /// Called on the flavour, in the first poll of the run's payload. On an async flavour it gives a future (an
    /// `async fn`); on a flavour of threads it does all its work here. The types that it may return are listed at
    /// [`Answer`](crate::Answer); the settings say what a return means.
    ///
    /// # Cancel safety
    ///
    /// As for every coroutine: a run that takes no [`Shutdown`](crate::Shutdown) token is dropped
    /// where it awaits.
    fn run(&self) -> impl Run<PayloadOf<Self>>;
}
