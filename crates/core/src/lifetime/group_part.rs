//! What payloads in a group know of it.

use std::any::Any;

use crate::base::sync::atomic::{AtomicBool, AtomicU8};
use crate::base::sync::{Arc, OnceLock, Weak};
use crate::lifetime::gate::Gates;
use crate::lifetime::holders::Holders;
use crate::lifetime::phase::Phase;

/// What a group is made with.
pub(crate) struct GroupPart {
    /// Which group it is, for the services: no other group of the runtime has the number.
    pub(crate) number: u64,
    pub(crate) place: u32,
    pub(crate) path: Arc<str>,
    /// A failure of a payload that was adopted into it is that payload's own affair.
    pub(crate) each_may_fail: bool,
    /// The limits that its payloads count in.
    pub(crate) gates: Gates,
    /// Where executes and calls belong that are made in it through the runtime, if that is here: it carries something for all that is
    /// done in it.
    pub(crate) keeps_calls: OnceLock<Weak<dyn Any + Send + Sync>>,
    pub(super) phase: AtomicU8,
    pub(super) holders: Holders,
    /// The services want to know when nothing is left in it.
    pub(super) is_watched: AtomicBool,
}

impl GroupPart {
    pub(crate) fn new(
        number: u64,
        place: u32,
        path: Arc<str>,
        each_may_fail: bool,
        gates: Gates,
    ) -> Self {
        Self {
            number,
            place,
            path,
            each_may_fail,
            gates,
            keeps_calls: OnceLock::new(),
            phase: AtomicU8::new(Phase::Running as u8),
            holders: Holders::none(),
            is_watched: AtomicBool::new(false),
        }
    }

    /// How many in it hold a token: payloads, and runs of services.
    pub(crate) fn held(&self) -> usize {
        self.holders.count()
    }
}
