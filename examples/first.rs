//! The program of the README: three parts on three executors, and the end that one of them brings.

use std::time::Duration;
use std::{fs, io};

use foster::{RunError, Runtime, Shutdown, Smol, Thread, Tokio};

async fn tick() {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!("tick");
    }
}

fn scan() -> io::Result<()> {
    let shutdown = Shutdown::current();
    while !shutdown.wait_timeout(Duration::from_millis(2500)) {
        println!("{} entries", fs::read_dir("no-such-folder")?.count());
    }
    Ok(())
}

fn main() -> Result<(), RunError> {
    let runtime = Runtime::new();
    runtime.adopt(Tokio, tick)?; // dropped at its `await` when the runtime stops
    runtime.named("scanner").adopt(Thread, scan)?; // a thread, asked to end by its token
    runtime.adopt(Smol, || async { println!("up and running") })?;
    runtime.run() // until a failure, a signal or `shutdown()`
}
