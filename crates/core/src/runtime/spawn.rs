//! Gives payloads to their flavours, or back.

use crate::base::sync::Arc;
use crate::contract::backend::Typed;
use crate::contract::flavour::{Flavour, Rejected};
use crate::errors::refusal::Reason;
use crate::lifetime::Phase;
use crate::scheduler::Scheduler;
use crate::task::{self, Dropping};

/// Starts the flavour if it is not started, and hands the payload to it.
#[inline(always)]
pub(crate) fn spawn<P: 'static>(
    scheduler: &Arc<Scheduler>,
    typed: &Typed<P>,
    payload: P,
) -> Result<(), Reason> {
    match typed.flavour() {
        Some(flavour) => flavour
            .spawn(payload)
            .or_else(|rejected| refuse_rejected(scheduler, rejected)),
        None => spawn_first(scheduler, typed, payload),
    }
}

#[cold]
fn spawn_first<P: 'static>(
    scheduler: &Arc<Scheduler>,
    typed: &Typed<P>,
    payload: P,
) -> Result<(), Reason> {
    let mut payload = Some(payload);
    let mut spawned = Ok(());
    let mut spawn = |flavour: &Arc<dyn Flavour<Payload = P>>| {
        if let Some(payload) = payload.take() {
            spawned = flavour.spawn(payload);
        }
    };
    match scheduler.host.start(typed, &mut spawn) {
        Ok(flavour) => {
            spawn(flavour);
            spawned.or_else(|rejected| refuse_rejected(scheduler, rejected))
        }
        Err(reason) => refuse((payload, spawned), reason),
    }
}

/// Drops a payload that will not run. Its adopter gets `reason`.
pub(super) fn refuse<P, R>(payload: P, reason: Reason) -> Result<R, Reason> {
    task::drop_for(Dropping::Refused, payload);
    Err(reason)
}

/// As [`refuse`], for a payload that its flavour handed back.
pub(super) fn refuse_rejected<P>(
    scheduler: &Scheduler,
    rejected: Rejected<P>,
) -> Result<(), Reason> {
    let (payload, reason) = rejected.into_parts();
    let reason = match reason {
        None if scheduler.lifetime().phase() >= Phase::Stopping => Reason::Stopping,
        reason => Reason::Rejected(reason),
    };
    refuse(payload, reason)
}
