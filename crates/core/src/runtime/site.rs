//! A site: where payloads can be handed in, which is a runtime or a group of it.

use std::borrow::Cow;

use crate::base::identifier::Identifier;
use crate::base::sync::Arc;
use crate::errors::failure::Origin;
use crate::errors::refusal::Reason;
use crate::lifetime::{Part, Phase};
use crate::scheduler::Schedulers;
use crate::task::Place;

/// The name of a payload, if it has one.
pub(crate) type PayloadName = Option<Cow<'static, str>>;

/// One part of a runtime, and its scheduler on each flavour that it has payloads on.
pub(crate) struct Site {
    pub(crate) part: Arc<Part>,
    pub(crate) schedulers: Schedulers,
}

impl Site {
    pub(crate) fn new(part: Arc<Part>) -> Arc<Self> {
        let schedulers = Schedulers::default();
        Arc::new(Self { part, schedulers })
    }

    /// Refuses what comes too late.
    #[inline]
    pub(crate) fn check_open(&self) -> Result<(), Reason> {
        match self.part.is_closed() {
            true => Err(self.closed()),
            false => Ok(()),
        }
    }

    /// Why nothing is taken in any more.
    pub(crate) fn closed(&self) -> Reason {
        match self.part.group() {
            Some(group) if self.part.lifetime().phase() < Phase::Stopping => {
                Reason::GroupStopping(Arc::clone(&group.path))
            }
            _ => Reason::Stopping,
        }
    }

    /// Why a payload has no value that was taken in here.
    pub(crate) fn cancelled(&self) -> Reason {
        match self.closed() {
            Reason::GroupStopping(path) if self.part.is_closed() => Reason::GroupCancelled(path),
            _ => Reason::Cancelled,
        }
    }

    /// Who a payload is that is handed in here.
    pub(crate) fn origin(&self, name: PayloadName, place: Place, flavour: Identifier) -> Origin {
        let origin = Origin::new(name, place, flavour);
        match self.part.group() {
            Some(group) => origin.inside(&group.path),
            None => origin,
        }
    }
}
