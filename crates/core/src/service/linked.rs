//! Services that are collected when the program is linked.

use std::error::Error;
use std::fmt;

use super::error::ServeError;
use crate::report::RunError;
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

/// What a builder was told of linked services.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    pub(crate) wanted: bool,
    pub(crate) names: Vec<String>,
}

impl Expected {
    /// Hands all of them to `runtime`, in the order of their places, so that it does not depend on the
    /// linker.
    pub(crate) fn serve(&self, runtime: &Runtime) -> Result<(), RunError> {
        if !self.wanted {
            return Ok(());
        }
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
        let services = &runtime.core().services;
        let absent = self.names.iter().filter(|name| !services.has(name));
        let absent: Vec<_> = absent.map(|name| format!("`{name}`")).collect();
        if absent.is_empty() {
            return Ok(());
        }
        let units = services.units();
        let names: Vec<_> = units.iter().map(|unit| &**unit.name()).collect();
        Err(missing(format!(
            "linked services are missing: {} (found: {})",
            absent.join(", "),
            names.join(", ")
        )))
    }
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
