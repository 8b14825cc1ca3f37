//! The contract of Foster's flavours, as test cases.
//!
//! Depend on it (as a dev-dependency) if you write a flavour: one line in a test file checks it
//! against every row of the contract that a flavour can break.
//!
//! ```
//! // tests/conformance.rs
//! # use foster_core::Manual;
//! # fn my_flavour() -> Manual { Manual::new() }
//! foster_testkit::conformance!(my_flavour());
//! ```
//!
//! Each case is a `#[test]`. Which apply is seen from what the flavour can do: the [`Kind`] of its
//! payloads, and the [`Setup`]. One that does not apply says so in its output. A case that fails
//! names the row, what was expected and what was seen; none hangs.
//!
//! The [`guide`] leads from nothing to a flavour that passes; [`rows`] are what is proved, [`cases`]
//! what proves it.
//!
//! Deliberately missing: any executor, and cases that can only be true for one.
//!
//! # Crate features
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[doc = include_str!("guide.md")]
pub mod guide {}

mod bench;
mod case;
mod cases;
mod echo;
mod kind;
mod lend;
mod macros;
mod rows;
mod setup;
mod tools;
mod verdict;

#[doc(hidden)]
pub use crate::case::__test;
pub use crate::case::{CaseInfo, assert_conforms, cases, check};
pub use crate::kind::{Kind, Subject};
pub use crate::rows::{Row, rows, rows_proved_everywhere};
pub use crate::setup::Setup;
pub use crate::verdict::{Verdict, Violation};
