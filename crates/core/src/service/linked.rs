//! Services that are collected when the program is linked.

use std::fmt;

use super::supervisor::supervisor;
use crate::errors::report::RunError;
use crate::errors::serve::ServeError;
use crate::runtime::Runtime;

/// A service that is collected when the program is linked: what the attribute `service` makes of a free
/// function that is marked `linked`.
///
/// The attribute alone starts nothing: a runtime takes all linked services if its builder says
/// [`linked_services`](crate::Builder::linked_services).
#[derive(Clone, Copy)]
pub struct LinkedService {
    serve: fn(&Runtime) -> Result<(), ServeError>,
    place: &'static str,
}

impl LinkedService {
    /// One that `serve` hands to a runtime. `place` says where it comes from, for messages.
    pub const fn new(serve: fn(&Runtime) -> Result<(), ServeError>, place: &'static str) -> Self {
        Self { serve, place }
    }
}

impl fmt::Debug for LinkedService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LinkedService").field(&self.place).finish()
    }
}

inventory::collect!(LinkedService);

/// Has `runtime` take all linked services, in the order of their places, so that it does not depend on the linker. What is
/// wrong with them is an error of the start.
pub(super) fn take_linked(runtime: &Runtime, expected: &[String]) -> Result<(), RunError> {
    let mut found: Vec<_> = inventory::iter::<LinkedService>.into_iter().collect();
    found.sort_by_key(|service| service.place);
    if found.is_empty() {
        return Err(RunError::setup(
            "no linked service was found: none is marked `linked`, or the crates with \
            them are not linked, for nothing of theirs is used (`use the_crate as _;` does)",
        ));
    }
    for service in &found {
        (service.serve)(runtime)?;
    }
    let units = supervisor(&runtime.core().lifetime).units();
    let names: Vec<_> = units.iter().map(|unit| unit.name().to_string()).collect();
    let absent = expected.iter().filter(|name| !names.contains(name));
    let absent: Vec<_> = absent.map(|name| format!("`{name}`")).collect();
    if absent.is_empty() {
        return Ok(());
    }
    let (absent, names) = (absent.join(", "), names.join(", "));
    let missing = format!("linked services are missing: {absent} (found: {names})");
    Err(RunError::setup(missing))
}
