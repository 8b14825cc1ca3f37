//! Foster's core: the contract between a runtime and its flavours, the payloads, and the runner.
//!
//! Depend on this crate to write a flavour, or to use Foster with just the backend crates that you
//! name (`foster-core` and `foster-tokio`, say). Programs usually take the facade, `foster`, which
//! has all of it under one name and selects flavours by Cargo feature.
//!
//! Core knows no executor. Deliberately missing: anything that names one, a default flavour, and
//! code that runs before `main`.
//!
//! # Crate features
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

mod body;
mod bound;
mod clock;
mod context;
mod deadlock;
mod envelope;
mod error;
mod executor_thread;
mod failure;
mod flavour;
mod identifier;
mod intake;
mod joining;
mod key;
mod latch;
mod lifetime;
mod manual;
#[cfg(all(test, foster_model))]
mod models;
mod outcome;
mod payload;
mod record;
mod reply;
mod report;
mod runtime;
mod shutdown;
mod signals;
mod slot;
mod sync;
mod text;

pub use crate::clock::Clock;
pub use crate::envelope::Ticket;
pub use crate::error::{AdoptError, AdoptErrorKind, BoxError, ExecuteError, ExecuteErrorKind};
pub use crate::executor_thread::{Executor, ExecutorThread};
pub use crate::failure::{Failure, FailureKind};
pub use crate::flavour::{Flavour, Rejected, Reporter};
pub use crate::identifier::{Identifier, IdentifierError};
pub use crate::intake::{Fed, Intake};
pub use crate::joining::Joining;
pub use crate::key::{AnyKey, Choice, Instance, Key, LookupError, RegisterError, Registered};
pub use crate::latch::Latch;
pub use crate::manual::Manual;
pub use crate::outcome::{Nothing, Outcome};
pub use crate::payload::{Asynchronous, Completion, Coroutine, IntoPayload, Parallel, Subroutine};
pub use crate::report::{RunError, RunErrorKind, Straggler, StragglerReason};
pub use crate::runtime::{Builder, Call, Named, Runtime, Wait, runtime};
pub use crate::shutdown::{Requested, Shutdown};
pub use crate::signals::Signals;
