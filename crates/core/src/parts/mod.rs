//! Parts for authors of flavours: an executor on a thread of its own, a queue for payloads, and a
//! flavour that is stepped by hand.

pub(crate) mod executor_thread;
pub(crate) mod intake;
pub(crate) mod manual;
