//! The attribute `service`: writes an implementation of `Service`, which can also be written by hand.
//!
//! Use it through the facade, as `foster::service`, or through core with its feature `macros`, as
//! `foster_core::service`. The guide has a chapter on [services](https://github.com/foster-rs/foster/blob/main/docs/guide/src/services.md).
//!
//! Deliberately missing: code that a program could not write itself.
#![forbid(unsafe_code)]

mod expand;
mod options;
mod refused;

use proc_macro::TokenStream;

/// Makes a service of a type, or of a free function.
///
/// On an `impl` block it implements `Service` for the type, with the `run` in the block:
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
/// A free function becomes a service, handed in by its name. A call no longer runs the function but returns
/// its description; `Service::run(&status_page)` runs the body.
///
/// ```text
/// #[foster::service(flavour = Tokio, after = ["database"])]
/// async fn status_page() -> anyhow::Result<()> { … }
///
/// runtime.serve(status_page)?;
/// ```
///
/// `run`, or the function, is an `async fn` on an async flavour and a plain `fn` on a flavour of threads. It
/// takes no arguments, except the `&self` of `run`. A `run` that takes `self` owns its value and runs once: the
/// attribute writes an implementation of `OwnedService`. Options that would need a second value (`restart`, `startable`)
/// are then refused when the service is handed in, unless each run has a value of its own (`Runtime::serve_with`).
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `flavour = Smol` | the key of the flavour, such as `Tokio` or `TokioMultiThread::new().worker_threads(2)`; needed |
/// | `key = Instance<Smol>` | the key's type, if `flavour` is an expression that does not begin with it, such as the name of a constant |
/// | `name = "beat"` | `Settings::name` |
/// | `restart = "on-failure"` | `Settings::restart`: `"never"`, `"on-failure"`, `"always"`, or an expression of type `Restart` |
/// | `after = ["database"]`, `requires = ["database"]` | `Settings::after`, `Settings::requires`, once for each name |
/// | `part_of = ["listener"]` | `Settings::part_of`, once for each name |
/// | `notifies_ready`, `return_is_failure`, `may_fail`, `startable`, `restart_on_reload` | the settings of these names |
/// | `start_timeout = …`, `stop_time = …` | the settings of these names; an expression of type `Duration` |
/// | `linked` | on free functions: the linker collects the service, for builders with `linked_services()` |
/// | `crate = path` | the path of Foster, if not `::foster` |
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(options.into(), item.into(), "foster").into()
}

/// [`macro@service`] for programs on core alone: the path of Foster is `::foster_core`, unless `crate` is set.
#[proc_macro_attribute]
pub fn core_service(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(options.into(), item.into(), "foster_core").into()
}
