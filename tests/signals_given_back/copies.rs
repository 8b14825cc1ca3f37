//! Several runtimes, another copy of the crate, forked children, and process 1.

use super::*;

once!(
    s4_the_last_of_two_runtimes_gives_signals_back,
    s4_another_copy_of_the_crate_is_asked_and_gives_back,
    s4_a_forked_child_runs_a_runtime_of_its_own,
    s4_a_forked_child_without_a_runtime_dies_of_a_signal,
    s4_process_one_ends_in_order_and_goes_on,
);

pub(crate) fn overlapping() -> Played {
    let before = dispositions();
    let (first, second) = (Runtime::new(), Runtime::new());
    first.start()?;
    let installed = dispositions();
    assert_ne!(before, installed);
    second.start()?;
    first.shutdown();
    first.wait()?;
    assert_eq!(installed, dispositions(), "the second still listens");
    raise(SIGTERM);
    second.wait()?;
    assert_eq!(before, dispositions());
    say_ready();
    std::thread::sleep(SOON);
    Ok(())
}

/// Plays with a runtime of this copy of the crate (`o`, for ours) and one of another (`c`): a small letter
/// starts one, a great one has it end, by a signal if it is the only one that runs; `f` forks a child.
pub(crate) fn copies(steps: &str) -> Played {
    let (mut ours, mut copy) = (None, None);
    for step in steps.chars() {
        match step {
            'o' => ours.insert(Runtime::new()).start()?,
            'c' => {
                let runtime = copy.insert(foster_models::Runtime::new());
                runtime.start().expect("the copy starts");
            }
            'O' => {
                let ours = ours.take().expect("ours runs");
                match copy.is_some() {
                    true => ours.shutdown(),
                    false => raise(SIGTERM),
                }
                ours.wait()?;
            }
            'C' => {
                let copy = copy.take().expect("the copy runs");
                match ours.is_some() {
                    true => copy.shutdown(),
                    false => raise(SIGTERM),
                }
                copy.wait().expect("the copy ends");
            }
            'f' => {
                fork_and_die();
                // Both are asked, as they would be one by one.
                raise(SIGTERM);
                ours.take().expect("ours runs").wait()?;
                copy.take().expect("the copy runs").wait().expect("it ends");
            }
            _ => {}
        }
    }
    // And once more both at once, which both are asked.
    let (ours, copy) = (Runtime::new(), foster_models::Runtime::new());
    ours.start()?;
    copy.start().expect("the copy starts");
    raise(SIGTERM);
    ours.wait()?;
    copy.wait().expect("the copy ends");
    say_ready();
    std::thread::sleep(SOON);
    Ok(())
}

/// Forks a child without a runtime, and has it die of a signal.
fn fork_and_die() {
    match fork::fork().expect("a process can be had") {
        fork::Fork::Child => {
            raise(SIGTERM);
            // It should not come here.
            std::process::exit(99);
        }
        fork::Fork::Parent(child) => {
            let status = fork::waitpid(child).expect("it is our child");
            assert_eq!(status & 0x7f, SIGTERM, "{status:#x}");
        }
    }
}

pub(crate) fn fork(is_running: bool, runs: bool) -> Played {
    let runtime = Runtime::new();
    runtime.start()?;
    if !is_running {
        raise(SIGTERM);
        runtime.wait()?;
    }
    match fork::fork().expect("a process can be had") {
        fork::Fork::Child => {
            if runs {
                let runtime = Runtime::new();
                runtime.adopt(Tokio, || async {
                    let token = Shutdown::current();
                    println!("forked {}", std::process::id());
                    token.requested().await;
                    println!("the child is asked");
                })?;
                runtime.run()?;
                println!("over {}", std::process::id());
            } else {
                println!("forked {}", std::process::id());
            }
            std::thread::sleep(SOON);
            std::process::exit(99);
        }
        fork::Fork::Parent(child) => {
            let status = fork::waitpid(child).expect("it is our child");
            println!("signal {}", status & 0x7f);
        }
    }
    if is_running {
        // What the child had is not its parent's.
        raise(SIGTERM);
        runtime.wait()?;
    }
    Ok(())
}

pub(crate) fn init() -> Played {
    assert_eq!(std::process::id(), 1);
    let runtime = Runtime::new();
    runtime.adopt(Smol, || async {
        let token = Shutdown::current();
        say_ready();
        token.requested().await;
        println!("asked");
    })?;
    runtime.run()?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        // Does nothing to process 1 by default.
        raise(signal);
    }
    let mut signals = signal_hook::iterator::Signals::new([SIGUSR1]).unwrap();
    println!("over");
    signals.forever().next();
    Ok(())
}

fn s4_the_last_of_two_runtimes_gives_signals_back() {
    dies(play("overlapping"), "TERM", SIGTERM);
}

fn s4_another_copy_of_the_crate_is_asked_and_gives_back() {
    for how in [
        "one after the other",
        "the first ends first",
        "the last ends first",
        "in turn",
        "ours in a child",
    ] {
        dies(play(&format!("copies: {how}")), "TERM", SIGTERM);
    }
}

fn s4_a_forked_child_runs_a_runtime_of_its_own() {
    for when in ["while a runtime runs", "after the end"] {
        let mut child = play(&format!("fork {when}: run"));
        child.ready_as("forked ");
        child.signal("TERM");
        child.line_after("the child is asked");
        child.line_after("over ");
        // Now it has none, and dies of it.
        child.signal("TERM");
        assert_eq!(child.line_after("signal "), "15", "{when}");
        let (status, stdout, stderr) = child.end();
        assert_eq!(status.code(), Some(0), "{when}: {stdout}\n{stderr}");
    }
}

fn s4_a_forked_child_without_a_runtime_dies_of_a_signal() {
    for when in ["while a runtime runs", "after the end"] {
        let mut child = play(&format!("fork {when}: none"));
        child.ready_as("forked ");
        child.signal("TERM");
        assert_eq!(child.line_after("signal "), "15", "{when}");
        let (status, stdout, stderr) = child.end();
        assert_eq!(status.code(), Some(0), "{when}: {stdout}\n{stderr}");
    }
}

fn s4_process_one_ends_in_order_and_goes_on() {
    let namespace = ["-pf", "--mount-proc"];
    let can = Command::new("unshare").args(namespace).arg("true").output();
    if !can.is_ok_and(|can| can.status.success()) {
        println!("SKIPPED: this test may not make a process 1 (`unshare -pf --mount-proc`)");
        return;
    }
    let mut command = Command::new("unshare");
    command
        .args(namespace)
        .arg(std::env::current_exe().unwrap());
    command.args(["as_child", "--exact", "--nocapture", "--test-threads=1"]);
    let mut child = spawn(command, "init");
    child.line_after("ready 1");
    child.target_is_child();
    child.signal("TERM");
    child.line_after("asked");
    child.line_after("over");
    child.signal("TERM");
    child.signal("USR1");
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stdout}\n{stderr}");
    assert!(stdout.contains("ended"), "{stdout}");
}
