//! The tokio flavour of Foster: coroutines on a [`tokio::runtime::LocalRuntime`] of their own.
//!
//! Depend on this crate together with `foster-core` to take just this flavour; programs usually
//! take the facade, `foster`, with its feature `tokio`.
//!
//! It is Foster's tokio-compat layer: inside a payload `tokio::spawn`, `spawn_local`, timers,
//! sockets and every library built on them work as usual, and with `call` they are at hand in the
//! payloads of other flavours, too.
//!
//! Deliberately missing: a way to use a tokio runtime that exists already, and tokio's
//! multi-threaded scheduler.
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

mod flavour;

pub use crate::flavour::Tokio;
