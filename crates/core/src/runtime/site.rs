//! A site: where payloads can be handed in, which is a runtime or a group of it.

use std::any::Any;
use std::borrow::Cow;

use crate::base::identifier::Identifier;
use crate::base::sync::Arc;
use crate::errors::failure::Origin;
use crate::errors::refusal::Reason;
use crate::lifetime::{Lifetime, Part, Phase};
use crate::scheduler::Schedulers;
use crate::task::{self, Place};

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

    /// Has executes and calls that are made here through the runtime belong here.
    pub(crate) fn keep_calls(self: &Arc<Self>) {
        if let Some(group) = self.part.group() {
            let site: Arc<dyn Any + Send + Sync> = Arc::clone(self) as _;
            let unset = group.keeps_calls.set(Arc::downgrade(&site)).is_ok();
            debug_assert!(unset, "a group is made once");
        }
    }

    /// Where an execute or a call belongs that the calling code makes through its runtime, if that is a group.
    #[inline]
    pub(crate) fn of_calls_here(lifetime: &Arc<Lifetime>) -> Option<Arc<Self>> {
        task::with_current(|task| {
            let task = task?;
            let site = task.header().part().group()?.keeps_calls.get()?;
            let is_own = Arc::ptr_eq(task.lifetime(), lifetime);
            site.upgrade().filter(|_| is_own)?.downcast().ok()
        })
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
