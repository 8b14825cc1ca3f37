//! The values of a service, and the payloads that their runs are.

use std::any::Any;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Context;

use super::answer::{Answered, Judged};
use super::attempt::Attempt;
use super::unit_core::UnitCore;
use super::{PayloadOf, Service, sealed};
use crate::account::Header;
use crate::context::{self, Dropping};
use crate::envelope::Ticket;
use crate::error::Reason;
use crate::key::Key;
use crate::lifetime::Phase;
use crate::payload::{Coroutine, Parallel, Subroutine};
use crate::runtime::spawn;
use crate::slot::Slot;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Makes a service's value for each run after the first.
pub(super) type Make<S> = Box<dyn Fn() -> S + Send + Sync>;

/// Where the values of a service come from. A unit has one unless its first run has the only value.
pub(crate) struct Source<S> {
    /// The value for the next run.
    value: Mutex<Option<S>>,
    /// If the same value does not serve again.
    make: Option<Make<S>>,
}

impl<S> Source<S> {
    pub(super) fn new(value: Option<S>, make: Option<Make<S>>) -> Self {
        Self {
            value: Mutex::new(value),
            make,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<S>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<S> {
        self.lock().take()
    }

    /// The value for a run that begins, made here if each has its own.
    fn next(&self) -> Option<S> {
        match (self.take(), &self.make) {
            (None, Some(make)) => Some(make()),
            (value, _) => value,
        }
    }
}

/// A service's value during one run. Afterwards it is kept for the next one, or dropped right there.
///
/// Which run that is says the payload whose code runs: there is none of the other's.
struct Held<S>(Option<S>)
where
    S: Runs<PayloadOf<S>> + Send;

impl<S> Held<S>
where
    S: Runs<PayloadOf<S>> + Send,
{
    fn service(&self) -> &S {
        self.0
            .as_ref()
            .expect("a run has its value until it is over")
    }
}

impl<S> Drop for Held<S>
where
    S: Runs<PayloadOf<S>> + Send,
{
    fn drop(&mut self) {
        let value = self.0.take();
        within(|attempt| {
            if attempt.may_be_followed() {
                let source = attempt.unit().source_of::<S>();
                if source.make.is_none() {
                    *source.lock() = value;
                }
            }
        });
    }
}

/// Calls `code` with the run whose payload runs on this thread.
fn within<R>(code: impl FnOnce(&Attempt) -> R) -> R {
    context::with_current(|record| {
        let attempt = record.and_then(|record| record.attempt());
        code(attempt.expect("a run is the code of its own payload"))
    })
}

fn judge(answered: Answered) -> Judged {
    within(|attempt| attempt.judge(answered))
}

/// One run that is about to begin.
#[allow(missing_debug_implementations, reason = "never leaves the crate")]
pub struct Start<S> {
    /// The value, unless the unit's source has it.
    value: Option<S>,
}

impl<S> Start<S>
where
    S: Runs<PayloadOf<S>> + Send,
{
    /// The value, made here if each run has its own.
    fn begin(self) -> Held<S> {
        let next = || within(|attempt| attempt.unit().source_of::<S>().next());
        Held(self.value.or_else(next))
    }

    /// Hands the payload of the run to its flavour, whose slot is the unit's.
    pub(super) fn launch(
        value: Option<S>,
        attempt: Attempt,
        slot: &Arc<Slot>,
    ) -> Result<(), Reason> {
        let typed = slot
            .typed::<PayloadOf<S>>()
            .expect("a unit's slot was chosen by its own key");
        slot.accept();
        let payload = S::payload(Self { value }, Ticket::of_service(attempt));
        // Looked at after it was counted: see `Slot::accept`.
        if slot.lifetime.phase() >= Phase::Stopping {
            context::drop_for(Dropping::Refused, payload);
            return Err(Reason::Stopping);
        }
        spawn(slot, typed, payload)
    }
}

/// A [`Service`] whose value fits a flavour of `P`s: it is `Send`, as it is handed in on one thread and
/// runs on another; on a flavour of several threads it is `Sync` as well.
///
/// The trait is closed.
#[diagnostic::on_unimplemented(
    message = "the service `{Self}` cannot be handed to a flavour of `{P}`s",
    label = "its value does not fit the flavour's threads",
    note = "a service is `Send`, and on a flavour of several threads such as `TokioMultiThread` also `Sync`",
    note = "what need not be `Send` is made in its `run`"
)]
pub trait Runs<P>: Service + Payloads<P> {}

#[allow(
    private_interfaces,
    reason = "the trait is closed: nobody else can name what is in it"
)]
pub trait Payloads<P>: Sized {
    /// The payload of one run.
    #[doc(hidden)]
    fn payload(start: Start<Self>, ticket: Ticket<Judged>) -> P;

    /// A payload that drops the value.
    #[doc(hidden)]
    fn disposal(self, ticket: Ticket<()>) -> P;
}

/// A [`Service`] that a runtime takes: its value fits its own flavour (see [`Runs`]).
///
/// One bound, so that the compiler has one thing to say about a value that is no service.
///
/// The trait is closed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no service",
    label = "not a service",
    note = "put `#[service(flavour = …)]` on the `impl` block with its `run`, or on a free function",
    note = "or implement `Service` by hand; a closure becomes one with `service(flavour, || …)`",
    note = "on a flavour of several threads such as `TokioMultiThread`, the value of a service is also `Sync`"
)]
pub trait Served: Service + Runs<PayloadOf<Self>> {}

