//! A queue of work in twelve shards, spread over as many processes as there are.
//!
//! Start an etcd (`etcd --data-dir "$(mktemp -d)"`), and then this in one terminal, in a second and in a third:
//!
//! ```text
//! cargo run --example shards
//! ```
//!
//! The first one has all twelve, then each has six, then four. End or kill one: the others take its shards, and keep their own.
//! `--etcd HOST:PORT` names another etcd.

use std::collections::BTreeSet;
use std::error::Error;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foster::{Runtime, Shutdown, Smol, service};
use foster_etcd::Etcd;
use foster_lease::Shards;

const SHARDS: usize = 12;

/// The shards that this process has.
#[derive(Clone, Default)]
struct Mine(Arc<Mutex<BTreeSet<usize>>>);

impl Mine {
    fn change(&self, change: impl FnOnce(&mut BTreeSet<usize>)) {
        let mut mine = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut mine);
        println!(
            "process {} has {} shards: {mine:?}",
            process::id(),
            mine.len()
        );
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let etcd = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => "127.0.0.1:2379".to_owned(),
        (Some("--etcd"), Some(etcd)) => etcd,
        _ => return Err("usage: shards [--etcd HOST:PORT]".into()),
    };
    let holder = format!("process {}", process::id());
    let leases = Etcd::connect([etcd])?.leases(&holder, Duration::from_secs(10));
    let (runtime, mine) = (Runtime::new(), Mine::default());
    let work = move |shard| {
        let mine = mine.clone();
        service(Smol, move || work_on(shard, mine.clone()))
    };
    let spread = runtime.unit().shards(SHARDS, Arc::new(leases));
    let spread = spread.lease_name("queue").stop_time(Duration::from_secs(2));
    spread.serve(work)?;
    runtime.run()?;
    println!("{holder} is over");
    Ok(())
}

/// Takes what is in one shard of the queue, until another process is to do that.
async fn work_on(shard: usize, mine: Mine) {
    mine.change(|mine| {
        mine.insert(shard);
    });
    Shutdown::current().requested().await;
    mine.change(|mine| {
        mine.remove(&shard);
    });
}
