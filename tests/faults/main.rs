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
mod stuck;
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
        "no descriptors" => system::no_descriptors(),
        "a name each" => system::a_name_each(),
        "few threads" => system::few_threads(),
        "no descriptors for signals" => system::deaf(system::descriptors),
        "no thread for signals" => system::deaf(child::Hoard::all),
        "no runner" => system::no_runner(),
        "no joiner" => system::no_joiner(),
        "stalled" => child::on_its_flavour(telling::Stalls),
        "stalled signals" => telling::stalled_signals(),
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
        other => panic!("no scenario `{other}`"),
    });
    println!("{}", child::ENDED);
}
