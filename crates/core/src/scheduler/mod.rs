//! Where payloads run. A `host` is one flavour of one runtime: it starts the flavour when that is first
//! needed (`start`), hears of it (`reports`), and knows its threads. A `scheduler` is one host's part in one
//! group: its payloads, and their number (`counts`, `counting`).
//!
//! A payload knows its scheduler through a trait (`schedule`). Payloads that the flavour polls by its own
//! means are in the `registry`. All others are polled from a `run_queue`, on the threads of its drivers (`driver`), of which each has
//! its `lane`; and they are `driven` while they are alive; `places` has the moves between their places, and `visiting` looks at all of them. `watching`
//! looks for executors that are held up, as `stalls` decides; `watch` is what is kept for it. `schedulers` has those of a
//! group, or of a runtime.

mod counting;
mod counts;
mod driven;
mod driver;
mod host;
mod in_lane;
mod lane;
mod places;
mod registry;
mod reports;
mod run_queue;
mod schedule;
#[expect(clippy::module_inception, reason = "it is what the folder is about")]
mod scheduler;
mod schedulers;
mod stalls;
mod start;
mod visiting;
mod watch;
mod watching;

pub(crate) use self::host::{Host, is_thread_noted};
pub(crate) use self::run_queue::{BATCH, RunQueue};
pub(crate) use self::scheduler::Scheduler;
pub(crate) use self::schedulers::{Listed, Schedulers};
pub(crate) use self::watching::Stall;
