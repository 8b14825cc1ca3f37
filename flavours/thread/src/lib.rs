//! The thread flavour of Foster: subroutines, each on its own OS thread.
//!
//! Depend on this crate and `foster-core` to take just this flavour; most programs depend on the
//! facade, `foster`, with its feature `thread`. The guide compares all flavours:
//! [Choosing a flavour](https://github.com/foster-rs/foster/blob/main/docs/guide/src/flavours.md).
//!
//! Deliberately missing: a limit on the number of threads. A group has one: `GroupBuilder::limit`.
//!
//! ```
//! use foster_core::Runtime;
//! use foster_thread::Thread;
//!
//! let runtime = Runtime::builder().until_idle().build();
//! runtime.adopt(Thread, || println!("blocking is fine here"))?;
//! runtime.run()?;
//! # Ok::<(), foster_core::RunError>(())
//! ```
//!
//! # Crate features
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod crew;
mod flavour;
mod threads;

pub use crate::flavour::Thread;
