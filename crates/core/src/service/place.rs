//! Places in groups with a limit: waiting for one, and what is handed in there.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::group::Group;
use super::unit_core::{Attempt, Owner, UnitCore};
use crate::base::event::{self, Event, EventListener};
use crate::base::sync::Arc;
use crate::errors::outcome::Outcome;
use crate::errors::place::{PlaceError, PlaceProblem};
use crate::errors::refusal::AdoptError;
use crate::lifetime::Phase;
use crate::lifetime::gate::{Gate, Gates, Waiting};
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;
use crate::runtime::site::PayloadName;
use crate::task;
use crate::task::Task;

/// A place in a group with a limit, for one payload: see [`Group::place`].
///
/// Dropping it gives the place back.
#[must_use = "a place that is dropped goes to the next who waits"]
pub struct Place {
    group: Group,
    name: PayloadName,
    /// Taken out when the payload has it.
    gates: Option<Gates>,
}

impl Place {
    /// Gives the payload a name, as [`Group::named`].
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// let connections = runtime.group("connections").limit(1_000).create()?;
    /// let place = connections.try_place()?;
    /// place.named("192.0.2.7").adopt(manual, async || { /* serve one */ })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// As [`Group::adopt`], and never refused because of the limit.
    ///
    /// # Errors
    ///
    /// As there, but for the limit; and if the name is empty.
    #[track_caller]
    pub fn adopt<C, P>(mut self, key: C, payload: P) -> Result<(), AdoptError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Outcome> + Send + 'static,
    {
        let who = (self.name.take(), Location::caller());
        let (core, site) = (self.group.core(), self.group.site());
        // A payload that is refused before it is counted leaves the place here.
        core.adopt::<false, _, _>(site, key, payload, who, &mut self.gates)
    }

    /// The group.
    pub fn group(&self) -> &Group {
        &self.group
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(gates) = self.gates.take() {
            gates.give_back().wake();
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.group.path()).finish()
    }
}

impl Group {
    /// A future that completes when there is a place in the group, and in those around it: first come, first served.
    ///
    /// ```
    /// # use foster_core::{Coroutine, Group, Key, PlaceError};
    /// # async fn serve(flavour: impl Key<Payload = Coroutine>, connections: Group) -> Result<(), Box<dyn std::error::Error>> {
    /// # let accept = async || 1;
    /// loop {
    ///     let place = connections.place().await?;
    ///     let socket = accept().await;
    ///     place.adopt(flavour.clone(), move || async move { /* serve the socket */ drop(socket) })?;
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the group or the runtime is stopping or has stopped; and if no place could ever be free, as all of them are taken
    /// by the run that waits and by those whose child it is. A [`Place`] that is held and not used may be anybody's, so nobody
    /// is refused for one; nor is who waits in a task that a payload spawned by other means.
    ///
    /// There are no places from the moment that the runtime's stop begins. The token of a service that waits may be
    /// asked later than that, when the services after it have ended. One that has a last message to write catches the error
    /// of the kind [`Stopping`](crate::PlaceErrorKind::Stopping), or writes it whichever of the two comes first.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, it waits no more. A place that it has by then goes to the next.
    pub fn place(&self) -> TakePlace {
        TakePlace {
            taking: Taking::new(self),
            listener: None,
        }
    }

    /// A place, if there is one now and nobody waits for it.
    ///
    /// Taken before there is anything to hand in, it tells whoever would be too many before that has been begun:
    ///
    /// ```
    /// # use foster_core::{Manual, PlaceErrorKind, Runtime};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// # let (connections, socket) = (runtime.group("connections").limit(50).create()?, 1);
    /// # let answer_busy = |socket: i32| ();
    /// match connections.try_place() {
    ///     Ok(place) => place.adopt(manual, move || async move { /* serve the socket */ drop(socket) })?,
    ///     Err(error) if error.kind() == PlaceErrorKind::Full => answer_busy(socket),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the group or the runtime is stopping or has stopped; if the limit is reached, of the group or one that it is in, or
    /// somebody has waited for a place before.
    pub fn try_place(&self) -> Result<Place, PlaceError> {
        let mut taking = Taking::new(self);
        let taken = taking.take_free();
        taken.unwrap_or_else(|| Err(taking.refused(PlaceProblem::Full)))
    }

    /// As [`place`](Self::place), for threads: blocks at most for `time` on the runtime's clock.
    ///
    /// In a coroutine it blocks all others of the flavour, also those that would free a place; await
    /// [`place`](Self::place).
    ///
    /// # Errors
    ///
    /// As there, and if the time is over.
    pub fn wait_place(&self, time: Duration) -> Result<Place, PlaceError> {
        let mut taking = Taking::new(self);
        let event = Arc::clone(&taking.event);
        let clock = &self.core().lifetime.settings.clock;
        let taken = event::wait(|| event.listen(), clock, time, || taking.look());
        taken.unwrap_or_else(|| Err(taking.refused(PlaceProblem::Late)))
    }
}

