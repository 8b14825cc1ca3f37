//! Verbs for several units at once, in their order.

use super::Unit;
use super::supervision::{Happening, Wish};
use super::supervisor::supervisor;
use super::unit_core::UnitCore;
use crate::base::sync::Arc;
use crate::errors::serve::ServeError;

impl Unit {
    /// Asks these services to end for good, in their order: one that comes [after](crate::Settings::after) others of them
    /// ends first. Returns at once.
    ///
    /// In all else it is as [`stop`](Self::stop) of each, and of all that are a [part](crate::Settings::part_of) of them.
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime, Unit, service};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// let database = runtime.unit().name("database").serve(service(manual.clone(), || async {}))?;
    /// let api = runtime.unit().name("api").after(&database).serve(service(manual, || async {}))?;
    /// Unit::stop_together([&database, &api]);
    /// # Ok::<(), foster_core::ServeError>(())
    /// ```
    pub fn stop_together<'a>(units: impl IntoIterator<Item = &'a Self>) {
        ask_together(units, Wish::Stop);
    }

    /// Asks these services to end and to start again, in their order: one that comes [after](crate::Settings::after) others
    /// of them ends first, and starts again when these are ready. Returns at once.
    ///
    /// In all else it is as [`restart`](Self::restart) of each, and of all that are a [part](crate::Settings::part_of) of
    /// them.
    pub fn restart_together<'a>(units: impl IntoIterator<Item = &'a Self>) {
        ask_together(units, Wish::Restart);
    }

    /// Starts these services, which are over and [startable](crate::Settings::startable), in their order: one that comes
    /// [after](crate::Settings::after) others of them starts when these are ready. Returns at once.
    ///
    /// In all else it is as [`start`](Self::start) of each.
    ///
    /// # Errors
    ///
    /// As there, of the first one that cannot be started. Those that can be are started.
    pub fn start_together<'a>(units: impl IntoIterator<Item = &'a Self>) -> Result<(), ServeError> {
        let mut first = Ok(());
        let mut can_start = Vec::new();
        for unit in units {
            match supervisor(unit.core.lifetime()).may_start(&unit.core) {
                Ok(()) => can_start.push(unit),
                Err(problem) => {
                    first = first.and(Err(ServeError::new(unit.core.origin(), problem)))
                }
            }
        }
        for units in of_each_runtime(can_start) {
            let ids = units.iter().map(|unit| unit.id).collect();
            supervisor(units[0].lifetime()).bring_wish(&units[0], Happening::Wanted(ids));
        }
        first
    }
}

fn ask_together<'a>(units: impl IntoIterator<Item = &'a Unit>, wish: Wish) {
    for units in of_each_runtime(units) {
        for unit in units.iter().filter(|_| wish == Wish::Stop) {
            unit.set_unwanted(true);
        }
        let ids = units.iter().map(|unit| unit.id).collect();
        let asked = Happening::AskedTogether(ids, wish);
        supervisor(units[0].lifetime()).bring_wish(&units[0], asked);
    }
}

/// The units of each runtime.
fn of_each_runtime<'a>(units: impl IntoIterator<Item = &'a Unit>) -> Vec<Vec<Arc<UnitCore>>> {
    let mut all: Vec<Vec<Arc<UnitCore>>> = Vec::new();
    for Unit { core } in units {
        let is_its =
            |known: &&mut Vec<Arc<UnitCore>>| Arc::ptr_eq(known[0].lifetime(), core.lifetime());
        match all.iter_mut().find(is_its) {
            Some(known) => known.push(Arc::clone(core)),
            None => all.push(vec![Arc::clone(core)]),
        }
    }
    all
}
