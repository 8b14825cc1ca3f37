//! Signals that are ignored, left to the application, or heard by nobody.

use super::*;

once!(
    s4_an_ignored_signal_stays_ignored_under_nohup,
    s4_an_ignored_signal_stays_ignored_in_a_shells_background,
    s4_without_a_running_runtime_a_signal_kills_as_ever,
    s4_signals_can_be_left_to_the_application,
    s4_a_handler_of_the_application_is_called_as_well,
);

pub(crate) fn between() -> Played {
    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(Smol, || async {})?;
    runtime.run()?;
    say_ready();
    std::thread::sleep(SOON);
    Ok(())
}

pub(crate) fn left() -> Played {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.adopt(Smol, || async {
        say_ready();
        pending::<()>().await;
    })?;
    runtime.run()
}

pub(crate) fn own_handler() -> Played {
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, seen.clone()).unwrap();
    orderly()?;
    assert!(seen.load(std::sync::atomic::Ordering::SeqCst));
    println!("the application saw it");
    // With no runtime running the application's handler decides, which goes on.
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
    println!("still here");
    Ok(())
}

fn s4_an_ignored_signal_stays_ignored_under_nohup() {
    let line = r#"nohup "$0" as_child --exact --nocapture --test-threads=1 & wait $!"#;
    let mut child = play_in_shell(line, "orderly");
    child.ready();
    child.signal("HUP");
    child.signal("TERM");
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("thread is asked"), "{stdout}");

    // Were SIGHUP not ignored, it would be the first signal here, and SIGTERM the second, which
    // cuts the grace time short.
    let mut child = play_in_shell(line, "stubborn");
    child.ready();
    child.signal("HUP");
    child.signal("TERM");
    child.line_after("asked");
    child.signal("HUP");
    child.signal("TERM");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(1), "{stderr}");
}

fn s4_an_ignored_signal_stays_ignored_in_a_shells_background() {
    // A shell without job control has its background ignore SIGINT.
    let line = r#""$0" as_child --exact --nocapture --test-threads=1 & wait $!"#;
    let mut child = play_in_shell(line, "stubborn");
    child.ready();
    for _ in 0..3 {
        child.signal("INT");
    }
    child.signal("TERM");
    child.line_after("asked");
    child.signal("TERM");
    let (status, _, stderr) = child.end();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("overran"), "{stderr}");
}

fn s4_without_a_running_runtime_a_signal_kills_as_ever() {
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let mut child = play("between");
        child.ready();
        child.signal(name);
        let (status, _, stderr) = child.end();
        assert_eq!(status.signal(), Some(number), "{stderr}");
    }
}

fn s4_signals_can_be_left_to_the_application() {
    let mut child = play("left");
    child.ready();
    child.signal("TERM");
    let (status, _, stderr) = child.end();
    assert_eq!(status.signal(), Some(15), "{stderr}");
}

fn s4_a_handler_of_the_application_is_called_as_well() {
    let mut child = play("own handler");
    child.ready();
    child.signal("TERM");
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(0), "{stdout}{stderr}");
    assert!(
        stdout.contains("the application saw it") && stdout.contains("still here"),
        "{stdout}"
    );
}