/// The future of [`Group::place`].
///
/// # Cancel safety
///
/// If it is dropped, it waits no more. A place that it has by then goes to the next.
#[must_use = "a future does nothing unless it is awaited"]
pub struct TakePlace {
    taking: Taking,
    listener: Option<EventListener>,
}

impl Future for TakePlace {
    type Output = Result<Place, PlaceError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Some(taken) = this.taking.look() {
                return Poll::Ready(taken);
            }
            match &mut this.listener {
                Some(listener) => {
                    ready!(Pin::new(listener).poll(context));
                    this.listener = None;
                }
                None => this.listener = Some(this.taking.event.listen()),
            }
        }
    }
}

impl fmt::Debug for TakePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TakePlace")
            .field(&self.taking.group.path())
            .finish()
    }
}

/// How far somebody has come who takes a place in each limit that there is, one after the other.
struct Taking {
    group: Group,
    gates: Gates,
    /// In how many of them there is a place.
    taken: usize,
    waiting: Option<Arc<Waiting>>,
    event: Arc<Event>,
}

impl Taking {
    fn new(group: &Group) -> Self {
        Self {
            group: group.clone(),
            gates: group.gates(),
            taken: 0,
            waiting: None,
            event: Arc::default(),
        }
    }

    /// Goes on as far as may be; returns what has come of it, once that is known.
    fn look(&mut self) -> Option<Result<Place, PlaceError>> {
        loop {
            if let Some(taken) = self.take_free() {
                return Some(taken);
            }
            let gate = self.gates.get(self.taken)?;
            if self.waiting.is_some() {
                return None;
            }
            if is_held_by_waiter(gate) {
                return Some(Err(self.refused(PlaceProblem::Deadlock)));
            }
            let (waiting, wakers) = gate.wait(self.group.number(), &self.event);
            self.waiting = Some(waiting);
            wakers.wake();
        }
    }

    /// Takes the places that there are; returns what has come of it, unless it must wait for one.
    fn take_free(&mut self) -> Option<Result<Place, PlaceError>> {
        if self.group.is_closed() {
            return Some(Err(self.refused(PlaceProblem::Stopping)));
        }
        while let Some(gate) = self.gates.get(self.taken) {
            match &self.waiting {
                Some(waiting) if waiting.has_place() => self.waiting = None,
                None if gate.take() => {}
                _ => return None,
            }
            self.taken += 1;
        }
        self.taken = 0;
        Some(Ok(Place {
            group: self.group.clone(),
            name: None,
            gates: Some(self.gates.clone()),
        }))
    }

    fn refused(&self, problem: PlaceProblem) -> PlaceError {
        let gate = self.gates.get(self.taken);
        let lifetime = &self.group.core().lifetime;
        let is_of_group = lifetime.phase() < Phase::Stopping;
        let limit = gate.map(|gate| (Arc::clone(gate.path()), gate.limit()));
        PlaceError::new(self.group.path(), limit, problem, is_of_group)
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if let (Some(waiting), Some(gate)) = (self.waiting.take(), self.gates.get(self.taken)) {
            gate.leave(&waiting).wake();
        }
        for gate in self.gates.iter().take(self.taken) {
            gate.give_back().wake();
        }
    }
}

/// Whether all places are taken by the run that waits on this thread, and by those whose child it is: nobody else could
/// free one.
fn is_held_by_waiter(gate: &Arc<Gate>) -> bool {
    let mut held = 0;
    let hold = &mut |gates: &Gates| {
        held += usize::from(gates.iter().any(|one| Arc::ptr_eq(one, gate)));
    };
    if let Some(task) = task::current() {
        holds_of_task(&*task, hold);
    }
    held > 0 && held >= gate.taken()
}

/// The limits that count a payload, and those whose child it is.
fn holds_of_task(task: &Task, hold: &mut impl FnMut(&Gates)) {
    if let Some(attempt) = Attempt::of(task) {
        return holds_of_unit(attempt.unit(), hold);
    }
    let part = task.header().part();
    if let Some(group) = part.group() {
        hold(&group.gates);
    }
    match task.submitter() {
        // It waits for this one.
        Some(submitter) => submitter
            .iter()
            .for_each(|task| holds_of_task(&**task, hold)),
        None => {
            if let Some(group) = super::supervisor::supervisor(task.lifetime()).group_of_part(part)
            {
                holds_of_group(&group, hold);
            }
        }
    }
}

fn holds_of_unit(unit: &UnitCore, hold: &mut impl FnMut(&Gates)) {
    hold(&unit.gates_of_unit());
    if let Some(group) = &unit.parent {
        holds_of_group(group, hold);
    }
}

/// Those of the run that made the group.
fn holds_of_group(group: &UnitCore, hold: &mut impl FnMut(&Gates)) {
    let Some(members) = group.members() else {
        // The group of a run is in the unit of that.
        return holds_of_unit(group, hold);
    };
    if let Owner::Payload(task) = &members.owner {
        let task = task.upgrade();
        if let Some(part) = task.as_ref().filter(|task| !task.state().is_settled()) {
            if let Some(group) = part.header().part().group() {
                hold(&group.gates);
            }
        }
    }
    if let Some(parent) = &group.parent {
        holds_of_group(parent, hold);
    }
}
