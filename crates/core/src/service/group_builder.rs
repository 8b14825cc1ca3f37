//! The settings of groups.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::group::Group;
use super::supervisor::{GroupName, GroupPlan, supervisor};
use super::unit_core::{Carried, UnitCore};
use super::{Dependency, Settings};
use crate::base::sync::Arc;
use crate::errors::group::GroupError;
use crate::errors::serve::Problem;
use crate::runtime::Runtime;
use crate::runtime::core::Core;

/// The settings of a new group: see [`Runtime::group`](crate::Runtime::group).
#[must_use = "settings do nothing until the group is created"]
pub struct GroupBuilder {
    core: Arc<Core>,
    parent: Option<Arc<UnitCore>>,
    limit: Option<usize>,
    each_may_fail: bool,
    carried: Option<Carried>,
    settings: Settings,
}

impl Runtime {
    /// Begins the settings of a new group with this name.
    ///
    /// ```
    /// # use foster_core::Runtime;
    /// # use std::time::Duration;
    /// # let runtime = Runtime::new();
    /// let workers = runtime.group("workers").limit(8).stop_time(Duration::from_secs(5)).create()?;
    /// assert_eq!(workers.path(), "workers");
    /// # Ok::<(), foster_core::GroupError>(())
    /// ```
    pub fn group(&self, name: impl Into<Cow<'static, str>>) -> GroupBuilder {
        GroupBuilder::new(self.core(), None, name.into())
    }
}

impl Group {
    /// As [`Runtime::group`], of a group in this one.
    ///
    /// ```
    /// # use foster_core::Runtime;
    /// # let runtime = Runtime::new();
    /// let ingest = runtime.group("ingest").create()?;
    /// let connections = ingest.group("connections").limit(100).create()?;
    /// assert_eq!(connections.path(), "ingest/connections");
    /// # Ok::<(), foster_core::GroupError>(())
    /// ```
    pub fn group(&self, name: impl Into<Cow<'static, str>>) -> GroupBuilder {
        GroupBuilder::new(self.core(), Some(self.known()), name.into())
    }
}

impl GroupBuilder {
    pub(super) fn new(
        core: &Arc<Core>,
        parent: Option<&Arc<UnitCore>>,
        name: Cow<'static, str>,
    ) -> Self {
        Self {
            core: Arc::clone(core),
            parent: parent.cloned(),
            limit: None,
            each_may_fail: false,
            carried: None,
            settings: Settings::new().name(name),
        }
    }

    /// How many payloads and services may be alive in the group, and in the groups in it, at a time. No limit unless set.
    ///
    /// A service counts from when it is handed in until it is over, its delays included; a thread that was left behind
    /// until it ends.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The time that the group has to end in once it is asked to: as [`Settings::stop_time`].
    ///
    /// Payloads that take longer are dropped where they await. While the runtime stops, those with a token are stragglers in
    /// the report, so that [`run`](crate::Runtime::run) returns an error; where the group or each [may
    /// fail](Self::each_may_fail) they are told, and listed with what was [left behind](crate::Runtime::left_behind).
    pub fn stop_time(mut self, time: Duration) -> Self {
        self.settings = self.settings.stop_time(time);
        self
    }

    /// Asks the group to end before `other`, as [`Settings::after`] does for a service. The group takes payloads at once.
    pub fn after(mut self, other: impl Into<Dependency>) -> Self {
        self.settings = self.settings.after(other);
        self
    }

    /// A failure of what is in the group ends the group, which is *failed*, and nothing else.
    pub fn may_fail(mut self) -> Self {
        self.settings = self.settings.may_fail();
        self
    }

    /// A failure of a payload that was adopted into this group ends that payload alone, and is told. A failure of a service
    /// in the group has the meaning that its own settings give it. Payloads of groups in this one are not meant. The panic of a
    /// call into this group whose caller is gone counts as an adopted payload's.
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime, UnitState};
    /// # let (runtime, manual) = (Runtime::builder().quiet().build(), Manual::new());
    /// let connections = runtime.group("connections").each_may_fail().create()?;
    /// connections.adopt(manual.clone(), || async { Err::<(), _>("connection reset by peer") })?;
    /// runtime.start()?;
    /// # while connections.running() > 0 { manual.step(); }
    /// assert_eq!(connections.state(), UnitState::Running);
    /// # runtime.shutdown();
    /// # runtime.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn each_may_fail(mut self) -> Self {
        self.each_may_fail = true;
        self
    }

    /// Has the group carry `value`, for all that is in it to find by [`Group::carried_here`]. It has no destructor, as nobody could
    /// say where that runs.
    ///
    /// ```
    /// # use std::sync::mpsc::channel;
    /// # use foster_core::{Group, Manual, Runtime};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// #[derive(Clone, Copy, Debug, PartialEq)]
    /// struct Tenant(u32);
    ///
    /// let tenant = runtime.group("tenant").carry(Tenant(7)).create()?;
    /// # let (found, is_found) = channel();
    /// tenant.adopt(manual.clone(), move || async move {
    ///     let here = Group::carried_here::<Tenant>();
    /// #   found.send(here).unwrap();
    /// })?;
    /// # runtime.start()?;
    /// # while !manual.step() {}
    /// # assert_eq!(is_found.recv()?, Some(Tenant(7)));
    /// # runtime.shutdown();
    /// # runtime.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn carry<T: Copy + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.carried = Some(Arc::new(value));
        self
    }

    /// Makes the group.
    ///
    /// # Errors
    ///
    /// If the name is empty, or another group or service that is not over has it; if the limit is 0; if it comes after
    /// something that is not known (before the runtime's start that is an error of [`run`](crate::Runtime::run)), or that it
    /// is to be in; if the runtime, or the group that it is to be in, is stopping or
    /// has stopped.
    #[track_caller]
    pub fn create(self) -> Result<Group, GroupError> {
        let location = Location::caller();
        let name = self.settings.name.clone().unwrap_or_default();
        let path = match &self.parent {
            Some(parent) => format!("{}/{name}", parent.name()),
            None => name.clone().into_owned(),
        };
        let refused = |problem| GroupError::new(path.clone(), location, problem);
        self.settings.check().map_err(refused)?;
        if self.limit == Some(0) {
            let text = "a limit of 0 lets nothing in".to_owned();
            return Err(refused(Problem::Settings(text)));
        }
        let plan = GroupPlan {
            name: GroupName::Given(&name),
            parent: self.parent,
            limit: self.limit,
            each_may_fail: self.each_may_fail,
            carried: self.carried,
            after: &self.settings.after,
            policy: self.settings.policy.clone(),
            location,
        };
        let lifetime = &self.core.lifetime;
        let group = supervisor(lifetime).make_group(lifetime, &plan);
        Ok(Group::counted(&self.core, group.map_err(refused)?))
    }
}

impl fmt::Debug for GroupBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBuilder")
            .field("limit", &self.limit)
            .field("each_may_fail", &self.each_may_fail)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
