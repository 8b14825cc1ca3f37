//! The tokio flavours of Foster.
//!
//! | key | runs | on | payloads in parallel with each other (A3) |
//! |---|---|---|---|
//! | [`Tokio`] | coroutines, whose futures need not be `Send` | one thread, its own [`tokio::runtime::LocalRuntime`] | never |
//! | [`TokioMultiThread`](struct@TokioMultiThread) | parallels, whose futures are `Send` | several threads, its own tokio runtime | yes |
//! | [`TokioHandle`] | parallels | an existing tokio runtime | as that runtime decides |
//!
//! Depend on this crate and `foster-core` to take just this flavour; most programs depend on the
//! facade, `foster`, with its feature `tokio`.
//!
//! It is Foster's tokio-compat layer: inside a payload `tokio::spawn`, `spawn_local`, timers, sockets
//! and every library built on them work as usual. Payloads of other flavours reach them by `call`.
//!
//! ```
//! use foster_core::Runtime;
//! use foster_tokio::Tokio;
//!
//! let runtime = Runtime::builder().until_idle().build();
//! runtime.adopt(Tokio, || async {
//!     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
//! })?;
//! runtime.run()?;
//! # Ok::<(), foster_core::RunError>(())
//! ```
//!
//! # Crate features
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod driven;
mod flavour;
mod handle;
mod multi_thread;
mod parallels;

pub use crate::flavour::Tokio;
pub use crate::handle::TokioHandle;
pub use crate::multi_thread::TokioMultiThread;
