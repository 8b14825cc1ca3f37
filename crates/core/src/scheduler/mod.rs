//! One flavour of one runtime: its payloads, their number, and the thread that polls them.
//!
//! A payload knows its `scheduler` through a trait (`schedule`). The scheduler starts its flavour
//! when it is first needed (`start`), and counts payloads (`counts`, `counting`). Payloads that the
//! flavour polls by its own means are in the `registry`. All others are polled from a `run_queue`,
//! on the thread of its `driver`, and are `driven` while they are alive. `schedulers` has all those
//! of a runtime.

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
