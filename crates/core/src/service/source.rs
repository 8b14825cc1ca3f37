//! The values of a service, and the payloads that their runs are.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Context;

use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span};

use super::definition::{PayloadOf, Service};
use super::owned::{Once, OwnedService};
use super::supervisor::{drop_aside, drop_at_last};
use super::unit_core::{AnySource, Attempt, UnitCore};
use crate::base::sync::{Arc, Mutex, lock};
use crate::contract::backend::Typed;
use crate::contract::key::Key;
use crate::errors::answer::Answered;
use crate::errors::refusal::Reason;
use crate::lifetime::Phase;
use crate::payload::run::sealed;
use crate::payload::{Coroutine, Parallel, Subroutine};
use crate::runtime::spawn;
use crate::scheduler::Scheduler;
use crate::task::{self, Dropping, Identity, Ticket};

/// Makes a service's value for each run after the first.
pub(super) type Make<S> = Box<dyn Fn() -> S + Send + Sync>;

/// Where the values of a service come from.
#[allow(missing_debug_implementations, reason = "never leaves the crate")]
pub struct Source<S> {
    /// The value for the next run.
    value: Mutex<Option<S>>,
    /// If the same value does not serve again.
    make: Option<Make<S>>,
    /// A run uses its value up.
    is_once: bool,
}

impl<S> Source<S> {
    pub(super) fn new(value: S, make: Option<Make<S>>, is_once: bool) -> Self {
        Self {
            value: Mutex::new(Some(value)),
            make,
            is_once,
        }
    }

    fn take(&self) -> Option<S> {
        lock(&self.value).take()
    }
}

/// A service's value during one run. Afterwards it is kept for the next one, or dropped right there.
struct Held<S> {
    value: Option<S>,
    source: Arc<Source<S>>,
}

impl<S> Held<S> {
    /// The value for a run that begins, made here if each has its own.
    fn of(source: Arc<Source<S>>) -> Self {
        let value = match (source.take(), &source.make) {
            (None, Some(make)) => Some(make()),
            (value, _) => value,
        };
        Self { value, source }
    }

    fn service(&self) -> &S {
        let value = self.value.as_ref();
        value.expect("a run has its value until it is over")
    }
}

impl<S> Drop for Held<S> {
    fn drop(&mut self) {
        let value = self.value.take();
        let serves_again = self.source.make.is_none() && !self.source.is_once;
        if serves_again && within(Attempt::keeps_value) {
            *lock(&self.source.value) = value;
        }
    }
}

/// Calls `code` with the run whose payload runs on this thread: a run's code is always that of its own payload.
fn within<R>(code: impl FnOnce(&Attempt) -> R) -> R {
    task::with_current(|task| {
        let attempt = task.and_then(|task| Attempt::of(&**task));
        code(attempt.expect("a run is the code of its own payload"))
    })
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
pub trait Runs<P>: Service + Sized {
    /// The payload of one run.
    #[doc(hidden)]
    fn payload(source: Arc<Source<Self>>, attempt: Attempt) -> P;
}

/// A [`Service`] that a runtime takes: its value fits its own flavour (see [`Runs`]).
///
/// One bound, so that the compiler has one thing to say about a value that is no service. The compiler finds `Way`:
/// whether the `run` borrows the value, as in [`Service`], or owns it, as in [`OwnedService`]. A type that implements
/// both has two ways, and is taken in neither.
///
/// The trait is closed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no service",
    label = "not a service",
    note = "put `#[service(flavour = …)]` on the `impl` block with its `run`, or on a free function",
    note = "or implement `Service` by hand; a closure becomes one with `service(flavour, || …)`",
    note = "on a flavour of several threads such as `TokioMultiThread`, the value of a service is also `Sync`"
)]
pub trait Served<Way = ByRef>: Sized + 'static {
    /// The service as it is kept.
    #[doc(hidden)]
    type Kept: Service + Runs<PayloadOf<Self::Kept>> + Send;

    /// Whether its first run uses it up.
    #[doc(hidden)]
    const IS_ONCE: bool;

    #[doc(hidden)]
    fn keep(self) -> Self::Kept;

    /// Undoes [`keep`](Self::keep), for a service that is not taken.
    #[doc(hidden)]
    fn give_back(kept: Self::Kept) -> Self;
}

/// The way of a service whose run borrows its value.
#[derive(Debug)]
pub struct ByRef;

/// The way of a service whose run takes its value.
#[derive(Debug)]
pub struct ByValue;

#[diagnostic::do_not_recommend]
impl<S> Served<ByRef> for S
where
    S: Service + Runs<PayloadOf<S>> + Send,
{
    type Kept = S;

    const IS_ONCE: bool = false;

    fn keep(self) -> S {
        self
    }

    fn give_back(kept: S) -> S {
        kept
    }
}

#[diagnostic::do_not_recommend]
impl<S> Served<ByValue> for S
where
    S: OwnedService + Send,
    Once<S>: Runs<PayloadOf<Once<S>>>,
{
    type Kept = Once<S>;

    const IS_ONCE: bool = true;

    fn keep(self) -> Once<S> {
        Once::new(self)
    }

    fn give_back(kept: Once<S>) -> S {
        kept.into_inner()
    }
}

