#![doc = include_str!("../README.md")]
//!
//! # Crate features
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod error;
mod watches;
mod worker;

pub use crate::error::failed;
pub use crate::watches::{Nudge, Watches};
pub use crate::worker::{Worker, limit};
