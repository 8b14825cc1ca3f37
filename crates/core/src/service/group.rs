//! Groups: parts of a runtime with an end of their own.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::supervision::Wish;
use super::supervisor::supervisor;
use super::unit::StateFuture;
use super::unit_core::{Attempt, Members, UnitCore};
use super::{Dependency, Served, Unit, UnitBuilder, UnitState, UnitStatus};
use crate::base::sync::Arc;
use crate::errors::failure::Failure;
use crate::errors::outcome::Outcome;
use crate::errors::refusal::{AdoptError, ExecuteError};
use crate::errors::serve::ServeError;
use crate::lifetime::gate::Gates;
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;
use crate::runtime::core::Core;
use crate::runtime::site::Site;
use crate::runtime::{Call, Named, Runtime};
use crate::task;
use crate::task::Task;

/// A part of a runtime with an end of its own: payloads, services and further groups.
///
/// It has the verbs of the runtime: what is handed in here is in the group, and ends with it. One is made by
/// [`Runtime::group`], or is that of the present run: [`Group::current`].
///
/// ```
/// use foster_core::{Manual, Runtime};
///
/// let (runtime, manual) = (Runtime::builder().until_idle().build(), Manual::new());
/// let connections = runtime.group("connections").limit(1_000).create()?;
/// connections.adopt(manual.clone(), || async { /* serve one */ })?;
/// runtime.start()?;
/// # while !manual.step() {}
/// // In async code: `connections.stopped().await`.
/// connections.shutdown();
/// # manual.step();
/// assert!(connections.wait_stopped(std::time::Duration::from_secs(20)));
/// # runtime.wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The end
///
/// When a group is asked to end, all that is in it is asked at once; services and groups in it that come
/// [after](crate::Settings::after) each other have their turns. A payload with a [token](crate::Shutdown) has the group's
/// [stop time](crate::GroupBuilder::stop_time); the others are dropped where they await as soon as nobody with a token is left. The
/// group is over when nothing is alive in it; a thread without a token is left behind.
///
/// A group ends when [`shutdown`](Self::shutdown) is called, when the group that it is in ends, and with the runtime, of
/// course. It also ends by itself, when it is empty and the last handle of it is dropped: nobody could hand in any more.
///
/// While the last payloads end, [`stopped`](Self::stopped) waits for them: a listener that was asked to end awaits that of its
/// connections, and then writes its last message. Connections that hang take the stop time of their group, not the
/// listener's.
///
/// # Failures
///
/// A failure of a payload in it, or of a service without a policy of its own, is that of the group: if the group
/// [may fail](crate::GroupBuilder::may_fail), the group ends for it and nothing else does. If not, it is that of the group around it,
/// or of the run that made it, and so on; it is the runtime's if nobody absorbs it, and the stop begins inside the failing
/// payload.
#[derive(Clone)]
pub struct Group {
    handle: Arc<Handle>,
}

/// Shared by the clones of one handle.
struct Handle {
    group: Arc<UnitCore>,
    core: Arc<Core>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        supervisor(&self.core.lifetime).drop_handle(&self.group);
    }
}

impl Runtime {
    /// The group with this path, unless it is over. It does not end by itself while this handle is there.
    pub fn group_named(&self, path: &str) -> Option<Group> {
        let core = self.core();
        let found = supervisor(&core.lifetime).find_group(&core.lifetime, path);
        Some(Group::counted(core, found?))
    }
}

impl Group {
    /// A handle of a group. If handles keep that up, this one is counted already.
    pub(super) fn counted(core: &Arc<Core>, group: Arc<UnitCore>) -> Self {
        let core = Arc::clone(core);
        let handle = Arc::new(Handle { group, core });
        Self { handle }
    }

    /// The group of the present run's children: of the service or the adopted payload that runs on this thread.
    ///
    /// The run is over when its children are. One that fails or is asked to end asks them at once, too, and they end before
    /// it does. In a payload of an [execute](Runtime::execute) or a [call](Runtime::call) it is the group of whoever
    /// submitted it.
    ///
    /// A run that asks for it first when the runtime, or the group that it is in, stops already has one that is over: it
    /// takes nothing in.
    ///
    /// # Panics
    ///
    /// Where [`try_current`](Self::try_current) would be `None`.
    #[track_caller]
    pub fn current() -> Self {
        let here = "no run of a foster runtime is here, whose children could be in a group: take the \
                    group in the run and move it to where it is needed, or use `Group::try_current`";
        Self::try_current().expect(here)
    }