#[diagnostic::do_not_recommend]
impl<S> Served for S where S: Service + Runs<PayloadOf<S>> {}

impl<S> Runs<Coroutine> for S where S: Service<Flavour: Key<Payload = Coroutine>> + Send {}

#[allow(
    private_interfaces,
    reason = "the trait is closed: nobody else can name what is in it"
)]
impl<S> Payloads<Coroutine> for S
where
    S: Service<Flavour: Key<Payload = Coroutine>> + Send,
{
    fn payload(start: Start<S>, ticket: Ticket<Judged>) -> Coroutine {
        // The value is got before the future is made, which would have room for it twice.
        let run = move || {
            let held = start.begin();
            async move {
                let answered = {
                    let mut run = pin!(held.service().run());
                    let poll = |context: &mut Context<'_>| {
                        sealed::Run::<Coroutine>::drive(run.as_mut()).poll_answer(context)
                    };
                    poll_fn(poll).await
                };
                judge(answered)
            }
        };
        Coroutine::new(run, ticket)
    }

    fn disposal(self, ticket: Ticket<()>) -> Coroutine {
        Coroutine::new(move || async move { drop(self) }, ticket)
    }
}

impl<S> Runs<Parallel> for S where S: Service<Flavour: Key<Payload = Parallel>> + Send + Sync {}

#[allow(
    private_interfaces,
    reason = "the trait is closed: nobody else can name what is in it"
)]
impl<S> Payloads<Parallel> for S
where
    S: Service<Flavour: Key<Payload = Parallel>> + Send + Sync,
{
    fn payload(start: Start<S>, ticket: Ticket<Judged>) -> Parallel {
        let run = move || {
            let held = start.begin();
            async move {
                let driven = sealed::Run::<Parallel>::drive(held.service().run());
                let answered = driven.await;
                judge(answered)
            }
        };
        Parallel::new(run, ticket)
    }

    fn disposal(self, ticket: Ticket<()>) -> Parallel {
        Parallel::new(move || async move { drop(self) }, ticket)
    }
}

impl<S> Runs<Subroutine> for S where S: Service<Flavour: Key<Payload = Subroutine>> + Send {}

#[allow(
    private_interfaces,
    reason = "the trait is closed: nobody else can name what is in it"
)]
impl<S> Payloads<Subroutine> for S
where
    S: Service<Flavour: Key<Payload = Subroutine>> + Send,
{
    fn payload(start: Start<S>, ticket: Ticket<Judged>) -> Subroutine {
        let run = move || {
            let held = start.begin();
            let answered = sealed::Run::<Subroutine>::drive(held.service().run());
            judge(answered)
        };
        Subroutine::new(run, ticket)
    }

    fn disposal(self, ticket: Ticket<()>) -> Subroutine {
        Subroutine::new(move || drop(self), ticket)
    }
}

/// A service's values and its flavour, whatever their types are.
pub(crate) trait Launch: Send + Sync + 'static {
    /// Whether there is a value for another run.
    fn can_run(&self) -> bool;

    /// Whether a value is there that no run has taken, or that one has put back.
    fn keeps_value(&self) -> bool;

    /// Whether the flavour is there, so that a launch waits for nothing.
    fn is_flavour_started(&self, slot: &Slot) -> bool;

    /// Starts the flavour, which may take its time.
    fn start_flavour(&self, slot: &Arc<Slot>) -> Result<(), Reason>;

    /// Hands the payload of a run to the flavour.
    fn launch(&self, attempt: Attempt) -> Result<(), Reason>;

    fn as_any(&self) -> &dyn Any;

    /// Has the value that no run will need dropped on the flavour's thread; `false` if that cannot be.
    fn dispose(&self, unit: &UnitCore) -> bool;

    /// Drops the value that no run will need right here.
    fn drop_value(&self);
}

impl<S> Launch for Source<S>
where
    S: Runs<PayloadOf<S>> + Send,
{
    fn can_run(&self) -> bool {
        self.make.is_some() || self.keeps_value()
    }

    fn keeps_value(&self) -> bool {
        self.lock().is_some()
    }

    fn is_flavour_started(&self, slot: &Slot) -> bool {
        slot.typed::<PayloadOf<S>>()
            .is_some_and(|typed| typed.is_started())
    }

    fn start_flavour(&self, slot: &Arc<Slot>) -> Result<(), Reason> {
        let typed = slot
            .typed::<PayloadOf<S>>()
            .expect("a unit's slot was chosen by its own key");
        slot.started(typed).map(drop)
    }

    fn launch(&self, attempt: Attempt) -> Result<(), Reason> {
        let slot = Arc::clone(attempt.unit().slot());
        Start::<S>::launch(None, attempt, &slot)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn dispose(&self, unit: &UnitCore) -> bool {
        let slot = unit.slot();
        if slot.lifetime.phase() >= Phase::Stopping || !self.is_flavour_started(slot) {
            return false;
        }
        let typed = slot
            .typed::<PayloadOf<S>>()
            .expect("a unit's slot was chosen by its own key");
        let Some(value) = self.take() else {
            return true;
        };
        slot.accept();
        let name = Some(unit.name().to_owned().into());
        let header = Header::new(name, unit.location(), Arc::clone(slot));
        let payload = value.disposal(Ticket::adopted(header));
        // Refused only if the flavour is lost, which is told; the value is dropped here then.
        let _ = spawn(slot, typed, payload);
        true
    }

    fn drop_value(&self) {
        drop(self.take());
    }
}
