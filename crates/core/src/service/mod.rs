//! Services: what a runtime starts, watches, starts again and stops in order.
//!
//! `definition` says what a service is, `settings`, `policy` and `restart` how it is
//! treated; `function` and `linked` make services of functions. `unit` is the handle, `state` and `watch` what can be
//! seen, `unit_core` what is behind them, with one run as `unit_core::attempt`, and `source` where the values of runs
//! come from. `reload` asks services to take over what has changed. `roster` has all of them, with their names and their order. `supervision` decides what becomes of them, a
//! value without locks, clocks and threads; `supervisor` is the shell around it. `serve` hands in.
//! `standing` is what a run says of itself, `carried` what groups have for all in them. `inside` is a look at all of a runtime, as a value.
#![allow(
    private_interfaces,
    private_bounds,
    reason = "the traits of services are closed: nobody else can name or call what is private in them"
)]

mod all_ready;
mod build;
mod carried;
mod definition;
mod dependency;
mod function;
mod group;
mod group_builder;
mod group_ready;
mod inside;
mod linked;
mod owned;
mod place;
mod policy;
mod ready;
mod reload;
mod restart;
mod roster;
mod scope;
mod serve;
mod settings;
mod source;
mod standing;
mod state;
mod supervision;
mod supervisor;
mod together;
mod unit;
mod unit_core;
mod watch;

pub use self::all_ready::AllReady;
pub use self::definition::{PayloadOf, Service};
pub use self::dependency::Dependency;
pub use self::function::{Described, FnService, service};
pub use self::group::Group;
pub use self::group_builder::GroupBuilder;
pub use self::group_ready::GroupReady;
pub use self::inside::{
    FlavourStatus, Limited, PayloadStatus, RestartCount, RuntimeState, StallStatus, Status,
    StopCause, StopStatus, UnitKind, UnitNode,
};
pub use self::linked::LinkedService;
pub use self::owned::{FnOnceService, OwnedService, service_once};
pub use self::place::{Place, TakePlace};
pub use self::ready::Ready;
pub use self::reload::{Reload, ReloadRequest, ReloadRequested, ReloadWait, Reloading};
pub use self::restart::Restart;
pub use self::scope::Scope;
pub use self::serve::UnitBuilder;
pub use self::settings::Settings;
pub use self::source::{Runs, Served};
pub use self::standing::Standing;
pub use self::state::{UnitState, UnitStatus};
pub use self::unit::{StateFuture, Unit};
pub use self::watch::{UnitChange, UnitChanges};

#[cfg(fuzzing)]
pub(crate) use self::supervision::play_bytes;
