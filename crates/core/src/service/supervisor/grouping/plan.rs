//! What a group is made with, and a group made of that.

use super::*;
use crate::lifetime::gate::Gates;
use crate::runtime::site::Site;
use crate::service::unit_core::{Carried, Kind, Owner};

/// What a group is made with.
pub(in crate::service) struct GroupPlan<'a> {
    pub(in crate::service) name: GroupName<'a>,
    pub(in crate::service) parent: Option<Arc<UnitCore>>,
    pub(in crate::service) limit: Option<usize>,
    pub(in crate::service) each_may_fail: bool,
    pub(in crate::service) carried: Option<Carried>,
    pub(in crate::service) after: &'a [Dependency],
    pub(in crate::service) policy: Policy,
    pub(in crate::service) location: &'static Location<'static>,
}

/// What a group is called, beside what it is in.
#[derive(Clone, Copy)]
pub(in crate::service) enum GroupName<'a> {
    /// As the user says.
    Given(&'a str),
    /// As the payload that made it, with a number.
    OfPayload(&'a str, &'a Arc<Task>),
    /// As the unit whose run made it: it has no name of its own.
    OfUnit,
}

impl GroupPlan<'_> {
    /// This name behind the path of what the group is in.
    pub(super) fn path(&self, name: &str) -> String {
        match &self.parent {
            Some(parent) => format!("{}/{name}", parent.name()),
            None => name.to_owned(),
        }
    }
}

pub(super) fn new_group(
    lifetime: &Arc<Lifetime>,
    plan: &GroupPlan<'_>,
    id: Id,
    name: Name,
) -> Arc<UnitCore> {
    let parent = plan.parent.as_ref();
    let gates = parent.map_or_else(Gates::default, |parent| parent.gates());
    let path = Arc::clone(name.whole());
    let gates = gates.inside(&path, plan.limit);
    let limit = plan.limit.and_then(|_| gates.iter().next().cloned());
    let part = GroupPart::new(id.serial, id.place, path, plan.each_may_fail, gates);
    let site = Site::new(Part::of_group(Arc::clone(lifetime), part));
    let mut around = std::iter::successors(parent, |one| one.parent.as_ref());
    let is_inside = |one: &Arc<UnitCore>| one.members().is_some_and(Members::keeps_calls);
    if plan.carried.is_some() || around.any(is_inside) {
        site.keep_calls();
    }
    let owner = match plan.name {
        GroupName::Given(_) => Owner::Handles(AtomicUsize::new(1)),
        GroupName::OfPayload(_, task) => Owner::Payload(Arc::downgrade(task)),
        GroupName::OfUnit => Owner::Run,
    };
    let kind = Kind::Group(Members::new(site, limit, owner, plan.carried.clone()));
    let (parent, now) = (parent.cloned(), lifetime.now());
    let (location, policy) = (plan.location, &plan.policy);
    Arc::new(UnitCore::new(id, name, location, kind, parent, policy, now))
}

/// A group that nobody knows, and that is over: for a run that would make one when nothing is taken in any more.
pub(super) fn closed_group(lifetime: &Arc<Lifetime>, plan: &GroupPlan<'_>) -> Arc<UnitCore> {
    let path = match (plan.name, &plan.parent) {
        (GroupName::OfUnit, Some(unit)) => unit.name().to_string(),
        (GroupName::OfPayload(name, _) | GroupName::Given(name), _) => plan.path(name),
        (GroupName::OfUnit, None) => unreachable!("a unit's run has made it"),
    };
    let nobody = Id {
        serial: u64::MAX,
        place: u32::MAX,
    };
    let group = new_group(lifetime, plan, nobody, Name::new(path.into(), 1));
    if let Some(members) = group.members() {
        members.show(UnitState::Ended);
    }
    group.set_state(UnitState::Ended, lifetime.now());
    group
}
