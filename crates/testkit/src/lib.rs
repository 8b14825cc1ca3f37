//! The contract of Foster's flavours, as test cases.
//!
//! To write a flavour, add this crate as a dev-dependency: one line in a test file checks the flavour
//! against every row of the contract that a flavour can break.
//!
//! ```
//! // tests/conformance.rs
//! # use foster_core::Manual;
//! # fn my_flavour() -> Manual { Manual::new() }
//! foster_testkit::conformance!(my_flavour());
//! ```
//!
//! Each case is a `#[test]`. The [`Kind`] of the payloads and the [`Setup`] decide which cases apply; a
//! case that does not apply says so in its output. A failing case names the row, and what was expected
//! and seen; no case hangs.
//!
//! The [`guide`] leads from nothing to a flavour that passes. [`rows`] lists the proved rows, [`cases`]
//! the cases that prove them. Foster's own guide has a chapter on
//! [a flavour of your own](https://github.com/foster-rs/foster/blob/main/docs/guide/src/recipes/own-flavour.md).
//!
//! Deliberately missing: any executor, and cases for one executor alone.
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