impl<S: Service<Flavour: Key<Payload = Coroutine>> + Send> Runs<Coroutine> for S {
    fn payload(source: Arc<Source<S>>, attempt: Attempt) -> Coroutine {
        // The value is got before the future is made, which would have room for it twice.
        let run = move || {
            let (held, span) = (Held::of(source), span());
            async move {
                let answered = {
                    let mut run = pin!(span.in_scope(|| held.service().run()));
                    let poll = |context: &mut Context<'_>| {
                        let _inside = span.enter();
                        sealed::Run::<Coroutine>::drive((run.as_mut(), context.waker()))
                    };
                    poll_fn(poll).await
                };
                within(|attempt| attempt.answer(answered));
            }
        };
        Coroutine::observed(run, ticket(attempt.unit(), None), attempt)
    }
}

impl<S: Service<Flavour: Key<Payload = Parallel>> + Send + Sync> Runs<Parallel> for S {
    fn payload(source: Arc<Source<S>>, attempt: Attempt) -> Parallel {
        let run = move || {
            let (held, span) = (Held::of(source), span());
            async move {
                let run = span.in_scope(|| held.service().run());
                let run = sealed::Run::<Parallel>::drive(run);
                let answered = run.instrument(span).await;
                within(|attempt| attempt.answer(answered));
            }
        };
        Parallel::observed(run, ticket(attempt.unit(), None), attempt)
    }
}

impl<S: Service<Flavour: Key<Payload = Subroutine>> + Send> Runs<Subroutine> for S {
    fn payload(source: Arc<Source<S>>, attempt: Attempt) -> Subroutine {
        let run = move || {
            let held = Held::of(source);
            let answered = match held.value {
                Some(_) => {
                    let run = span().in_scope(|| held.service().run());
                    sealed::Run::<Subroutine>::drive(run)
                }
                // The runtime left its thread behind before that began, and has dropped the value.
                None => Answered(Ok(None)),
            };
            within(|attempt| attempt.answer(answered));
        };
        Subroutine::observed(run, ticket(attempt.unit(), None), attempt)
    }
}

/// What the run that begins on this thread is polled in: so what libraries log says whose it is.
fn span() -> Span {
    if LevelFilter::current() < LevelFilter::INFO {
        return Span::none();
    }
    within(|attempt| {
        let (unit, number) = (attempt.unit(), attempt.id().number);
        tracing::info_span!(
            target: "foster",
            "run",
            unit = &**unit.name(),
            flavour = unit.scheduler().identifier().as_str(),
            run = number,
        )
    })
}

/// For a payload of the unit. That of a run needs no `name`: it tells of itself.
fn ticket(unit: &UnitCore, name: Option<Cow<'static, str>>) -> Ticket<()> {
    let scheduler = Arc::clone(unit.scheduler()) as _;
    Ticket::adopted(Identity::new(name, unit.location, scheduler))
}

impl<S: Runs<PayloadOf<S>> + Send> AnySource for Source<S> {
    fn is_blocking(&self) -> bool {
        <PayloadOf<S> as sealed::Kind>::IS_BLOCKING
    }

    fn can_run(&self) -> bool {
        self.make.is_some() || self.has_value()
    }

    fn has_value(&self) -> bool {
        lock(&self.value).is_some()
    }

    fn is_flavour_up(&self, scheduler: &Scheduler) -> bool {
        typed::<S>(scheduler).flavour().is_some()
    }

    fn start_flavour(&self, scheduler: &Arc<Scheduler>) -> Result<(), Reason> {
        scheduler.host.started(typed::<S>(scheduler)).map(drop)
    }

    fn launch(self: Arc<Self>, unit: &UnitCore, attempt: Attempt) -> Result<(), Reason> {
        let scheduler = unit.scheduler();
        scheduler.accept();
        let payload = S::payload(self, attempt);
        // Looked at after it was counted: see `Scheduler::accept`.
        if scheduler.lifetime().phase() >= Phase::Stopping {
            task::drop_for(Dropping::Refused, payload);
            return Err(Reason::Stopping);
        }
        spawn(scheduler, typed::<S>(scheduler), payload)
    }

    fn dispose(&self, unit: &Arc<UnitCore>) -> bool {
        let scheduler = unit.scheduler();
        if scheduler.lifetime().phase() >= Phase::Stopping {
            return false;
        }
        if !self.is_flavour_up(scheduler) {
            // It never ran, so it belongs to no thread.
            drop_aside(scheduler.lifetime(), Arc::clone(unit));
            return true;
        }
        // Not in the group of the unit: what comes into one that ends is dropped unrun.
        let root = match unit.parent {
            Some(_) => scheduler.host.root(),
            None => Some(Arc::clone(scheduler)),
        };
        let Some(scheduler) = root else {
            return false;
        };
        scheduler.accept();
        let name = Some(unit.name().to_string().into());
        let here = Arc::new(Mutex::new(self.take()));
        let identity = Identity::new(name, unit.location, Arc::clone(&scheduler) as _);
        let ticket = Ticket::adopted(identity);
        let (unit, there) = (Arc::clone(unit), Arc::clone(&here));
        let take = move || lock(&there).take();
        let payload = sealed::Kind::calling(move || drop_at_last(&unit, || drop(take())), ticket);
        let _ = spawn(&scheduler, typed::<S>(&scheduler), payload);
        // If that payload is gone already, it has dropped the value, or its flavour has refused or lost it.
        if let Some(slot) = Arc::into_inner(here) {
            *lock(&self.value) = lock(&slot).take();
        }
        !self.has_value()
    }

    fn drop_value(&self) {
        drop(self.take());
    }
}

fn typed<S: Service>(scheduler: &Scheduler) -> &Typed<PayloadOf<S>> {
    let typed = scheduler.typed();
    typed.expect("a unit's scheduler was chosen by its own key")
}
