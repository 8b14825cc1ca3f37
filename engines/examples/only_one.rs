//! A job that runs on one of several processes, gated by a lease in etcd.
//!
//! Start an etcd (`etcd --data-dir "$(mktemp -d)"`), and then this in three terminals:
//!
//! ```text
//! cargo run --example only_one
//! ```
//!
//! One of them works; the others stand by. End it by Ctrl-C: another one works at once. Kill it (`kill -9`): another one works when
//! the lease has run out, after ten seconds at most. `--etcd HOST:PORT` names another etcd.

use std::error::Error;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use foster::{Clock, Runtime, Shutdown, Smol, service};
use foster_etcd::Etcd;
use foster_lease::{Fence, OnlyOne};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let etcd = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => "127.0.0.1:2379".to_owned(),
        (Some("--etcd"), Some(etcd)) => etcd,
        _ => return Err("usage: only_one [--etcd HOST:PORT]".into()),
    };
    let holder = format!("process {}", process::id());
    let lease = Etcd::connect([etcd])?.lease("nightly-report", &holder, Duration::from_secs(10));
    let runtime = Runtime::new();
    let report = service(Smol, work);
    let gated = runtime.unit().only_one(Arc::new(lease));
    gated.stop_time(Duration::from_secs(2)).serve(report)?;
    println!("{holder} stands by");
    runtime.run()?;
    println!("{holder} is over");
    Ok(())
}

/// What only one does at a time. A database would be given the fence with each write, and refuse older ones.
async fn work() {
    let (shutdown, fence) = (Shutdown::current(), Fence::current());
    println!("process {} works, with fence {fence}", process::id());
    while !shutdown.is_requested() {
        println!("  a page of the report, with fence {fence}");
        let pause = Clock::current().sleep(Duration::from_secs(1));
        shutdown.until_requested(pause).await;
    }
    println!("process {} hands over", process::id());
}
