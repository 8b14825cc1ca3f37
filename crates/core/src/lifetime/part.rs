//! A part of a runtime with an end of its own: a group, or the runtime itself for what is in no group.

use crate::base::event::Wakers;
use crate::base::sync::Arc;
use crate::base::sync::atomic::Ordering::SeqCst;
use crate::errors::failure::Failure;
use crate::lifetime::failing::Untold;
use crate::lifetime::group_part::GroupPart;
use crate::lifetime::phase::Phase;
use crate::lifetime::shared::Lifetime;
use crate::lifetime::telling::Line;

/// What payloads know of where they were handed in: how far its end has come, and who holds that up.
pub(crate) struct Part {
    lifetime: Arc<Lifetime>,
    /// `None` for the runtime itself, whose phase and holders are those of its lifetime.
    group: Option<GroupPart>,
}

impl Part {
    /// What is in no group.
    pub(crate) fn of_runtime(lifetime: Arc<Lifetime>) -> Arc<Self> {
        let group = None;
        Arc::new(Self { lifetime, group })
    }

    pub(crate) fn of_group(lifetime: Arc<Lifetime>, group: GroupPart) -> Arc<Self> {
        let group = Some(group);
        Arc::new(Self { lifetime, group })
    }

    #[inline]
    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        &self.lifetime
    }

    #[inline]
    pub(crate) fn group(&self) -> Option<&GroupPart> {
        self.group.as_ref()
    }

    /// Which part of its runtime it is; the runtime itself is 0.
    pub(crate) fn number(&self) -> u64 {
        self.group.as_ref().map_or(0, |group| group.number)
    }

    /// How far the end of this part has come. That of the runtime may be ahead of a group's, which has its turn later.
    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        match &self.group {
            None => self.lifetime.phase(),
            Some(group) => Phase::of_number(group.phase.load(SeqCst)),
        }
    }

    /// Whether nothing more is taken in.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.phase() >= Phase::Stopping
            || self.group.is_some() && self.lifetime.phase() >= Phase::Stopping
    }

    /// Moves a group on to `to`, unless it is as far already. Returns whether it was not.
    pub(crate) fn advance(&self, to: Phase) -> bool {
        let group = self.group.as_ref();
        group.is_some_and(|group| group.phase.fetch_max(to as u8, SeqCst) < to as u8)
    }

    /// Has everyone who listens to a token of this part look at it again.
    pub(crate) fn notify_tokens(&self) -> Wakers {
        self.lifetime.tokens.notify_part(self.number())
    }

    /// Counts a holder; `false` if the time for that is over.
    #[must_use]
    pub(crate) fn hold(&self) -> bool {
        match &self.group {
            None => self.lifetime.hold(),
            Some(group) => group.holders.hold(),
        }
    }

    /// A counted holder has ended.
    pub(crate) fn release(&self) {
        match &self.group {
            None => self.lifetime.release(),
            Some(group) => group.holders.release(),
        }
    }

    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        match &self.group {
            None => self.lifetime.is_held(),
            Some(group) => group.holders.is_held(),
        }
    }

    /// Ends the time of a group's holders if there are none. Returns whether it did.
    #[must_use]
    pub(crate) fn end_time_if_unheld(&self) -> bool {
        let group = self.group.as_ref();
        group.is_some_and(|group| group.holders.end_grace_if_unheld())
    }

    /// Ends the time of a group's holders.
    pub(crate) fn end_time(&self) {
        if let Some(group) = &self.group {
            group.holders.end_grace();
        }
    }

    /// From here on the services hear of it when nothing is left in this group.
    pub(crate) fn watch(&self) {
        if let Some(group) = &self.group {
            group.is_watched.store(true, SeqCst);
        }
    }

    /// Whether somebody waits for nothing to be left in it.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        let group = self.group.as_ref();
        self.lifetime.settings.until_idle
            || group.is_some_and(|group| group.is_watched.load(SeqCst))
    }

    /// Something has changed here that its end may be waiting for.
    pub(crate) fn look(&self) {
        match &self.group {
            None => self.lifetime.look(),
            Some(group) => {
                if self.lifetime.phase() >= Phase::Cancelling || self.lifetime.settings.until_idle {
                    self.lifetime.look();
                }
                self.lifetime.services.look_at(&self.lifetime, group);
            }
        }
    }

    /// Takes a failure of a payload.
    pub(crate) fn record(&self, failure: Failure) -> Option<Untold> {
        let lifetime = &self.lifetime;
        match &self.group {
            None => return Some(lifetime.record(failure)),
            Some(group) if group.each_may_fail => {
                lifetime.tell_line(Line::followed(failure, "its own affair in its group"))
            }
            Some(group) => {
                lifetime
                    .services
                    .fail_in(lifetime, group, Box::new(failure));
            }
        }
        None
    }
}
