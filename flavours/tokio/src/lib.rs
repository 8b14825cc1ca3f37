//! The tokio flavours of Foster.
//!
//! | key | runs | on | payloads in parallel with each other (A3) |
//! |---|---|---|---|
//! | [`Tokio`] | coroutines, whose futures need not be `Send` | one thread, its own [`tokio::runtime::LocalRuntime`] | never |
//! | [`TokioMultiThread`](struct@TokioMultiThread) | parallels, whose futures are `Send` | several threads, its own tokio runtime | yes |
//! | [`TokioHandle`] | parallels | an existing tokio runtime | as that runtime decides |
//!
//! Depend on this crate and `foster-core` to take just this flavour; most programs depend on the
//! facade, `foster`, with its feature `tokio`. The guide compares all flavours:
//! [Choosing a flavour](https://github.com/foster-rs/foster/blob/main/docs/guide/src/flavours.md).
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
//! # Time in tests
//!
//! Code that waits by [`Clock::current`](foster_core::Clock::current) follows a manual clock on every flavour. Libraries
//! wait by tokio's own timers. On a [`Clock::manual_with_executors`](foster_core::Clock::manual_with_executors) these
//! follow as well, in the flavour [`Tokio`]:
//!
//! ```
//! # #[cfg(feature = "test-util")]
//! # fn main() -> Result<(), foster_core::RunError> {
//! use foster_core::{Clock, Runtime};
//! use foster_tokio::Tokio;
//! use std::time::Duration;
//!
//! let clock = Clock::manual_with_executors();
//! let runtime = Runtime::builder().clock(clock.clone()).until_idle().build();
//! runtime.adopt(Tokio, || async {
//!     tokio::time::sleep(Duration::from_secs(3600)).await;
//! })?;
//! runtime.start()?;
//! // A sleep counts from its first poll, which has been once this comes back.
//! runtime.execute(Tokio, || async {}).expect("it runs");
//! clock.advance(Duration::from_secs(3600));
//! runtime.wait() // at once
//! # }
//! # #[cfg(not(feature = "test-util"))]
//! # fn main() {}
//! ```
//!
//! - `advance` passes through tokio's timers in order, and waits at each until tokio has nothing left to do. What they
//!   wake sees the same time on both clocks. They are rounded up to milliseconds, as ever.
//! - Between two moments of Foster's own, such as the ends of its sleeps, only tokio's timers fire. A sleep by Foster's
//!   clock that such a timer begins, and that would end before the next of these moments, ends at that moment.
//! - Tokio's time stands still unless the clock moves. It does not advance by itself when tokio has nothing to do.
//! - The time of the other two flavours cannot be paused, as tokio can do so on one thread alone, and only to a runtime
//!   of its own. There tokio's timers go on in real time.
//!
//! # Crate features
//!
//! | feature | adds |
//! |---|---|
//! | `test-util` | the above, by tokio's feature of the same name |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod driven;
mod drivers;
mod flavour;
mod handle;
mod multi_thread;
#[cfg(feature = "test-util")]
mod paused;

pub use crate::flavour::Tokio;
pub use crate::handle::TokioHandle;
pub use crate::multi_thread::TokioMultiThread;
