//! That nothing wakes up while a daemon sleeps, its admin page included.
#![cfg(target_os = "linux")]

use std::fs;
use std::future::pending;
use std::time::{Duration, Instant};

use foster::{Runtime, Shutdown, Signals, Smol, Thread, Tokio, TokioMultiThread, service};
use foster_admin::Admin;

/// How often threads of this process, but for this one, have gone to sleep.
fn sleeps() -> u64 {
    let own = fs::read_link("/proc/thread-self").unwrap();
    let own = own.file_name().unwrap().to_owned();
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let others = threads.filter(|thread| thread.file_name() != own);
    let status = others.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    let count = |status: String| -> Option<u64> {
        let line = status
            .lines()
            .find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        line.split_whitespace().last()?.parse().ok()
    };
    status.filter_map(count).sum()
}

#[test]
fn a_daemon_that_sleeps_is_left_alone() {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    let directory = tempfile::tempdir().unwrap();
    Admin::unix(directory.path().join("socket"))
        .serve(&runtime)
        .unwrap();
    let waits = || async { Shutdown::current().requested().await };
    runtime
        .unit()
        .name("on smol")
        .serve(service(Smol, waits))
        .unwrap();
    runtime
        .unit()
        .name("on tokio")
        .serve(service(Tokio, waits))
        .unwrap();
    runtime.adopt(TokioMultiThread, pending::<()>).unwrap();
    runtime
        .adopt(Thread, || {
            let _asked = Shutdown::current().wait_timeout(Duration::from_secs(3600));
        })
        .unwrap();
    runtime.start().unwrap();
    // The last looks for stalls, and threads that end, come some time after the start.
    let by = Instant::now() + Duration::from_secs(30);
    let quiet = Duration::from_secs(3);
    loop {
        let before = sleeps();
        std::thread::sleep(quiet);
        if sleeps() == before {
            break;
        }
        assert!(Instant::now() < by, "something wakes up again and again");
    }
    // And it is there when it is asked.
    runtime.probe().wait(Duration::from_secs(20)).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}
