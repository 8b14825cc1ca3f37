//! Thousands of runtimes in one process, several at a time, of random lives: what the process holds afterwards is what it
//! held before. Row L10.
//!
//! A life is a runtime with settings, payloads, services and groups that were drawn, or a program of `property` with its
//! model. `FOSTER_SOAK` says for how many minutes there are more. It runs in a process of its own, whose memory it is.
#![allow(unreachable_pub, reason = "the modules of a test have no outside")]
#![cfg(target_os = "linux")]

mod actor;
#[path = "../common/mod.rs"]
mod common;
mod deeds;
mod drawn;
mod process;
mod programs;
mod random;
#[allow(clippy::module_inception, reason = "it is what the program is for")]
mod soak;
mod stage;
mod told;

// The random programs of `property`, and the model that they are compared with.
#[path = "../property/failures.rs"]
mod failures;
#[path = "../property/hand_in.rs"]
mod hand_in;
#[path = "../property/in_groups.rs"]
mod in_groups;
#[path = "../property/life.rs"]
mod life;
#[path = "../property/limits.rs"]
mod limits;
#[path = "../property/lives.rs"]
mod lives;
#[path = "../property/log.rs"]
mod log;
#[path = "../property/model.rs"]
mod model;
#[path = "../property/parts.rs"]
#[allow(dead_code, reason = "what prints as code has to be code")]
mod parts;
#[path = "../property/payload.rs"]
#[allow(dead_code, reason = "what prints as code has to be code")]
mod payload;
#[path = "../property/play.rs"]
mod play;
#[path = "../property/player.rs"]
mod player;
#[path = "../property/program.rs"]
#[allow(dead_code, reason = "what prints as code has to be code")]
mod program;
#[path = "../property/reloads.rs"]
mod reloads;
#[path = "../property/report.rs"]
mod report;
#[path = "../property/rounds.rs"]
mod rounds;
#[path = "../property/scopes.rs"]
mod scopes;
#[path = "../property/stop.rs"]
mod stop;
#[path = "../property/strategy.rs"]
#[allow(dead_code, reason = "no signals come here")]
mod strategy;
#[path = "../property/torture.rs"]
#[allow(dead_code, reason = "it plays its programs in an order of its own")]
mod torture;
#[path = "../property/world.rs"]
mod world;

use common::child::{be_child, play_in_shell};

#[test]
fn as_child() {
    be_child(|_| {
        if let Err(wrong) = soak::all() {
            println!("soak: wrong: {wrong}");
            std::process::exit(1);
        }
        Ok(())
    });
}

#[test]
fn l10_thousands_of_lives_leave_nothing_behind() {
    // What fails after its runtime's end is heard of on standard error alone, and nobody reads that before the end. The last
    // of it says why the process ended, if it does too early.
    let line = "exec 3>&1; \
        { \"$0\" as_child --exact --nocapture --test-threads=1; echo \"its status is $?\" >&2; } \
        2>&1 >&3 3>&- | tail -n 200 >&2";
    let mut child = play_in_shell(line, "lives");
    loop {
        let line = child.line_after("soak: ");
        println!("{line}");
        if line.starts_with("wrong") {
            panic!("{line}\n{}", child.end().1);
        }
        if line.starts_with("over") {
            break;
        }
    }
    let (_, _, errors) = child.end();
    assert!(errors.ends_with("its status is 0\n"), "{errors}");
}
