//! Control, with and without its token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use foster::{Reload, Smol, UnitState, service};
use foster_admin::{Admin, AdminErrorKind};

use crate::client::{Looked, builder, until};

const TOKEN: &str = "Authorization: Bearer 0123456789abcdef\r\n";

fn controlled() -> Looked {
    Looked::with(
        builder(),
        Admin::loopback(0).control("0123456789abcdef"),
        |runtime| {
            let group = runtime.group("a").create().unwrap();
            // Else the group is over when the other is.
            let beside = service(Smol, std::future::pending::<()>);
            group.unit().name("beside").serve(beside).unwrap();
            let idle = service(Smol, std::future::pending::<()>);
            group.unit().name("b c").startable().serve(idle).unwrap();
            let once = service(Smol, || async {});
            runtime.unit().name("once").serve(once).unwrap();
        },
    )
}

#[test]
fn services_are_stopped_started_and_restarted() {
    let looked = controlled();
    let unit = looked.runtime.unit_named("a/b c").unwrap();
    // A group that nobody holds takes nothing new.
    let _group = looked.runtime.group_named("a").unwrap();
    let post = |verb: &str| looked.ask("POST", &format!("/units/a/b%20c/{verb}"), TOKEN);
    until("it runs", || unit.state() == UnitState::Running);
    let answer = post("stop");
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(answer.body.contains("\"asked\":\"stop\""), "{answer:?}");
    until("it is over", || unit.state() == UnitState::Ended);
    assert_eq!(post("start").status, 202);
    until("it runs again", || unit.state() == UnitState::Running);
    let before = unit.restarts();
    assert_eq!(post("restart").status, 202);
    until("it has started again", || unit.restarts() > before);
}

#[test]
fn what_cannot_be_done_is_said() {
    let looked = controlled();
    let once = looked.runtime.unit_named("once").unwrap();
    until("it is over", || once.state().is_over());
    for (path, status, text) in [
        ("/units/once/start", 409, "startable"),
        ("/units/nobody/stop", 404, "there is no service `nobody`"),
        ("/units/a/stop", 404, "`a` is a group"),
        ("/units/a/kill", 404, "There is:"),
    ] {
        let answer = looked.ask("POST", path, TOKEN);
        assert_eq!(answer.status, status, "{path} {answer:?}");
        assert!(answer.body.contains(text), "{path} {answer:?}");
    }
}

#[test]
fn nothing_is_done_without_the_token() {
    let looked = controlled();
    let unit = looked.runtime.unit_named("a/b c").unwrap();
    until("it runs", || unit.state() == UnitState::Running);
    let cross_site = format!("{TOKEN}Sec-Fetch-Site: cross-site\r\n");
    let foreign = format!("{TOKEN}Origin: http://evil.example\r\n");
    for lines in [
        "",
        "Authorization: Bearer 0123456789abcdeg\r\n",
        "Authorization: Bearer\r\n",
        &cross_site,
        &foreign,
    ] {
        for path in ["/units/a/b%20c/stop", "/units/a/b%20c/restart", "/reload"] {
            let answer = looked.ask("POST", path, lines);
            assert_eq!(answer.status, 403, "{path} {lines} {answer:?}");
        }
    }
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Running, 0));
}

#[test]
fn control_is_off_unless_it_is_switched_on() {
    let looked = Looked::with(builder(), Admin::loopback(0), |runtime| {
        let idle = service(Smol, std::future::pending::<()>);
        runtime.unit().name("idle").serve(idle).unwrap();
    });
    for path in ["/units/idle/stop", "/reload"] {
        let answer = looked.ask("POST", path, TOKEN);
        assert_eq!(answer.status, 404, "{answer:?}");
        assert!(answer.body.contains("control is off"), "{answer:?}");
    }
    let idle = looked.runtime.unit_named("idle").unwrap();
    assert!(!idle.state().is_over());
}

#[test]
fn a_reload_is_answered_when_it_is_over() {
    let reloads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reloads);
    let looked = Looked::with(
        builder(),
        Admin::loopback(0).control("0123456789abcdef"),
        |runtime| {
            let reloader = service(Smol, move || {
                let counted = Arc::clone(&counted);
                async move {
                    let reload = Reload::current();
                    while let Some(request) = reload.requested().await {
                        let is_first = counted.fetch_add(1, SeqCst) == 0;
                        match is_first {
                            true => request.done(),
                            false => request.failed("no such file"),
                        }
                    }
                }
            });
            runtime.unit().name("reloader").serve(reloader).unwrap();
        },
    );
    let unit = looked.runtime.unit_named("reloader").unwrap();
    until("it listens", || unit.state() == UnitState::Running);
    let answer = looked.ask("POST", "/reload", TOKEN);
    assert_eq!(
        (answer.status, &*answer.body),
        (200, "{\"reloaded\":[\"reloader\"]}")
    );
    let answer = looked.ask("POST", "/reload", TOKEN);
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("no such file"), "{answer:?}");
    assert_eq!(reloads.load(SeqCst), 2);
}

#[test]
fn a_token_that_cannot_be_sent_is_refused() {
    for token in ["", "with space", "ümlaut", "line\nend"] {
        let error = Admin::loopback(0).control(token).bind().unwrap_err();
        assert_eq!(error.kind(), AdminErrorKind::Token, "{token:?}");
    }
}
