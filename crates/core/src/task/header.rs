//! Who one payload is, where it runs, and how far it has come.

use std::borrow::Cow;
use std::panic::Location;

use crate::base::sync::Arc;
use crate::errors::failure::Origin;
use crate::lifetime::{Lifetime, Phase};
use crate::task::schedule::Schedule;
use crate::task::state::{Birth, State};

/// Where a payload was handed in.
pub(crate) type Place = &'static Location<'static>;

/// Who a payload is, and where it runs.
pub(crate) enum Identity {
    Unnamed(Place, Arc<dyn Schedule>),
    /// Boxed, as most payloads have no name.
    Named(Box<NamedIdentity>),
}

pub(crate) struct NamedIdentity {
    name: Cow<'static, str>,
    place: Place,
    scheduler: Arc<dyn Schedule>,
}

impl Identity {
    pub(crate) fn new(
        name: Option<Cow<'static, str>>,
        place: Place,
        scheduler: Arc<dyn Schedule>,
    ) -> Self {
        match name {
            Some(name) => Self::Named(Box::new(NamedIdentity {
                name,
                place,
                scheduler,
            })),
            None => Self::Unnamed(place, scheduler),
        }
    }

    fn scheduler(&self) -> &Arc<dyn Schedule> {
        match self {
            Self::Unnamed(_, scheduler) => scheduler,
            Self::Named(named) => &named.scheduler,
        }
    }

    /// Who the payload is, in words.
    pub(crate) fn origin(&self) -> Origin {
        let (name, place) = match self {
            Self::Named(named) => (Some(named.name.clone()), named.place),
            Self::Unnamed(place, _) => (None, *place),
        };
        Origin::new(name, place, self.scheduler().identifier().clone())
    }
}

/// All that is known of a payload but its code.
pub(crate) struct Header {
    identity: Identity,
    pub(crate) state: State,
}

impl Header {
    // Inlined, as most of it is known where it is called.
    #[inline]
    pub(super) fn new(
        identity: Identity,
        is_blocking: bool,
        is_late: bool,
        is_observed: bool,
    ) -> Self {
        let birth = Birth {
            is_blocking,
            is_late,
            is_observed,
            has_queue: identity.scheduler().has_queue(),
        };
        Self {
            identity,
            state: State::new(birth),
        }
    }

    /// The flavour that runs the payload, in its group of a runtime.
    pub(crate) fn scheduler(&self) -> &Arc<dyn Schedule> {
        self.identity.scheduler()
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        self.scheduler().lifetime()
    }

    /// Whether the payload is to be dropped at its next poll.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.is_cancelled() || self.lifetime().phase() >= Phase::Cancelling
    }

    /// Who the payload is, in words. Who observes it may know better.
    pub(super) fn origin(&self) -> Origin {
        self.identity.origin()
    }

    /// Where the payload is, which tells it from all others as long as it is there.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>().addr()
    }
}
