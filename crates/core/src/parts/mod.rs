//! Parts for authors of flavours: an executor on a thread of its own, queues for payloads, and a
//! flavour that is stepped by hand.

pub(crate) mod executor_thread;
pub(crate) mod intake;
pub(crate) mod manual;
pub(crate) mod pool_intake;
