//! Groups: making them, looking whether something is alive in one, and the ends of those who made one.

mod plan;

pub(in crate::service) use self::plan::{GroupName, GroupPlan};
use self::plan::{closed_group, new_group};
use super::*;
use crate::lifetime::Part;
use crate::service::dependency::Dependency;
use crate::service::policy::Policy;
use crate::service::roster::{Derive, Enlisted};
use crate::service::unit_core::{Members, Name};

impl Supervisor {
    /// The runtime that these services are of, for the groups of its payloads.
    pub(in crate::service) fn set_core(&self, core: &Arc<Core>) {
        let unset = self.core.set(Arc::downgrade(core)).is_ok();
        debug_assert!(unset, "a runtime is built once");
    }

    pub(in crate::service) fn core(&self) -> Option<Arc<Core>> {
        self.core.get()?.upgrade()
    }

    /// A unit was asked to end for good. Before the start as well, that is known to whoever hands it in, and a group takes
    /// nothing more in, nor do those in it.
    pub(super) fn close_unit(&self, unit: &UnitCore) {
        unit.set_unwanted(true);
        let Some(members) = unit.members() else {
            return;
        };
        members.show(UnitState::Stopping);
        let guarded = self.lock();
        for Enlisted { unit: other, .. } in &guarded.roster.enlisted {
            if let Some(members) = other.members().filter(|_| other.is_inside(unit)) {
                members.show(UnitState::Stopping);
            }
        }
    }

    /// Makes a group; it takes payloads and services as soon as this returns.
    pub(in crate::service) fn make_group(
        &self,
        lifetime: &Arc<Lifetime>,
        plan: &GroupPlan<'_>,
    ) -> Result<Arc<UnitCore>, Problem> {
        let mut guarded = self.lock();
        let order = &mut guarded.roster;
        order.check_dependencies(plan.parent.as_ref(), plan.after, lifetime)?;
        guarded.check_ends(plan.after, plan.parent.as_ref())?;
        if guarded.is_closed || lifetime.phase() >= Phase::Stopping {
            return Err(Problem::Stopping);
        }
        if let Some(closed) = plan.parent.as_ref().and_then(|parent| parent.closed_path()) {
            return Err(Problem::GroupStopping(closed));
        }
        let is_launched = guarded.roster.is_launched;
        if is_launched {
            self.ensure_thread(&mut guarded, lifetime)?;
        }
        let group = self.name_group(&mut guarded, lifetime, plan)?;
        let aftermath = self.enter_group(&mut guarded, lifetime, plan, &group, is_launched);
        self.go_on(guarded, lifetime, By::User, aftermath);
        Ok(group)
    }

    fn name_group(
        &self,
        guarded: &mut Guarded,
        lifetime: &Arc<Lifetime>,
        plan: &GroupPlan<'_>,
    ) -> Result<Arc<UnitCore>, Problem> {
        let id = guarded.next_id();
        let make = |name| new_group(lifetime, plan, id, name);
        let names = &mut guarded.roster.names;
        match plan.name {
            GroupName::Given(name) => {
                let derive: Derive = |_| String::new();
                names.enter(Some(&plan.path(name)), (derive, plan.location), make)
            }
            GroupName::OfPayload(name, _) => Ok(names.number(plan.path(name).into(), make)),
            GroupName::OfUnit => {
                let parent = plan.parent.as_ref().expect("a unit's run has made it");
                Ok(make(Name::new(Arc::clone(parent.name()), 1)))
            }
        }
    }

    fn enter_group(
        &self,
        guarded: &mut Guarded,
        lifetime: &Arc<Lifetime>,
        plan: &GroupPlan<'_>,
        group: &Arc<UnitCore>,
        is_launched: bool,
    ) -> Aftermath {
        guarded.serial += 1;
        guarded.units.insert(Arc::clone(group));
        let policy = plan.policy.said();
        if !is_launched {
            guarded.roster.enlisted.push(Enlisted {
                unit: Arc::clone(group),
                after: plan.after.to_vec(),
                part_of: Vec::new(),
                policy,
            });
            return Aftermath::default();
        }
        let (after, links) = guarded.roster.resolve(plan.parent.as_ref(), plan.after);
        let event = Happening::HandedIn(vec![entering::newcomer(
            group,
            false,
            policy,
            links,
            Vec::new(),
        )]);
        self.handle(guarded, lifetime, lifetime.now(), event, &after)
    }

