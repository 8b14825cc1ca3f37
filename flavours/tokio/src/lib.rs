//! The tokio flavours of Foster.
//!
//! | key | runs | on | A3: do its payloads run in parallel with each other? |
//! |---|---|---|---|
//! | [`Tokio`] | coroutines, whose futures need not be `Send` | one thread, a [`tokio::runtime::LocalRuntime`] of its own | never |
//! | [`TokioMultiThread`](struct@TokioMultiThread) | parallels, whose futures are `Send` | several threads, a tokio runtime of its own | yes |
//! | [`TokioHandle`] | parallels | a tokio runtime that exists already | as that runtime has it |
//!
//! Depend on this crate together with `foster-core` to take just this flavour; programs usually
//! take the facade, `foster`, with its feature `tokio`.
//!
//! It is Foster's tokio-compat layer: inside a payload `tokio::spawn`, `spawn_local`, timers,
//! sockets and every library built on them work as usual, and with `call` they are at hand in the
//! payloads of other flavours, too.
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
