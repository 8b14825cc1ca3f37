//! Faults on purpose: an operating system that gives nothing more, code that never comes back, errors
//! and panics that are hostile, handles that go where they should not.
//!
//! What ends or limits a process is played in a child, which is this very test program.
#![allow(unreachable_pub, reason = "the modules of a test have no outside")]

#[path = "../common/mod.rs"]
mod common;

mod child;
mod flavours;
mod hostile;
mod reentrancy;
#[cfg(unix)]
mod signals;
mod stuck;
#[cfg(target_os = "linux")]
mod system;
mod telling;
mod texts;
mod waiting;

/// The child's side: nothing without a scenario.
#[test]
fn as_child() {
    let Some(scenario) = child::scenario() else {
        return;
    };
    common::within_a_minute(move || match scenario.as_str() {
        "panic in panic" => child::on_its_flavour(hostile::PanicInPanic),
        "hostile name" => child::on_its_flavour(texts::HostileName),
        "stalled" => child::on_its_flavour(telling::Stalls),
        #[cfg(unix)]
        "stalled signals" => signals::stalled(),
        "stalled lines" => telling::stalled_lines(),
        "untold" => telling::untold(),
        "taken" => telling::taken(),
        "not taken" => telling::not_taken(),
        "logged" => telling::logged(),
        "quiet" => telling::quiet(),
        "flood" => telling::flood(),
        "restarts" => telling::restarts(),
        "set meanwhile" => telling::set_meanwhile(),
        "failing meanwhile" => telling::failing_meanwhile(),
        #[cfg(target_os = "linux")]
        other => system::play(other),
        #[cfg(not(target_os = "linux"))]
        other => panic!("no scenario `{other}`"),
    });
    println!("{}", child::ENDED);
}
