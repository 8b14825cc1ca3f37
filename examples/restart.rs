//! Three services on three flavours: they start in order and stop in reverse. One fails at first and is
//! restarted with growing delays.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use foster::{Exit, Ready, Restart, RunError, Runtime, Shutdown, Smol, Thread, Tokio};

/// A database that takes a while to become ready.
#[foster::service(flavour = Thread, notifies_ready, start_timeout = Duration::from_secs(5))]
fn database() {
    let (shutdown, ready) = (Shutdown::current(), Ready::current());
    std::thread::sleep(Duration::from_millis(300));
    println!("database: ready");
    ready.notify();
    while !shutdown.wait_timeout(Duration::from_secs(60)) {}
    println!("database: closed");
}

/// A feed that fails three times and then keeps running.
#[derive(Default)]
struct Feed {
    tries: AtomicU32,
}

#[foster::service(
    flavour = Smol,
    after = "database",
    restart = Restart::on_failure().limit(5, Duration::from_secs(60)),
)]
impl Feed {
    async fn run(&self) -> Result<(), String> {
        let shutdown = Shutdown::current();
        match self.tries.fetch_add(1, Ordering::Relaxed) + 1 {
            tries @ 1..=3 => return Err(format!("no connection, try {tries}")),
            tries => println!("feed: connected by try {tries}"),
        }
        shutdown.requested().await;
        println!("feed: disconnected");
        Ok(())
    }
}

/// Ends everything after two seconds.
#[foster::service(flavour = Tokio, after = ["database", "feed"])]
async fn closing_time() -> Exit {
    tokio::time::sleep(Duration::from_secs(2)).await;
    Exit::Shutdown
}

fn main() -> Result<(), RunError> {
    let runtime = Runtime::new();
    // The order of these calls does not matter.
    runtime.serve(closing_time)?;
    runtime.serve(Feed::default())?;
    runtime.serve(database)?;
    runtime.run()
}
