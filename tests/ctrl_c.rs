//! Ctrl-C of Windows, sent to real child processes, each on a console of its own. Row S4.
//!
//! It takes `unsafe` code to send one, so a program of `.ci` does that, whose path is in `FOSTER_CTRL_C`.
#![cfg(windows)]

mod common;

use std::future::pending;
use std::os::windows::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use common::child::{Played, Playing, be_child, spawn};
use common::{Event, SOON, block_until};
use foster::{Runtime, Shutdown, Signals, Smol, Thread};

once!(
    s4_the_first_ctrl_c_ends_the_run_in_order,
    s4_the_second_ctrl_c_ends_the_grace_time,
    s4_the_third_ctrl_c_ends_the_process,
    s4_without_a_running_runtime_ctrl_c_ends_the_process,
    s4_ctrl_c_can_be_left_to_the_application,
);

/// A console of its own, without a window: Ctrl-C goes to all programs on a console.
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// What Windows says of a process that Ctrl-C has ended, and Wine.
const ENDED_BY_CTRL_C: [i32; 2] = [0xC000_013A_u32.cast_signed(), 0];

/// The child's side.
#[test]
fn as_child() {
    be_child(|scenario| match scenario {
        "orderly" => orderly(),
        "stubborn" => stubborn(),
        "stuck" => stuck(),
        "between" => between(),
        "left" => left(),
        other => panic!("no scenario `{other}`"),
    });
}

/// Sends this process a Ctrl-C that counts for itself, as they do 200 ms apart.
fn ctrl_c() {
    std::thread::sleep(Duration::from_millis(300));
    let program = std::env::var_os("FOSTER_CTRL_C").expect("the parent has looked");
    assert!(Command::new(program).status().unwrap().success());
}

fn orderly() -> Played {
    let runtime = Runtime::new();
    runtime.adopt(Thread, || {
        let token = Shutdown::current();
        ctrl_c();
        assert!(token.wait_timeout(SOON));
        println!("asked");
    })?;
    runtime.run()
}

/// Has a token, and goes on for an hour after `asked`.
fn stubborn() -> Played {
    let runtime = Runtime::builder().grace(Duration::from_secs(3_600)).build();
    runtime.named("stubborn").adopt(Smol, || async {
        let token = Shutdown::current();
        let sends = std::thread::spawn(ctrl_c);
        token.requested().await;
        println!("asked");
        sends.join().unwrap();
        std::thread::spawn(ctrl_c);
        pending::<()>().await;
    })?;
    runtime.run()
}

fn stuck() -> Played {
    let hour = Duration::from_secs(3_600);
    let runtime = Runtime::builder().grace(hour).cancel_timeout(hour).build();
    runtime.adopt(Smol, || async {
        let _token = Shutdown::current();
        std::thread::spawn(|| (0..3).for_each(|_| ctrl_c()));
        block_until(&Event::new());
    })?;
    runtime.run()
}

fn between() -> Played {
    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(Smol, || async {})?;
    runtime.run()?;
    println!("over");
    ctrl_c();
    block_until(&Event::new());
    Ok(())
}

fn left() -> Played {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start()?;
    ctrl_c();
    block_until(&Event::new());
    Ok(())
}

/// A child on a console of its own, if a Ctrl-C can be sent.
fn play(scenario: &str) -> Option<Playing> {
    if std::env::var_os("FOSTER_CTRL_C").is_none() {
        eprintln!("NOT TESTED: FOSTER_CTRL_C does not name a program that sends a Ctrl-C");
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["as_child", "--exact", "--nocapture", "--test-threads=1"]);
    command.creation_flags(CREATE_NO_WINDOW);
    Some(spawn(command, scenario))
}

/// The child ends with this status; what it has printed, and its report.
#[track_caller]
fn ends(scenario: &str, status: i32) -> Option<(String, String)> {
    let (ended, stdout, stderr) = play(scenario)?.end();
    assert_eq!(ended.code(), Some(status), "{stdout}{stderr}");
    Some((stdout, stderr))
}

fn s4_the_first_ctrl_c_ends_the_run_in_order() {
    if let Some((stdout, _)) = ends("orderly", 0) {
        assert!(stdout.contains("asked"), "{stdout}");
    }
}

fn s4_the_second_ctrl_c_ends_the_grace_time() {
    if let Some((stdout, stderr)) = ends("stubborn", 1) {
        assert!(stdout.contains("asked"), "{stdout}");
        assert!(stderr.contains("stubborn"), "{stderr}");
    }
}

fn s4_the_third_ctrl_c_ends_the_process() {
    ends("stuck", 130);
}

/// The handler stays, and ends the process with a status of its own.
fn s4_without_a_running_runtime_ctrl_c_ends_the_process() {
    if let Some((stdout, _)) = ends("between", 130) {
        assert!(stdout.contains("over"), "{stdout}");
    }
}

fn s4_ctrl_c_can_be_left_to_the_application() {
    let Some(mut child) = play("left") else {
        return;
    };
    let (status, stdout, stderr) = child.end();
    let code = status.code().unwrap();
    assert!(ENDED_BY_CTRL_C.contains(&code), "{status}: {stderr}");
    assert!(!stdout.contains("ended"), "{stdout}");
}
