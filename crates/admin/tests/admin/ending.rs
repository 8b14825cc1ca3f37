//! The end of the runtime, and that of the admin.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use foster::status::Status;
use foster::{Shutdown, Smol, Thread, service};
use foster_admin::Admin;

use crate::client::{AT_ONCE, Looked, SOON, builder, until};

#[test]
fn a_stop_is_seen_as_long_as_it_lasts() {
    let (end, has_ended) = channel::<()>();
    let has_ended = std::sync::Mutex::new(has_ended);
    let looked = Looked::with(builder(), Admin::loopback(0), |runtime| {
        let slow = service(Thread, move || {
            let shutdown = Shutdown::current();
            shutdown.wait_timeout(SOON);
            let _ = has_ended.lock().unwrap().recv();
        });
        runtime.unit().name("slow").serve(slow).unwrap();
        let quick = service(Smol, std::future::pending::<()>);
        runtime.unit().name("quick").serve(quick).unwrap();
    });
    until("all run", || looked.runtime.status().is_ready);
    looked.runtime.shutdown();
    let status = || serde_json::from_str::<Status>(&looked.get("/status").body).unwrap();
    until("it waits for one", || {
        let stop = status().stop.unwrap();
        stop.waits_for
            .iter()
            .all(|name| name == "slow" || name == "admin")
    });
    let answer = looked.get("/readyz");
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.contains("stopping: a call of shutdown"),
        "{answer:?}"
    );
    let began = Instant::now();
    end.send(()).unwrap();
    looked.runtime.wait().unwrap();
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[test]
fn who_drains_is_alive_and_not_ready() {
    let drain = Duration::from_secs(600);
    let looked = Looked::with(builder().drain(drain), Admin::loopback(0), |_| {});
    until("it is ready", || looked.get("/readyz").status == 200);
    looked.runtime.drain();
    let answer = looked.get("/readyz");
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("draining: it stops in "), "{answer:?}");
    assert_eq!(looked.get("/livez").status, 200);
    let status: Status = serde_json::from_str(&looked.get("/status").body).unwrap();
    assert!(status.drain.is_some_and(|one| one.left <= drain));
    looked.runtime.shutdown();
    looked.runtime.wait().unwrap();
}

#[test]
fn who_drains_without_end_says_so() {
    let looked = Looked::with(builder().drain(Duration::MAX), Admin::loopback(0), |_| {});
    until("it is ready", || looked.get("/readyz").status == 200);
    looked.runtime.drain();
    let answer = looked.get("/readyz");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body.trim_end(), "draining: until somebody stops it");
    let status: Status = serde_json::from_str(&looked.get("/status").body).unwrap();
    assert_eq!(status.drain.unwrap().left, Duration::MAX);
    looked.runtime.shutdown();
    looked.runtime.wait().unwrap();
}

#[test]
fn a_stop_without_others_is_at_once() {
    let looked = Looked::new();
    looked.get("/status");
    let began = Instant::now();
    looked.runtime.shutdown();
    looked.runtime.wait().unwrap();
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[test]
fn nobody_waits_for_a_thread_without_a_token() {
    let (end, has_ended) = channel::<()>();
    let has_ended = std::sync::Mutex::new(has_ended);
    let looked = Looked::with(builder(), Admin::loopback(0), |runtime| {
        let deaf = service(Thread, move || {
            let _ = has_ended.lock().unwrap().recv();
        });
        runtime.unit().name("deaf").serve(deaf).unwrap();
    });
    until("it runs", || looked.runtime.status().is_ready);
    let began = Instant::now();
    looked.runtime.shutdown();
    looked.runtime.wait().unwrap();
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    drop(end);
}

#[test]
fn a_stop_that_takes_too_long_names_the_others_alone() {
    let (end, has_ended) = channel::<()>();
    let looked = Looked::with(
        builder().grace(Duration::from_millis(600)),
        Admin::loopback(0),
        |runtime| {
            let slow = move || {
                let _shutdown = Shutdown::current();
                let _ = has_ended.recv();
            };
            runtime.named("slow").adopt(Thread, slow).unwrap();
        },
    );
    until("it holds its token", || {
        looked.runtime.status().payloads.len() == 1
    });
    looked.runtime.shutdown();
    let error = looked.runtime.wait().unwrap_err();
    let names: Vec<_> = error
        .stragglers()
        .iter()
        .map(|one| one.payload().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(names, ["slow"]);
    assert!(looked.runtime.left_behind().is_empty());
    drop(end);
}

#[test]
fn it_can_be_stopped_and_started_alone() {
    let looked = Looked::new();
    assert_eq!(looked.get("/readyz").status, 200);
    looked.admin.stop();
    until("it is over", || looked.admin.state().is_over());
    looked.admin.start().unwrap();
    assert_eq!(looked.get("/readyz").status, 200);
    looked.admin.restart();
    until("it has started again", || looked.admin.restarts() == 2);
    assert_eq!(looked.get("/readyz").status, 200);
}

#[test]
fn a_runtime_has_one_admin() {
    let looked = Looked::new();
    let error = Admin::loopback(0).serve(&looked.runtime).unwrap_err();
    assert_eq!(error.kind(), foster_admin::AdminErrorKind::Service);
}

#[test]
fn an_idle_runtime_ends_once_the_admin_was_stopped() {
    let looked = Looked::with(builder().until_idle(), Admin::loopback(0), |_| {});
    assert_eq!(looked.get("/livez").status, 200);
    looked.admin.stop();
    looked.runtime.wait().unwrap();
}
