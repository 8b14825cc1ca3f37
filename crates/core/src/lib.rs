//! The core of Foster: the contract between a runtime and its flavours, the payloads, and the
//! runner.
//!
//! Depend on this crate to write a flavour, or to use Foster with only the backend crates that you
//! name (such as `foster-core` and `foster-tokio`). Other programs depend on the facade, `foster`,
//! which has all of it under one name and selects flavours by Cargo feature. The
//! [guide](https://github.com/foster-rs/foster/blob/main/docs/guide/src/introduction.md) teaches both.
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

mod base;
mod contract;
mod errors;
mod lifetime;
#[cfg(all(test, foster_model))]
mod models;
mod parts;
mod payload;
mod runtime;
mod scheduler;
mod service;
mod task;

#[cfg(feature = "macros")]
#[cfg_attr(docsrs, doc(cfg(feature = "macros")))]
#[doc(inline)]
pub use foster_macros::core_service as service;

/// The items that the code written by the attribute `service` uses. The facade takes them apart.
#[doc(hidden)]
pub mod __private {
    // Beside the attribute of the same name, which differs between the facade and core.
    pub use crate::service::{Described, service as service_fn};
    pub use inventory;
    // The flavour of the stand-in for a service that the attribute refused.
    pub use crate::parts::manual::Manual;
    pub use crate::parts::pool_intake::PoolIntake;
}

/// The entry points of `crates/core/fuzz`.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod __fuzz {
    /// Plays a life of services chosen by bytes; panics if it asks for something that must not
    /// happen.
    pub fn supervision(bytes: &[u8]) {
        crate::service::play_bytes(bytes);
    }
}

pub use crate::base::changes::Changes;
pub use crate::base::clock::Clock;
pub use crate::base::identifier::{Identifier, IdentifierError};
pub use crate::base::joining::Joining;
pub use crate::base::latch::Latch;
pub use crate::base::manual_time::Follower;
pub use crate::base::sleep::{Sleep, TimedOut, Timeout};
pub use crate::contract::flavour::{Flavour, Rejected};
pub use crate::contract::key::{AnyKey, Instance, Key};
pub use crate::contract::probe::Probe;
pub use crate::contract::reporter::{Leader, Reporter};
pub use crate::contract::waking::Waking;
pub use crate::errors::answer::{Answer, Exit};
pub use crate::errors::failure::{Failure, FailureKind};
pub use crate::errors::group::{GroupError, GroupErrorKind};
pub use crate::errors::lookup::{LookupError, RegisterError};
pub use crate::errors::outcome::{Nothing, Outcome};
pub use crate::errors::permanent::Permanent;
pub use crate::errors::place::{PlaceError, PlaceErrorKind};
pub use crate::errors::ready::{ReadyError, ReadyErrorKind};
pub use crate::errors::refusal::{
    AdoptError, AdoptErrorKind, BoxError, ExecuteError, ExecuteErrorKind,
};
pub use crate::errors::reload::{
    ReloadError, ReloadErrorKind, ReloadOutcome, ReloadReport, Reloaded,
};
pub use crate::errors::report::{RunError, RunErrorKind};
pub use crate::errors::serve::{ServeError, ServeErrorKind};
pub use crate::errors::straggler::{Straggler, StragglerReason};
pub use crate::lifetime::change::RuntimeChange;
pub use crate::lifetime::settings::{OnSignal, Signals};
pub use crate::parts::executor_thread::{Executor, ExecutorThread};
pub use crate::parts::intake::{Fed, Intake};
pub use crate::parts::manual::Manual;
pub use crate::parts::pool_intake::PoolIntake;
pub use crate::payload::{
    Asynchronous, Completion, Coroutine, IntoPayload, Kind, Parallel, Payload, Run, Subroutine,
};
pub use crate::runtime::choice::{Choice, Registered};
pub use crate::runtime::{Builder, Call, Named, Probing, Runtime, Unanswered, Wait, runtime};
pub use crate::service::{
    AllReady, Dependency, FnOnceService, FnService, Group, GroupBuilder, GroupReady, LinkedService,
    OwnedService, PayloadOf, Place, Ready, Reload, ReloadRequest, ReloadRequested, ReloadWait,
    Reloading, Restart, Runs, Scope, Served, Service, Settings, Standing, StateFuture, TakePlace,
    Unit, UnitBuilder, UnitChange, UnitChanges, UnitState, UnitStatus, service, service_once,
};
pub use crate::task::Ticket;
pub use crate::task::{OnRequest, Requested, Shutdown, UntilRequested};

pub mod status {
    //! A look inside: how a runtime does, as plain values. See [`Runtime::status`](crate::Runtime::status).

    pub use crate::service::{
        FlavourStatus, Limited, PayloadStatus, RestartCount, RuntimeState, StallStatus, Status,
        StopCause, StopStatus, UnitKind, UnitNode,
    };
}
