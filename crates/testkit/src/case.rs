//! Running cases: the table, the watchdog, the tests' entrance.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{Identifier, Manual};

use crate::bench::{Bench, Finding, Stage};
use crate::kind::Subject;
use crate::setup::Setup;
use crate::verdict::{Details, Verdict, Violation};

/// One case for the flavours of keys of type `K`.
pub(crate) struct Case<K: Subject> {
    pub(crate) name: &'static str,
    pub(crate) rows: &'static [&'static str],
    pub(crate) run: fn(&Bench<K>) -> Finding,
}

fn table<K: Subject>() -> Vec<Case<K>> {
    crate::__cases!(@ __table)
}

/// A case, as data: its name and its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaseInfo {
    /// The name of the case, and of the test that [`conformance!`](crate::conformance) makes of it.
    pub name: &'static str,
    /// The ids of its own rows, without those that every case proves.
    pub rows: &'static [&'static str],
}

/// Lists all cases.
pub fn cases() -> Vec<CaseInfo> {
    // The rows of a case do not depend on the key.
    table::<Manual>()
        .into_iter()
        .map(|case| CaseInfo {
            name: case.name,
            rows: case.rows,
        })
        .collect()
}

/// Runs the case `name` on the flavour of `key`.
///
/// # Errors
///
/// The row that the flavour breaks. A hanging case is given up, and its thread with it.
///
/// # Panics
///
/// If no case has this `name`: see [`cases`].
pub fn check<K: Subject>(name: &str, key: K, setup: Setup) -> Result<Verdict, Violation> {
    match table::<K>().into_iter().find(|case| case.name == name) {
        Some(case) => watched(case, key, setup),
        None => panic!("no case is called `{name}`"),
    }
}

/// Runs all cases on the flavour of `key`, one after the other, and panics at the first broken row. Use it
/// where no test can stand, in place of [`conformance!`](crate::conformance).
///
/// # Panics
///
/// If the flavour breaks a row.
#[track_caller]
pub fn assert_conforms<K: Subject>(key: impl Fn() -> K, setup: Setup) {
    for case in cases() {
        if let Err(violation) = check(case.name, key(), setup.clone()) {
            panic!("{violation}");
        }
    }
}

#[doc(hidden)]
#[track_caller]
pub fn __test<K: Subject>(name: &'static str, key: K, setup: Setup) {
    match check(name, key, setup) {
        Ok(Verdict::DoesNotApply(why)) => println!("does not apply: {why}"),
        Ok(Verdict::Kept) => {}
        Err(violation) => panic!("{violation}"),
    }
}

/// Runs the case on its own thread and gives it up when it makes no more progress.
fn watched<K: Subject>(case: Case<K>, key: K, setup: Setup) -> Result<Verdict, Violation> {
    let limit = 2 * setup.patience;
    let stage = Stage::new();
    let bench = {
        let (key, setup, stage) = (key.clone(), setup.clone(), stage.clone());
        move || Bench::new(case.name, key, setup, stage)
    };
    let (sender, receiver) = channel();
    let thread = thread::Builder::new().name("foster testkit".to_owned());
    let spawned = thread.spawn(move || {
        let bench = bench();
        let finding = catch_unwind(AssertUnwindSafe(|| (case.run)(&bench)));
        let finding = finding.unwrap_or_else(|panic| {
            Err(bench.violation(format!("a panic came out of it: {}", text(&*panic))))
        });
        // An error means that the case was given up.
        let _ = sender.send(finding);
    });
    let violation = |seen: String| {
        let at = stage.lock();
        let details = Details {
            case: case.name,
            flavour: identifier_of(&key),
            rows: at.rows,
            expected: at.expected.clone(),
            seen,
            reports: Vec::new(),
        };
        Violation::from(details)
    };
    if let Err(error) = spawned {
        return Err(violation(format!("no thread to run the case on: {error}")));
    }
    loop {
        match receiver.recv_timeout(Duration::from_millis(200)) {
            Ok(finding) => return finding,
            Err(RecvTimeoutError::Timeout) => {
                let since = stage.lock().since;
                if Instant::now() >= since + limit {
                    return Err(violation(format!("nothing within {limit:?}: it hangs")));
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(violation("the case's thread is gone".to_owned()));
            }
        }
    }
}

fn identifier_of<K: Subject>(key: &K) -> String {
    let identifier: Identifier = key.identifier();
    identifier.as_str().to_owned()
}

fn text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "(no text)",
    }
}
