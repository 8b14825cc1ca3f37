//! The clauses of [`Lease`] as test cases, for whoever writes an engine.
//!
//! ```
//! use std::time::Duration;
//!
//! use foster_core::Clock;
//! use foster_lease::Local;
//! use foster_lease::conformance::Kit;
//!
//! fn kit() -> Kit {
//!     let engine = Local::new(&Clock::system());
//!     let shortest = Duration::from_millis(300);
//!     Kit::new(shortest, move |name, holder, length| engine.lease(name, holder, length))
//! }
//!
//! foster_lease::lease_conformance!(kit());
//! ```
//!
//! Each test is named after its clause and begins with leases that nobody has used before, so that all may run at once
//! and again on one engine. The cases see a healthy engine: what an engine does that is stopped, killed or cut off, and
//! that its fences rise over a restart, is for its own tests.

mod cases;
mod macros;
mod trial;

#[cfg(test)]
mod broken;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::lease::Lease;

/// What a case says of an engine: the error names the clause that is broken.
pub type Verdict = Result<(), String>;

/// One case.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Case {
    /// The name of its test, which begins with the clause.
    pub name: &'static str,
    /// Tries an engine.
    pub run: fn(&Kit) -> Verdict,
}

/// All cases.
pub fn cases() -> Vec<Case> {
    crate::__lease_cases!(@ __lease_table)
}

type Make = dyn Fn(&str, &str, Duration) -> Arc<dyn Lease> + Send + Sync;

/// An engine that is to be tried.
pub struct Kit {
    make: Box<Make>,
    shortest: Duration,
    deadline: Duration,
}

impl Kit {
    /// An engine whose leases can be as short as that: some cases wait until one runs out.
    ///
    /// `make` makes what one process has of the lease with a name, by the name of its holder. The same name is the same
    /// lease, also with another length.
    pub fn new(
        shortest: Duration,
        make: impl Fn(&str, &str, Duration) -> Arc<dyn Lease> + Send + Sync + 'static,
    ) -> Self {
        let make: Box<Make> = Box::new(make);
        Self {
            make,
            shortest,
            deadline: Duration::from_secs(20),
        }
    }

    /// How long a case waits for what must happen; 20 s unless it is set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit")
            .field("shortest", &self.shortest)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// The body of the test of one case.
///
/// # Panics
///
/// If the engine breaks the clause.
#[doc(hidden)]
pub fn test(name: &str, kit: impl Into<Option<Kit>>) {
    let Some(kit) = kit.into() else {
        println!("SKIPPED: {name}, as there is no engine");
        return;
    };
    let case = cases().into_iter().find(|case| case.name == name);
    let case = case.expect("the macro has the names from the same list");
    if let Err(broken) = guarded(case, kit) {
        panic!("{broken}");
    }
}

/// Runs a case on a thread of its own, so that a call that never returns is a verdict and no test that hangs.
fn guarded(case: Case, kit: Kit) -> Verdict {
    let limit = 10 * (kit.deadline + kit.shortest);
    let (told, is_told) = channel();
    let spawned = thread::Builder::new()
        .name(case.name.to_owned())
        .spawn(move || {
            let verdict = (case.run)(&kit);
            // What an engine has to end, such as a server, ends before the test does.
            drop(kit);
            let _ = told.send(verdict);
        });
    spawned.map_err(|error| format!("no thread for the case: {error}"))?;
    match is_told.recv_timeout(limit) {
        Ok(verdict) => verdict,
        Err(RecvTimeoutError::Timeout) => Err(format!(
            "LEASE-8: {} hangs: a call has not returned",
            case.name
        )),
        Err(RecvTimeoutError::Disconnected) => {
            Err(format!("LEASE-8: {} panicked: see above", case.name))
        }
    }
}
