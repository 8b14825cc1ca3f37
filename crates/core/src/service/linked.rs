//! Services that are collected when the program is linked.

use std::error::Error;
use std::fmt;

use super::seams::registry;
use crate::errors::report::RunError;
use crate::errors::serve::ServeError;
use crate::runtime::Runtime;

/// A service that is collected when the program is linked: what the attribute `service` makes of a free
/// function that is marked `linked`.
///
/// That starts nothing. Only a runtime whose builder says
/// [`linked_services`](crate::Builder::linked_services) takes them, all there are.
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

impl Runtime {
    /// Takes all linked services, in the order of their places, so that it does not depend on the linker. What is
    /// wrong with them is an error of the start.
    pub(crate) fn take_linked(&self, expected: &[String]) {
        if let Err(problem) = take(self, expected) {
            registry(self.core()).spoil(problem);
        }
    }
}

fn take(runtime: &Runtime, expected: &[String]) -> Result<(), RunError> {
    let mut found: Vec<_> = inventory::iter::<LinkedService>.into_iter().collect();
    found.sort_by_key(|service| service.place);
    if found.is_empty() {
        return Err(missing(
            "no linked service was found: none is marked `linked`, or the crates with \
            them are not linked, for nothing of theirs is used (`use the_crate as _;` does)"
                .to_owned(),
        ));
    }
    for service in &found {
        (service.serve)(runtime)?;
    }
    let services = registry(runtime.core());
    let absent: Vec<_> = expected
        .iter()
        .filter(|name| !services.has(name))
        .map(|name| format!("`{name}`"))
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = services
        .units()
        .iter()
        .map(|unit| unit.name().to_string())
        .collect();
    Err(missing(format!(
        "linked services are missing: {} (found: {})",
        absent.join(", "),
        names.join(", ")
    )))
}

fn missing(text: String) -> RunError {
    RunError::setup(Missing(text))
}

/// A linked service that was expected is not there.
#[derive(Debug)]
struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Missing {}
