//! One of several processes of which one at a time writes to a store: `replica NAME ETCD STORE SECONDS`.
//!
//! It reads orders from standard input: `block` has the work block its executor for ever.

use std::error::Error;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use foster::{Clock, Runtime, Shutdown, Smol, service};
use foster_etcd::Etcd;
use foster_lease::{Fence, OnlyOne};
use foster_proof::{LEASE, Write};

/// How often it writes.
const PAUSE: Duration = Duration::from_millis(10);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [name, etcd, store, seconds] = arguments.as_slice() else {
        return Err("usage: replica NAME ETCD STORE SECONDS".into());
    };
    let blocks = Arc::new(AtomicBool::new(false));
    let ordered = Arc::clone(&blocks);
    thread::spawn(move || {
        for order in std::io::stdin().lines().map_while(Result::ok) {
            ordered.store(order == "block", SeqCst);
        }
    });
    let length = Duration::from_secs(seconds.parse()?);
    let lease = Etcd::connect([etcd.as_str()])?.lease(LEASE, name.as_str(), length);
    let runtime = Runtime::new();
    let (name, store) = (name.clone(), store.clone());
    let work = service(Smol, move || {
        write_on(name.clone(), store.clone(), Arc::clone(&blocks))
    });
    let gated = runtime.unit().only_one(Arc::new(lease));
    gated
        .stop_time(Duration::from_millis(500))
        .renew_every(Duration::from_millis(400))
        .serve(work)?;
    Ok(runtime.run()?)
}

/// Writes until the end is asked for, with the fence of the turn. The store is near, so waiting for it blocks for microseconds.
async fn write_on(
    replica: String,
    store: String,
    blocks: Arc<AtomicBool>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (shutdown, fence) = (Shutdown::current(), Fence::current());
    let mut to = TcpStream::connect(store)?;
    let mut from = BufReader::new(to.try_clone()?);
    let mut number = 0;
    while !shutdown.is_requested() {
        number += 1;
        let write = Write {
            replica: replica.clone(),
            fence: fence.number(),
            number,
        };
        writeln!(to, "{write}")?;
        let mut answer = String::new();
        from.read_line(&mut answer)?;
        if answer.trim() != "accepted" {
            eprintln!("{write}: {}", answer.trim());
        }
        if blocks.load(SeqCst) {
            thread::sleep(Duration::MAX);
        }
        Clock::current().sleep(PAUSE).await;
    }
    Ok(())
}