    /// As [`current`](Self::current), or `None` outside a payload, and in tasks that a payload spawned by its executor's own
    /// means.
    pub fn try_current() -> Option<Self> {
        let task = task::current()?;
        Self::of_run(&task)
    }

    fn of_run(task: &Arc<Task>) -> Option<Self> {
        let supervisor = supervisor(task.lifetime());
        let core = supervisor.core()?;
        let group = match (Attempt::of(&**task), task.submitter()) {
            (Some(attempt), _) => supervisor.group_of_run(attempt.unit()),
            (None, Some(submitter)) => return Self::of_run(&submitter?),
            (None, None) => supervisor.group_of_payload(task),
        };
        // The run has it, and no handle keeps it up.
        Some(Self::counted(&core, group))
    }

    pub(super) fn known(&self) -> &Arc<UnitCore> {
        &self.handle.group
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }

    /// Its name, behind the path of what it is in: `ingest/connections`.
    pub fn path(&self) -> &str {
        self.known().name()
    }

    /// How the group does: *running*, *stopping*, *ended*, *failed*, or *left behind*; *waiting* before the start.
    pub fn state(&self) -> UnitState {
        self.known().state()
    }

    /// The failure for which it has ended, or that it absorbed last. Those of payloads that may
    /// [each](crate::GroupBuilder::each_may_fail) fail are told, and not kept.
    pub fn last_failure(&self) -> Option<Failure> {
        self.known().last_failure()
    }

    /// As [`Runtime::adopt`], into this group.
    ///
    /// # Errors
    ///
    /// As there; and if the group is stopping or over, or the [limit](crate::GroupBuilder::limit) is reached. The error has the
    /// payload then, with all that it owns: [`AdoptError::into_payload`]. Or take a [`place`](Self::place) before there is
    /// anything to hand in, such as an accepted socket.
    ///
    /// A payload that returns the error of a group that stops has failed, unless it is in that group, or its runtime or its
    /// own group stops as well.
    #[track_caller]
    pub fn adopt<C, P>(&self, key: C, payload: P) -> Result<(), AdoptError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Outcome> + Send + 'static,
    {
        let who = (None, Location::caller());
        self.core()
            .adopt::<true, _, _>(self.site(), key, payload, who, &mut None)
    }

