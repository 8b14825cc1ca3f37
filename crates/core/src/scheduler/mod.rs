//! One flavour of one runtime: where its payloads are, how many there are, and who polls them.
//!
//! A payload knows its `scheduler` by a trait (`schedule`). It starts its flavour when that is first needed (`start`),
//! and counts payloads (`counts`, `counting`). Those that the flavour polls by means of its own are in the `registry`. All
//! others are polled from a `run_queue`, on the thread of its `driver`, and are `driven` while they are alive.
//! `schedulers` are all that a runtime has.

mod counting;
mod counts;
mod driven;
mod driver;
mod registry;
mod run_queue;
mod schedule;
#[expect(clippy::module_inception, reason = "it is what the folder is about")]
mod scheduler;
mod schedulers;
mod start;

pub(crate) use self::run_queue::{BATCH, RunQueue};
pub(crate) use self::scheduler::{Scheduler, is_thread_noted};
pub(crate) use self::schedulers::Schedulers;
