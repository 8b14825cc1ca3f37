//! One flavour of one runtime: where its payloads are, how many there are, and who polls them.
//!
//! A `slot` is what a payload knows as its scheduler (`schedule`). It starts its flavour when that is first needed
//! (`start`), and counts payloads (`counts`, `counting`). Those that the flavour polls by means of its own are in the
//! `registry`. All others are polled by a `run_queue`, on the thread of its `driver`, and are `driven` while they are
//! alive. `slots` are all that a runtime has.

mod counting;
mod counts;
mod driven;
mod driver;
mod registry;
mod run_queue;
mod schedule;
mod slot;
mod slots;
mod start;

pub(crate) use self::run_queue::{BATCH, RunQueue};
pub(crate) use self::slot::{Slot, is_thread_noted};
pub(crate) use self::slots::Slots;
