//! What a look inside sees of units and groups.

use std::collections::BTreeMap;

use super::*;

/// A unit or a group, and what the supervision knows of it.
pub(in crate::service) struct Seen {
    pub(in crate::service) unit: Arc<UnitCore>,
    /// Those that it waits for.
    pub(in crate::service) waits_for: Vec<Arc<UnitCore>>,
    /// The starts that its limit counts, the limit, and its window.
    pub(in crate::service) counted: Option<(usize, u32, Duration)>,
}

impl Supervisor {
    /// Whether the stop waits for services.
    pub(in crate::service) fn holds_grace(&self) -> bool {
        self.lock().holds_grace
    }

    /// All that are known, in the order in which they were handed in.
    pub(in crate::service) fn see(&self, lifetime: &Lifetime) -> Vec<Seen> {
        let now = lifetime.now();
        let guarded = self.lock();
        let mut units: BTreeMap<u64, &Arc<UnitCore>> = BTreeMap::new();
        let present = guarded.units.iter().map(|(_, unit)| unit);
        let known = guarded.roster.units.values().chain(present);
        units.extend(known.map(|unit| (unit.id.serial, unit)));
        let find = |id: Id| guarded.units.get(id.index()).filter(|unit| unit.id == id);
        let seen = units.into_values().map(|unit| {
            let waits_for = guarded.supervision.waits_for(unit.id).into_iter();
            Seen {
                waits_for: waits_for.filter_map(find).cloned().collect(),
                counted: guarded.supervision.counted_starts(unit.id, now),
                unit: Arc::clone(unit),
            }
        });
        seen.collect()
    }
}
