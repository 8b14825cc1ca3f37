//! The smol flavour of Foster: coroutines on one thread, beside an [`async_executor::LocalExecutor`] and
//! [`async_io`]'s reactor.
//!
//! Depend on this crate and `foster-core` to take just this flavour; most programs depend on the
//! facade, `foster`, with its feature `smol`. The guide compares all flavours:
//! [Choosing a flavour](https://github.com/foster-rs/foster/blob/main/docs/guide/src/flavours.md).
//!
//! Timers, sockets, channels, `smol::spawn` and `smol::unblock` work inside a payload as usual, but tasks
//! spawned by the latter two are not watched. [`spawn_local`] spawns on the executor of the payload's thread.
//!
//! Deliberately missing: access to the executor from outside; use `adopt`.
//!
//! ```
//! use foster_core::Runtime;
//! use foster_smol::Smol;
//!
//! let runtime = Runtime::builder().until_idle().build();
//! runtime.adopt(Smol, || async {
//!     async_io::Timer::after(std::time::Duration::from_millis(1)).await;
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

mod children;
mod flavour;

pub use crate::children::spawn_local;
pub use crate::flavour::Smol;
#[doc(no_inline)]
pub use async_executor::Task;
