//! A daemon that leaves orphans behind, and says who its parent is and how many zombies there are.
//!
//!     cargo build -p foster-init --example process_one
//!     sudo unshare --fork --pid --mount-proc --kill-child target/debug/examples/process_one
//!
//! With the argument `alone` it is process 1 itself, and the zombies stay.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use foster::{Runtime, Shutdown, Thread};

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() != Some("alone") {
        foster_init::reap_as_process_one()?;
    }
    println!("this is process {}", std::process::id());
    let runtime = Runtime::new();
    runtime.named("orphans").adopt(Thread, || {
        let shutdown = Shutdown::current();
        while !shutdown.wait_timeout(Duration::from_secs(1)) {
            // The shell ends at once, and leaves its child to process 1.
            Command::new("sh").args(["-c", "sleep 1 &"]).status()?;
            println!("{} zombies", zombies()?);
        }
        std::io::Result::Ok(())
    })?;
    Ok(runtime.run()?)
}

fn zombies() -> std::io::Result<usize> {
    let processes = std::fs::read_dir("/proc")?.flatten();
    let states = processes.filter_map(|one| std::fs::read_to_string(one.path().join("stat")).ok());
    Ok(states.filter(|state| state.contains(") Z ")).count())
}