    /// The group that the present run of a unit has made, or makes now. If nothing is taken in any more where that is, it
    /// is one that is over.
    pub(in crate::service) fn group_of_run(&self, unit: &Arc<UnitCore>) -> Arc<UnitCore> {
        let plan = GroupPlan {
            name: GroupName::OfUnit,
            parent: Some(Arc::clone(unit)),
            limit: None,
            each_may_fail: false,
            carried: None,
            after: &[],
            policy: Policy::default(),
            location: unit.location,
        };
        if let Some(known) = unit.children() {
            return known;
        }
        // Only the run itself comes here, so there is no other one meanwhile.
        let Ok(group) = self.make_group(unit.lifetime(), &plan) else {
            return closed_group(unit.lifetime(), &plan);
        };
        let _none = unit.set_children(Some(Arc::clone(&group)));
        group
    }

    /// As [`group_of_run`](Self::group_of_run), of a payload that is no run of a unit.
    pub(in crate::service) fn group_of_payload(&self, task: &Arc<Task>) -> Arc<UnitCore> {
        let (header, origin) = (task.header(), task.header().name());
        let address = header.address();
        let part = header.part().group();
        let (parent, known) = {
            let guarded = self.lock();
            let parent = part.and_then(|part| guarded.group(part).cloned());
            (parent, guarded.families.get(&address).cloned())
        };
        if let Some(known) = known {
            return known;
        }
        let plan = GroupPlan {
            name: GroupName::OfPayload(&origin.payload, task),
            parent,
            limit: None,
            each_may_fail: false,
            carried: None,
            after: &[],
            policy: Policy::default(),
            location: origin.location,
        };
        // A thread that its group has left behind is in nothing any more that could take its children.
        let is_left = part.is_some() && plan.parent.is_none();
        let made = match is_left {
            true => None,
            false => self.make_group(task.lifetime(), &plan).ok(),
        };
        let Some(group) = made else {
            return closed_group(task.lifetime(), &plan);
        };
        task.state().become_parent();
        let before = self.lock().families.insert(address, Arc::clone(&group));
        debug_assert!(before.is_none(), "the payload alone comes here");
        // It may have been lost with its flavour meanwhile, and then nobody else comes.
        if task.state().is_settled() {
            self.end_family(task.lifetime(), address, false);
        }
        group
    }

    /// A payload that has made a group has failed or is over.
    pub(super) fn end_family(&self, lifetime: &Arc<Lifetime>, address: usize, has_failed: bool) {
        let group = match has_failed {
            true => self.lock().families.get(&address).cloned(),
            false => self.lock().families.remove(&address),
        };
        if let Some(group) = group {
            let event = match has_failed {
                true => Happening::Asked(group.id, Wish::Stop),
                false => Happening::Closed(group.id),
            };
            self.bring(lifetime, By::User, event, &[]);
        }
    }

    /// The group that is this part, unless it is over.
    pub(in crate::service) fn group_of_part(&self, part: &Part) -> Option<Arc<UnitCore>> {
        self.lock().group(part.group()?).cloned()
    }

    /// A handle of a group is dropped.
    pub(in crate::service) fn drop_handle(&self, group: &UnitCore) {
        if !group.members().is_some_and(Members::drop_handle) {
            return;
        }
        let (lifetime, mut guarded) = (group.lifetime(), self.lock());
        // Under the lock, as it may have been found again meanwhile.
        let is_abandoned = group.members().is_some_and(Members::is_abandoned);
        if is_abandoned && !guarded.is_closed {
            let closed = Happening::Closed(group.id);
            let aftermath = self.handle(&mut guarded, lifetime, lifetime.now(), closed, &[]);
            self.go_on(guarded, lifetime, By::User, aftermath);
        }
    }

