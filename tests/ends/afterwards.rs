//! Failures after the end, in child processes. Row A6.

use common::child::{Played, play};
use foster::{ExecuteErrorKind, service};

use super::*;

once!(
    a6_a_failure_after_the_end_goes_to_stderr,
    a6_a_failure_of_a_service_after_the_end_goes_to_stderr,
    a6_a_panic_after_its_caller_was_let_go_goes_to_stderr,
);

pub(crate) fn late_failure() -> Played {
    let runtime = Runtime::new();
    let (running, ended, gone) = (Event::new(), Event::new(), Event::new());
    let (is_running, is_ended, is_gone) = (running.clone(), ended.clone(), gone.clone());
    runtime.named("late").adopt(Thread, move || {
        at_end_of_thread(is_gone);
        is_running.happen();
        block_until(&is_ended);
        Err::<(), _>("after the end")
    })?;
    let stop = runtime.clone();
    runtime.adopt(Smol, move || async move {
        running.expect("the thread runs");
        stop.shutdown();
    })?;
    runtime.run()?;
    ended.happen();
    // Its thread is left behind; when it ends it has told its failure.
    gone.expect("its thread ends");
    Ok(())
}

pub(crate) fn late_failure_of_a_service() -> Played {
    let runtime = Runtime::new();
    let (running, ended, gone) = (Event::new(), Event::new(), Event::new());
    let (is_running, is_ended, is_gone) = (running.clone(), ended.clone(), gone.clone());
    let run = move || {
        at_end_of_thread(is_gone.clone());
        is_running.happen();
        block_until(&is_ended);
        Err::<(), _>("after the end")
    };
    let unit = runtime.unit().name("late").serve(service(Thread, run));
    unit.expect("the name is free");
    let stop = runtime.clone();
    runtime.adopt(Smol, move || async move {
        running.expect("the thread runs");
        stop.shutdown();
    })?;
    runtime.run()?;
    ended.happen();
    // Its thread is left behind; when it ends it has told its failure.
    gone.expect("its thread ends");
    Ok(())
}

pub(crate) fn late_panic() -> Played {
    let moment = Duration::from_millis(10);
    let runtime = Runtime::builder()
        .grace(moment)
        .cancel_timeout(moment)
        .build();
    runtime.start()?;
    let (running, ended, gone) = (Event::new(), Event::new(), Event::new());
    let (is_running, is_ended, is_gone) = (running.clone(), ended.clone(), gone.clone());
    let (inner, stop) = (runtime.clone(), runtime.clone());
    let caller = thread::spawn(move || {
        inner.named("late").execute(Smol, || async move {
            at_end_of_thread(is_gone);
            is_running.happen();
            block_until(&is_ended);
            panic!("after the end");
        })
    });
    running.expect("the payload runs");
    stop.shutdown();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.stragglers().len(), 1);
    let error = caller.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Cancelled);
    ended.happen();
    gone.expect("its thread ends");
    Ok(())
}

fn a6_a_failure_after_the_end_goes_to_stderr() {
    let (status, _, stderr) = play("late failure").end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("`late`") && stderr.contains("after the end"),
        "{stderr}"
    );
}

fn a6_a_failure_of_a_service_after_the_end_goes_to_stderr() {
    let (status, _, stderr) = play("late failure of a service").end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("service `late`") && stderr.contains("after the end"),
        "{stderr}"
    );
}

fn a6_a_panic_after_its_caller_was_let_go_goes_to_stderr() {
    let (status, _, stderr) = play("late panic").end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    let told = stderr
        .lines()
        .skip_while(|line| !line.starts_with("foster: after the runtime's end"));
    let told: Vec<_> = told.collect();
    assert!(
        told.first().is_some_and(|line| line.contains("`late`"))
            && told.iter().any(|line| line.contains("after the end")),
        "{stderr}"
    );
}
