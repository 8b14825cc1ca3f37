//! Services of [Foster](foster_core) that run once among many processes, gated by a lease of an engine that exists.
//!
//! Whoever starts the same program three times finds that the job which must run once now runs three times. With a lease of an
//! engine that the team has already (etcd, PostgreSQL, Kubernetes; each a crate of its own) it runs on one of them, and
//! on the next one when that is gone:
//!
//! ```
//! use std::sync::Arc;
//!
//! use foster_core::{Runtime, Shutdown, service};
//! use foster_lease::{Fence, Lease, OnlyOne, OnlyOneError};
//! use foster_thread::Thread;
//!
//! fn serve(runtime: &Runtime, lease: Arc<dyn Lease>) -> Result<(), OnlyOneError> {
//!     let billing = service(Thread, || {
//!         let (shutdown, fence) = (Shutdown::current(), Fence::current());
//!         while !shutdown.is_requested() {
//!             send_invoices(fence.number()); // a database refuses those of an older fence
//! #           break;
//!         }
//!     });
//!     runtime.unit().name("billing").only_one(lease).serve(billing)?;
//!     Ok(())
//! }
//! # fn send_invoices(_: u64) {}
//! ```
//!
//! `K` numbered services, each on one process at a time, are [`shards`](Shards::shards): every process has its share of them, and when
//! one is lost only its own move. The guide has a recipe: [One leader among
//! replicas](https://github.com/foster-rs/foster/blob/main/docs/guide/src/recipes/replicas.md).
//!
//! # What is promised
//!
//! - **Never two by the engine's clock.** The work is part of a turn. It is asked to end so early that its
//!   [stop time](OnlyOneBuilder::stop_time), and a second more, are over before the lease is; what has not ended a second before that is
//!   cancelled. What cannot be cancelled (a thread, an executor that is blocked) [ends the process](Overrun).
//! - **Held is judged from the sending** of the last renewal that was answered, by a clock that goes on while the machine is
//!   suspended (`CLOCK_BOOTTIME` on Linux, `CLOCK_MONOTONIC` on macOS).
//! - **Nothing holds a renewal up**: it runs on a thread of its own, and goes on while the runtime stops. A lease is released
//!   when all that its turn has begun is over; the next one watches, and starts at once. With something left behind it is not released, and
//!   runs out.
//! - **A lost engine is no failure** of the runtime. It is told (`lease.failing`, `lease.recovered`), and asked again with
//!   longer and longer waits; without it the work ends in time, and nobody's begins.
//! - **A standby is ready.** The unit is [standby](foster_core::UnitState::Standby) or [held](foster_core::UnitState::Held); what comes
//!   after it starts in either, and it ends in its order.
//!
//! # What no lease can promise
//!
//! That nobody *believes* to hold it beside the holder: a process that stood still (`SIGSTOP`, a paused virtual machine) finds that its
//! turn is over only once it goes on, and may have a request on its way. The [`Fence`] is for that: a store that refuses older numbers is safe
//! whatever happens. Where nothing checks the fence, as of an e-mail that is sent, a second one may be sent.
//!
//! # Events
//!
//! Told as Foster's own are (row I4 of its contract): `lease.acquired`, `lease.released`, `lease.recovered` for those who look
//! for them; `lease.failing`, `lease.runs_out`, `lease.lost`, `lease.left` as warnings.
//!
//! # How it is built
//!
//! `lease` and `answer` are what an engine gives. `tenure` decides about one lease, a value without clock, thread and engine; `rules` are its
//! times. `planner` decides which shards are to be had, such a value as well. `keeper` is the service around them, on a thread of its own, with an
//! `office` for what its leases have in common and a `seat` for each; `only_one` and `shards` make it. `term` and `fence` are one turn,
//! `overrun` what becomes of a process that does not end it. `local` is an engine inside the process, for tests.

mod answer;
mod fence;
mod keeper;
mod lease;
mod local;
mod office;
mod only_one;
mod overrun;
mod planner;
mod rules;
mod seat;
mod shards;
mod tenure;
mod term;
mod time;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

pub use self::answer::{Answer, LeaseError};
pub use self::fence::Fence;
pub use self::lease::{Acquired, Lease, Leases, Renewed};
pub use self::local::{Delivery, Local, Request};
pub use self::only_one::{OnlyOne, OnlyOneBuilder, OnlyOneError};
pub use self::overrun::Overrun;
pub use self::rules::RulesError;
pub use self::shards::{Shards, ShardsBuilder};
