//! Random programs on all flavours at once, against a small model in plain code.
//!
//! A program is a list of acts for two threads outside and any number of payloads inside a runtime.
//! It is played, all that happens is logged, and the model says what must hold of the log. A program
//! that fails is made shorter and printed as code, to be pasted into `regressions.rs`.
#![allow(unreachable_pub, reason = "the modules of a test have no outside")]

mod failures;
mod hand_in;
mod in_groups;
mod life;
mod limits;
mod lives;
mod log;
mod model;
mod parts;
mod payload;
mod play;
mod player;
mod program;
mod regressions;
mod reloads;
mod report;
mod rounds;
mod scopes;
#[cfg(unix)]
mod signals;
mod stop;
mod strategy;
mod torture;
mod world;

#[test]
fn every_program_is_accounted_for() {
    torture::silence_asked_panics();
    if let Err(wrong) = torture::torture(strategy::programs) {
        panic!("{wrong}");
    }
}

#[cfg(unix)]
#[test]
fn every_program_with_signals_is_accounted_for() {
    if let Err(wrong) = signals::torture() {
        panic!("{wrong}");
    }
}

/// The child's side of the programs with signals.
#[cfg(unix)]
#[test]
fn as_child() {
    torture::silence_asked_panics();
    signals::be_child();
}
