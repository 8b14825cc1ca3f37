//! One lifetime over several ways to run code.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[doc(no_inline)]
pub use foster_core::*;

#[cfg(feature = "smol")]
pub use foster_smol::Smol;
#[cfg(feature = "thread")]
pub use foster_thread::Thread;
#[cfg(feature = "tokio")]
pub use foster_tokio::Tokio;
