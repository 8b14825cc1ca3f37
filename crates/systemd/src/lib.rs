#![doc = include_str!("../README.md")]
//!
//! # Where to go on
//!
//! [`serve`] says what is told and what it costs, [`sockets`] and [`Sockets`] what is handed over, [`Systemd`] what can be
//! set. The guide has a recipe: [systemd](https://github.com/foster-rs/foster/blob/main/docs/guide/src/recipes/systemd.md).
//!
//! # Crate features
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]
// Elsewhere nothing is ever handed over, and nobody is told: what is made there alone is never made.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

mod error;
mod sockets;
mod systemd;

#[cfg(target_os = "linux")]
mod environment;
#[cfg(target_os = "linux")]
mod fenced;
#[cfg(target_os = "linux")]
mod handed;
#[cfg(target_os = "linux")]
mod look;
#[cfg(target_os = "linux")]
mod message;
#[cfg(target_os = "linux")]
mod notifier;
#[cfg(target_os = "linux")]
mod platform;
#[cfg(target_os = "linux")]
mod sender;
#[cfg(target_os = "linux")]
mod serving;
#[cfg(target_os = "linux")]
mod told;

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod platform;

pub use crate::error::{SocketError, SocketErrorKind, SystemdError, SystemdErrorKind};
pub use crate::sockets::Sockets;
pub use crate::systemd::{Systemd, serve, sockets};