    /// As [`Runtime::execute`], in this group.
    ///
    /// # Errors
    ///
    /// As there; and if the group is over, or the [limit](crate::GroupBuilder::limit) is reached. The error has the payload then:
    /// [`ExecuteError::into_payload`].
    ///
    /// # Panics
    ///
    /// With the payload's own panic.
    #[track_caller]
    pub fn execute<C, P>(&self, key: C, payload: P) -> Result<P::Output, ExecuteError>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let who = (None, Location::caller());
        self.core()
            .execute::<true, _, _>(self.site(), key, payload, who)
    }

    /// As [`Runtime::call`], in this group. The errors of the [`Call`] are those of [`execute`](Self::execute).
    #[track_caller]
    pub fn call<C, P>(&self, key: C, payload: P) -> Call<P::Output>
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output: Send> + Send + 'static,
    {
        let who = (None, Location::caller());
        Call::new::<true, _, _>(self.core(), self.site(), key, payload, who)
    }

    /// As [`Runtime::named`], of a payload in this group: reports show the name behind the group's path.
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> Named<'_> {
        Named::new(self.core(), self.site(), name.into())
    }

    /// As [`Runtime::serve`], in this group: the service's name begins with the group's path.
    ///
    /// # Errors
    ///
    /// As there; and if the group is stopping or over, or the [limit](crate::GroupBuilder::limit) is reached. The error has the
    /// service then: [`ServeError::into_service`].
    #[track_caller]
    pub fn serve<S: Served<Way> + Send, Way>(&self, service: S) -> Result<Unit, ServeError> {
        self.unit().serve(service)
    }

    /// As [`Runtime::serve_with`], in this group.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    ///
    /// # Panics
    ///
    /// With a panic of the first call of `make`.
    #[track_caller]
    pub fn serve_with<S: Served<Way> + Send, Way>(
        &self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Unit, ServeError> {
        self.unit().serve_with(make)
    }

    /// As [`Runtime::unit`], of a service in this group.
    pub fn unit(&self) -> UnitBuilder<'_> {
        UnitBuilder::inside(self.core(), Some(self.known()))
    }

    /// The status of each service in this group, and in those that are in it.
    pub fn units(&self) -> Vec<UnitStatus> {
        let units = supervisor(&self.core().lifetime).units();
        let inside = units.iter().filter(|unit| unit.is_inside(self.known()));
        inside.map(|unit| unit.status()).collect()
    }

    /// Asks all that is in the group to end, and returns at once. Nothing more is taken in.
    ///
    /// Errors that its payloads return from now on are their own affair: they are told, the group is *failed*, and nothing
    /// else ends for them. A panic is a failure as ever. On a group that is stopping or over nothing happens.
    pub fn shutdown(&self) {
        let group = self.known();
        supervisor(group.lifetime()).ask(group, Wish::Stop);
    }

    /// As [`shutdown`](Self::shutdown), without any stop time: all coroutines in the group, and in what is in it, are dropped
    /// where they await, even if they hold a token; what has not begun is dropped unrun. A thread goes on: one with a token
    /// hears of it, and is waited for until the group's time is over. Before the start nothing more is taken in, as after a
    /// shutdown.
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime};
    /// # let (runtime, manual) = (Runtime::builder().until_idle().build(), Manual::new());
    /// let imports = runtime.group("imports").create()?;
    /// imports.adopt(manual.clone(), || std::future::pending::<()>())?;
    /// runtime.start()?;
    /// # while !manual.step() {}
    /// imports.cancel();
    /// # while !imports.wait_stopped(std::time::Duration::from_millis(1)) { manual.step(); }
    /// runtime.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self) {
        let group = self.known();
        supervisor(group.lifetime()).cancel(group);
    }

    /// A future that completes when the group is over, with its last state.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn stopped(&self) -> StateFuture {
        StateFuture::new(self.known(), UnitState::is_over)
    }

    /// Blocks until the group is over, at most for `time` on the runtime's clock. Returns whether it is.
    ///
    /// In a coroutine it blocks all others of the flavour; await [`stopped`](Self::stopped). A payload of the group itself
    /// waits for itself.
    pub fn wait_stopped(&self, time: Duration) -> bool {
        self.known().wait(time, UnitState::is_over)
    }

    /// How many payloads are alive in the group itself. Services, and what is in groups in it, are not counted:
    /// [`taken`](Self::taken) counts all of that where there is a limit.
    pub fn running(&self) -> usize {
        self.members().count()
    }

    /// The group's own limit.
    pub fn limit(&self) -> Option<usize> {
        Some(self.members().limit.as_ref()?.limit())
    }

    /// How many places of the group's own limit are taken; 0 if it has none.
    pub fn taken(&self) -> usize {
        self.members().limit.as_ref().map_or(0, |gate| gate.taken())
    }

    /// How many wait for a place of the group's own limit.
    pub fn waiting(&self) -> usize {
        self.members()
            .limit
            .as_ref()
            .map_or(0, |gate| gate.waiting())
    }

    fn members(&self) -> &Members {
        let members = self.known().members();
        members.expect("a handle is that of a group")
    }

    pub(super) fn site(&self) -> &Arc<Site> {
        &self.members().site
    }

    /// The limits that count what is in it.
    pub(super) fn gates(&self) -> Gates {
        self.members().gates()
    }

    /// Whether nothing more is taken in.
    pub(super) fn is_closed(&self) -> bool {
        self.site().part.is_closed()
    }

    pub(super) fn number(&self) -> u64 {
        self.site().part.number()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("path", &self.path())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl From<&Group> for Dependency {
    fn from(group: &Group) -> Self {
        Self::of_unit(Arc::clone(group.known()))
    }
}
