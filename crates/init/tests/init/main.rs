//! A daemon of Foster as process 1 of a PID namespace, with this crate and without it.
//!
//! The program in there is this very test program, told by a variable which scenario to play. Where no namespace may be made
//! the tests say so on stderr, and pass.
#![cfg(target_os = "linux")]

mod namespace;
mod orphans;
mod scenarios;
mod signals;
mod start;

use std::time::Duration;

/// How long anything may take that should happen at once.
const SOON: Duration = Duration::from_secs(30);

/// The variable that says which scenario to play.
const SCENARIO: &str = "FOSTER_INIT_SCENARIO";

/// Scenarios that begin so do not use the crate.
const BARE: &str = "bare ";

/// The side in the namespace.
#[test]
fn as_child() {
    let Ok(scenario) = std::env::var(SCENARIO) else {
        return;
    };
    if !scenario.starts_with(BARE) {
        if let Err(error) = foster_init::reap_as_process_one() {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            println!("refused {:?}: {error}: {source:?}", error.kind());
            std::process::exit(9);
        }
    }
    scenarios::play(scenario.trim_start_matches(BARE));
}
