#![doc = include_str!("../README.md")]
//!
//! # Where to go on
//!
//! [`Admin`] has the settings, [`Bound::serve`] what the service does while the runtime starts, runs, is idle and stops.
//! What is shown is [`Status`](foster_core::status::Status). The guide has it beside other ways:
//! [A look inside](https://github.com/foster-rs/foster/blob/main/docs/guide/src/looking-inside.md).
//!
//! # Crate features
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod admin;
mod error;
mod events;
mod http;
mod listener;
mod live;
mod metrics;
mod page;
mod routes;
mod server;
mod stopping;

/// The entry point of `crates/admin/fuzz`.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod __fuzz {
    /// Plays a connection whose bytes, pieces and times are chosen by `bytes`; panics if it leaves its bounds.
    pub fn connection(bytes: &[u8]) {
        crate::http::machine::play::play(bytes);
    }
}

pub use crate::admin::{Admin, Bound};
pub use crate::error::{AdminError, AdminErrorKind};
