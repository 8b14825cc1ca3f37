//! Handing payloads to their flavours: adopt, execute, and the start of those that waited.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;

use super::{Core, lock};
use crate::deadlock;
use crate::envelope::Ticket;
use crate::error::{AdoptError, ExecuteError, Reason};
use crate::failure::{Cause, Origin};
use crate::identifier::Identifier;
use crate::key::Choice;
use crate::key::sealed::Chosen;
use crate::lifetime::Phase;
use crate::outcome::Outcome;
use crate::payload::IntoPayload;
use crate::record::Record;
use crate::reply::{Gate, Reply};
use crate::slot::{Slot, Typed};

/// The name of a payload, if it was given one.
pub(super) type Name = Option<Cow<'static, str>>;
/// Where a payload was handed in.
pub(super) type Place = &'static Location<'static>;

/// A payload that waits for the start of its runtime. Its drop drops the payload unrun.
pub(super) trait Launch: Send {
    fn launch(self: Box<Self>);
}

struct WaitingPayload<P> {
    slot: Arc<Slot>,
    record: Arc<Record>,
    payload: Option<P>,
}

impl Core {
    pub(super) fn adopt<C, P>(
        &self,
        key: C,
        payload: P,
        name: Name,
        place: Place,
    ) -> Result<(), AdoptError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Outcome>,
    {
        let Chosen { slot, typed } = match key.select(&self.slots, &self.lifetime) {
            Ok(chosen) => chosen,
            Err(reason) => return Err(AdoptError::new(origin(name, place, key.chosen()), reason)),
        };
        let record = Arc::new(Record::new(name, place, Arc::clone(slot)));
        slot.accept();
        let payload = payload.into_payload(Ticket::adopted(Arc::clone(&record)));
        self.admit(slot, typed, &record, payload)
            .map_err(|reason| AdoptError::new(record.origin(), reason))
    }

    /// Spawns the payload, lets it wait for the start, or refuses it.
    fn admit<P: Send + 'static>(
        &self,
        slot: &Arc<Slot>,
        typed: &Typed<P>,
        record: &Arc<Record>,
        payload: P,
    ) -> Result<(), Reason> {
        if self.lifetime.phase() < Phase::Running {
            let mut waiting = lock(&self.waiting);
            // Under the lock: the launch leaves Starting only while it holds it and finds nobody.
            if self.lifetime.phase() < Phase::Running {
                waiting.push(Box::new(WaitingPayload {
                    slot: Arc::clone(slot),
                    record: Arc::clone(record),
                    payload: Some(payload),
                }));
                return Ok(());
            }
        }
        if self.lifetime.phase() >= Phase::Stopping {
            record.refuse();
            drop(payload);
            return Err(Reason::Stopping);
        }
        spawn(slot, typed, record, payload)
    }

    /// Starts the payloads that wait, in order, and opens the runtime to all others.
    ///
    /// A payload that starts here may hand in more, which wait as well until those before them have
    /// been spawned.
    pub(super) fn launch(&self) {
        if !self.lifetime.advance(Phase::Idle, Phase::Starting) {
            // Asked to end before it began.
            let waiting = std::mem::take(&mut *lock(&self.waiting));
            drop(waiting);
            return;
        }
        loop {
            let batch = {
                let mut waiting = lock(&self.waiting);
                if waiting.is_empty() {
                    // Fails if the runtime is stopping already.
                    self.lifetime.advance(Phase::Starting, Phase::Running);
                    break;
                }
                std::mem::take(&mut *waiting)
            };
            for payload in batch {
                payload.launch();
            }
        }
        // A runtime that ends when it is idle may be so from the start.
        self.lifetime.look();
    }

    pub(super) fn execute<C, P>(
        &self,
        key: C,
        payload: P,
        name: Name,
        place: Place,
    ) -> Result<P::Output, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send>,
    {
        let refused = |name, reason| ExecuteError::new(origin(name, place, key.chosen()), reason);
        if let Err(reason) = self.admits_execute() {
            return Err(refused(name, reason));
        }
        let Chosen { slot, typed } = match key.select(&self.slots, &self.lifetime) {
            Ok(chosen) => chosen,
            Err(reason) => return Err(refused(name, reason)),
        };
        let record = Arc::new(Record::new(name, place, Arc::clone(slot)));
        let reply = Arc::new(Reply::default());
        self.block_on(slot, typed, &record, &reply, payload)
            .and_then(|()| reply.take().ok_or(Reason::Cancelled))
            .map_err(|reason| ExecuteError::new(record.origin(), reason))
    }

    fn block_on<P, T: Send + 'static>(
        &self,
        slot: &Arc<Slot>,
        typed: &Typed<P>,
        record: &Arc<Record>,
        reply: &Arc<Reply<T>>,
        payload: impl IntoPayload<P, Output = T>,
    ) -> Result<(), Reason>
    where
        P: 'static,
    {
        let flavour = slot.started(typed)?;
        let payload = self.prepare(slot, record, reply, payload)?;
        // Blocking code runs on this very thread, which then waits for nobody.
        let waiting = match record.is_blocking() {
            true => None,
            false => match deadlock::wait_for(slot) {
                Ok(waiting) => Some(waiting),
                Err(ring) => {
                    refuse(record, payload);
                    return Err(Reason::Deadlock(ring));
                }
            },
        };
        let watched = self.lifetime.watch(Arc::clone(reply) as Arc<dyn Gate>);
        let result = flavour.block_on(payload);
        self.lifetime.unwatch(watched);
        drop(waiting);
        result.map_err(|rejected| {
            let (payload, reason) = rejected.into_parts();
            refuse(record, payload);
            self.rejection(reason)
        })
    }

    /// Makes the payload of an execute or a call, unless the runtime began to stop meanwhile.
    fn prepare<P, T: Send + 'static>(
        &self,
        slot: &Slot,
        record: &Arc<Record>,
        reply: &Arc<Reply<T>>,
        payload: impl IntoPayload<P, Output = T>,
    ) -> Result<P, Reason> {
        record.set_gate(Arc::clone(reply) as Arc<dyn Gate>);
        slot.accept();
        let ticket = Ticket::called(Arc::clone(record), Arc::clone(reply));
        let payload = payload.into_payload(ticket);
        match self.admits_execute() {
            Ok(()) => Ok(payload),
            Err(reason) => {
                refuse(record, payload);
                Err(reason)
            }
        }
    }

    /// Hands in the payload of a call: its reply opens when it is over.
    pub(super) fn submit<C, P>(
        &self,
        key: C,
        payload: P,
        name: Name,
        place: Place,
    ) -> Result<Submitted<P::Output>, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send>,
    {
        let refused = |name, reason| ExecuteError::new(origin(name, place, key.chosen()), reason);
        if let Err(reason) = self.admits_execute() {
            return Err(refused(name, reason));
        }
        let Chosen { slot, typed } = match key.select(&self.slots, &self.lifetime) {
            Ok(chosen) => chosen,
            Err(reason) => return Err(refused(name, reason)),
        };
        let record = Arc::new(Record::new(name, place, Arc::clone(slot)));
        let reply = Arc::new(Reply::default());
        let watched = self.lifetime.watch(Arc::clone(&reply) as Arc<dyn Gate>);
        let submitted = Submitted {
            record,
            reply,
            watched,
        };
        self.prepare(slot, &submitted.record, &submitted.reply, payload)
            .and_then(|payload| spawn(slot, typed, &submitted.record, payload))
            .map_err(|reason| ExecuteError::new(submitted.record.origin(), reason))?;
        Ok(submitted)
    }

    fn rejection(&self, reason: Option<crate::BoxError>) -> Reason {
        match reason {
            None if self.lifetime.phase() >= Phase::Stopping => Reason::Stopping,
            reason => Reason::Rejected(reason),
        }
    }
}