    /// The group with this path, unless it is over, with one more handle.
    pub(in crate::service) fn find_group(
        &self,
        lifetime: &Arc<Lifetime>,
        path: &str,
    ) -> Option<Arc<UnitCore>> {
        let mut guarded = self.lock();
        let found = guarded.roster.names.find(path).cloned()?;
        let members = found.members().filter(|_| !found.state().is_over())?;
        if members.add_handle() && !guarded.is_closed {
            let reopened = Happening::Reopened(found.id);
            let aftermath = self.handle(&mut guarded, lifetime, lifetime.now(), reopened, &[]);
            self.go_on(guarded, lifetime, By::User, aftermath);
        }
        Some(found)
    }

    /// Looks whether something is alive in a group.
    pub(super) fn look(&self, group: &Arc<UnitCore>) -> Option<Happening<Box<Failure>>> {
        // As for the runtime: what holds no token ends behind all that may need it.
        let is_held = self.lock().supervision.holds_group(group.id);
        match group.members()?.look(is_held) {
            Ok(is_empty) => is_empty.then_some(Happening::Drained(group.id)),
            Err(until) => {
                let mut guarded = self.lock();
                guarded.settling.push((until, Arc::clone(group)));
                self.bell.ring();
                None
            }
        }
    }

    /// For how long threads in some group are about to take their tokens.
    pub(super) fn settles_in(&self) -> Option<Duration> {
        let guarded = self.lock();
        let first = guarded.settling.iter().map(|(until, _)| *until).min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }

    /// Looks at the groups again in which threads had their time to take tokens.
    pub(super) fn look_at_settled(&self, lifetime: &Arc<Lifetime>) {
        let settling = {
            let mut guarded = self.lock();
            let now = Instant::now();
            let all = std::mem::take(&mut guarded.settling);
            let (over, left) = all
                .into_iter()
                .partition::<Vec<_>, _>(|(until, _)| *until <= now);
            guarded.settling = left;
            over
        };
        for (_, group) in settling {
            if let Some(event) = self.look(&group) {
                self.bring(lifetime, By::Foster, event, &[]);
            }
        }
    }
}

impl Guarded {
    /// The group of payloads, unless that is over.
    pub(super) fn group(&self, part: &GroupPart) -> Option<&Arc<UnitCore>> {
        let id = id_of(part);
        let known = self.units.get(id.index());
        known.filter(|unit| unit.id == id)
    }

    /// Whether a group was empty when it was looked at, and is not any more: somebody has found it meanwhile and handed in.
    pub(super) fn is_outdated(&self, event: &Happening<Box<Failure>>) -> bool {
        let Happening::Drained(group) = event else {
            return false;
        };
        let group = self
            .units
            .get(group.index())
            .filter(|unit| unit.id == *group);
        let members = group.and_then(|group| group.members());
        members.is_some_and(Members::is_in_use)
    }

    /// Looks whether all that wait for the start can end in some order.
    pub(super) fn check_enlisted(&self) -> Result<(), RunError> {
        let enlisted = &self.roster.enlisted;
        if !enlisted.iter().any(|one| one.unit.members().is_some()) {
            return Ok(());
        }
        let newcomers: Vec<_> = enlisted
            .iter()
            .map(|one| {
                let (_, links) = self.roster.resolve(one.unit.parent.as_ref(), &one.after);
                entering::newcomer(&one.unit, false, None, links, Vec::new())
            })
            .collect();
        let find = |id| enlisted.iter().find(|one| one.unit.id == id);
        match Supervision::<()>::first_in_vain(&newcomers)
            .map(|(unit, other)| (find(unit), find(other)))
        {
            Some((Some(unit), Some(other))) => {
                let (unit, other) = (unit.unit.name(), other.unit.name());
                Err(RunError::order(format!(
                    "`{unit}` comes after `{other}`, which ends only when what `{unit}` is in has"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Looks whether something in `parent` can come after `others`: it ends before them, and that before what it is in.
    pub(super) fn check_ends(
        &self,
        others: &[Dependency],
        parent: Option<&Arc<UnitCore>>,
    ) -> Result<(), Problem> {
        let Some(parent) = parent else { return Ok(()) };
        for other in others {
            let name = other.name();
            let known = self.roster.find(Some(parent), other);
            if known
                .is_some_and(|known| !self.supervision.can_come_after(Some(parent.id), known.id))
            {
                return Err(Problem::Order(format!(
                    "it comes after `{name}`, which ends only when `{}` has, and with that all that is in it",
                    parent.name()
                )));
            }
        }
        Ok(())
    }
}
