//! The attribute `service`: it writes an implementation of `Service`, which can be written by hand.
//!
//! Use it through the facade, as `foster::service`, or through core with its feature `macros`, as
//! `foster_core::service`.
//!
//! Deliberately missing: anything that a program could not write itself.
#![forbid(unsafe_code)]

mod expand;
mod options;
mod refused;

use proc_macro::TokenStream;

/// Makes a service of a type, or of a free function.
///
/// On an `impl` block it implements `Service` for the type, by the `run` in the block:
///
/// ```text
/// struct Beat { every: Duration }
///
/// #[foster::service(flavour = Smol, restart = "on-failure")]
/// impl Beat {
///     async fn run(&self) -> anyhow::Result<()> { … }
/// }
///
/// runtime.serve(Beat { every })?;
/// ```
///
/// A free function becomes a service itself: it is handed in by its name. Calling it does not run it any more,
/// but gives its description; `Service::run(&status_page)` runs its body.
///
/// ```text
/// #[foster::service(flavour = Tokio, after = ["database"])]
/// async fn status_page() -> anyhow::Result<()> { … }
///
/// runtime.serve(status_page)?;
/// ```
///
/// `run`, or the function, is an `async fn` on an async flavour and a plain `fn` on a flavour of threads. It
/// takes nothing, but for the `&self` of `run`.
///
/// # Options
///
/// | option | which means |
/// |---|---|
/// | `flavour = Smol` | the key of the flavour, such as `Tokio` or `TokioMultiThread::new().worker_threads(2)`; needed |
/// | `key = Instance<Smol>` | the key's type, where `flavour` is an expression that does not begin with it, such as the name of a constant |
/// | `name = "beat"` | `Settings::name` |
/// | `restart = "on-failure"` | `Settings::restart`: `"never"`, `"on-failure"`, `"always"`, or an expression that is a `Restart` |
/// | `after = ["database"]` | `Settings::after`, for each |
/// | `notifies_ready`, `return_is_failure` | the settings of these names |
/// | `start_timeout = …`, `stop_time = …` | the settings of these names; an expression that is a `Duration` |
/// | `linked` | on free functions: the service is collected when the program is linked, for builders that say `linked_services()` |
/// | `crate = path` | where Foster is, if not at `::foster` |
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(options.into(), item.into(), "foster").into()
}

/// [`macro@service`] for those who depend on core alone: Foster is at `::foster_core`, unless `crate` says
/// otherwise.
#[proc_macro_attribute]
pub fn core_service(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(options.into(), item.into(), "foster_core").into()
}