/// The payload of a call that has been handed in.
pub(super) struct Submitted<T: Send + 'static> {
    pub(super) record: Arc<Record>,
    pub(super) reply: Arc<Reply<T>>,
    watched: usize,
}

impl<T: Send + 'static> Drop for Submitted<T> {
    fn drop(&mut self) {
        self.record.slot.lifetime.unwatch(self.watched);
        // From here on the payload itself has to say how it went.
        let unheard = self.reply.abandon();
        self.record.cancel();
        if let Some(Err(panic)) = unheard {
            self.record.fail(Cause::panic(panic));
        }
    }
}

fn origin(name: Name, location: Place, flavour: Identifier) -> Origin {
    Origin {
        named: name.is_some(),
        payload: match name {
            Some(name) => name.into(),
            None => format!("{}:{}", location.file(), location.line()).into(),
        },
        flavour,
        location,
    }
}

/// Starts the flavour if need be and hands the payload to it.
fn spawn<P: 'static>(
    slot: &Arc<Slot>,
    typed: &Typed<P>,
    record: &Record,
    payload: P,
) -> Result<(), Reason> {
    let flavour = match slot.started(typed) {
        Ok(flavour) => flavour,
        Err(reason) => {
            refuse(record, payload);
            return Err(reason);
        }
    };
    flavour.spawn(payload).map_err(|rejected| {
        let (payload, reason) = rejected.into_parts();
        refuse(record, payload);
        match reason {
            None if slot.lifetime.phase() >= Phase::Stopping => Reason::Stopping,
            reason => Reason::Rejected(reason),
        }
    })
}

/// Drops a payload that will not run, whose adopter is told.
fn refuse<P>(record: &Record, payload: P) {
    record.refuse();
    drop(payload);
}

impl<P: Send + 'static> Launch for WaitingPayload<P> {
    fn launch(mut self: Box<Self>) {
        let Some(payload) = self.payload.take() else {
            return;
        };
        let slot = &self.slot;
        let Some(typed) = slot.typed() else { return };
        let Err(reason) = spawn(slot, typed, &self.record, payload) else {
            return;
        };
        // Its adopter has been told that all is well, so this is a failure.
        let cause = match reason {
            Reason::Start(error) => Cause::lost_by("its flavour could not be started", error),
            Reason::Rejected(Some(error)) => Cause::lost_by("its flavour does not take it", error),
            _ => Cause::lost("its flavour does not take it"),
        };
        self.record.fail(cause);
    }
}

impl<P> Drop for WaitingPayload<P> {
    fn drop(&mut self) {
        if self.payload.is_some() {
            // Cancelled before it began, which is no failure; a panic of its destructor is one.
            self.record.cancel();
        }
    }
}
