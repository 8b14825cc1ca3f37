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
//! | feature | adds |
//! |---|---|
//! | `macros` | the attribute `service`, as [`core_service`] of `foster-macros`; the facade has it always |
//!
//! [`core_service`]: https://docs.rs/foster-macros
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

mod account;
mod body;
mod bound;
mod clock;
mod context;
mod deadlock;
mod envelope;
mod error;
mod event;
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
mod moment;
mod outcome;
mod payload;
mod record;
mod reply;
mod report;
mod run_queue;
mod runtime;
mod service;
mod shutdown;
mod signals;
mod slot;
mod sync;
mod teller;
mod telling;
mod text;
mod tokens;

#[cfg(feature = "macros")]
#[cfg_attr(docsrs, doc(cfg(feature = "macros")))]
#[doc(inline)]
pub use foster_macros::core_service as service;

/// What the attribute `service` writes, and the facade takes apart.
#[doc(hidden)]
pub mod __private {
    // Beside the attribute of the same name, which differs between the facade and core.
    pub use crate::service::{Described, service as service_fn};
    pub use inventory;
    // The flavour of what stands in for a service that the attribute refused.
    pub use crate::manual::Manual;
}

/// What `crates/core/fuzz` runs.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod __fuzz {
    /// Plays a life of services that bytes choose; panics if something is asked for that must not be.
    pub fn supervision(bytes: &[u8]) {
        crate::service::play_bytes(bytes);
    }
}

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
pub use crate::service::{
    Answer, Becoming, Dependency, Exit, FnService, Kind, LinkedService, PayloadOf, Ready, Restart,
    Run, Runs, ServeError, ServeErrorKind, Served, Service, Settings, Unit, UnitBuilder,
    UnitChange, UnitChanges, UnitState, UnitStatus, service,
};
pub use crate::shutdown::{Requested, Shutdown};
pub use crate::signals::Signals;
