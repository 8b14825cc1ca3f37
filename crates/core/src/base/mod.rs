//! The lowest floor: knows nothing of payloads, flavours and runtimes.

pub(crate) mod acting;
pub(crate) mod alarms;
pub(crate) mod backoff;
pub(crate) mod bell;
pub(crate) mod broadcast;
pub(crate) mod changes;
pub(crate) mod clock;
pub(crate) mod doing;
pub(crate) mod event;
pub(crate) mod identifier;
pub(crate) mod joining;
pub(crate) mod last;
pub(crate) mod latch;
pub(crate) mod manual_time;
pub(crate) mod moment;
pub(crate) mod panics;
pub(crate) mod per_process;
pub(crate) mod ring;
pub(crate) mod sleep;
pub(crate) mod sync;
pub(crate) mod teller;
pub(crate) mod text;
pub(crate) mod threads;
pub(crate) mod timer;
