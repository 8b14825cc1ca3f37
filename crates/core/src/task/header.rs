//! The header of a task: the payload's identity, its scheduler and its state.

use std::borrow::Cow;
use std::panic::Location;

use crate::base::sync::Arc;
use crate::errors::failure::Origin;
use crate::lifetime::{Lifetime, Part, Phase};
#[cfg(feature = "console")]
use crate::task::console::Seen;
use crate::task::schedule::Schedule;
use crate::task::state::{Birth, State};

/// The place where a payload was handed in.
pub(crate) type Place = &'static Location<'static>;

/// A payload's name, place and scheduler.
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
    #[inline]
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

    #[inline]
    pub(super) fn scheduler(&self) -> &Arc<dyn Schedule> {
        match self {
            Self::Unnamed(_, scheduler) => scheduler,
            Self::Named(named) => &named.scheduler,
        }
    }

    fn name(&self) -> Origin {
        let (name, place) = match self {
            Self::Named(named) => (Some(named.name.clone()), named.place),
            Self::Unnamed(place, _) => (None, *place),
        };
        Origin::new(name, place, self.scheduler().identifier().clone())
    }

    fn label(&self) -> Label<'_> {
        match self {
            Self::Named(named) => Label::Name(&named.name),
            Self::Unnamed(place, _) => Label::Place(place),
        }
    }

    /// The payload's name, place and flavour, as text for reports.
    pub(crate) fn origin(&self) -> Origin {
        let origin = self.name();
        match self.scheduler().part().group() {
            Some(group) => origin.inside(&group.path),
            None => origin,
        }
    }
}

/// What many payloads may have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label<'a> {
    Name(&'a str),
    Place(Place),
}

/// Everything known about a payload except its code.
pub(crate) struct Header {
    identity: Identity,
    pub(crate) state: State,
    #[cfg(feature = "console")]
    pub(super) seen: Seen,
}

impl Header {
    #[inline]
    pub(super) fn new(identity: Identity, birth: Birth) -> Self {
        Self {
            identity,
            state: State::new(birth),
            #[cfg(feature = "console")]
            seen: Seen::default(),
        }
    }

    /// The payload's scheduler: one flavour in one runtime.
    pub(crate) fn scheduler(&self) -> &Arc<dyn Schedule> {
        self.identity.scheduler()
    }

    #[inline]
    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        self.part().lifetime()
    }

    /// The part of its runtime that the payload was handed into.
    #[inline]
    pub(crate) fn part(&self) -> &Arc<Part> {
        self.scheduler().part()
    }

    /// Whether the payload is to be dropped at its next poll.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.is_cancelled() || self.part().phase() >= Phase::Cancelling
    }

    /// The payload's name, place and flavour, as text for reports. An observer may know better.
    pub(super) fn origin(&self) -> Origin {
        self.identity.origin()
    }

    /// What it is called, beside its group, and where it comes from.
    pub(crate) fn name(&self) -> Origin {
        self.identity.name()
    }

    pub(crate) fn label(&self) -> Label<'_> {
        self.identity.label()
    }

    /// The payload's address, which is unique for as long as the task exists.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>().addr()
    }
}
