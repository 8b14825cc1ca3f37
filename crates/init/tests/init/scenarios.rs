//! What runs in the namespace.

use std::future::pending;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit, id};
use std::time::Duration;

use foster::{RunError, Runtime, Shutdown, Smol, Thread, Tokio};

use crate::{SCENARIO, SOON, orphans};

/// Plays a scenario and ends the process.
pub(crate) fn play(scenario: &str) -> ! {
    let played = match scenario {
        "daemon" => daemon(),
        "stubborn" => stubborn(),
        "facts" => facts(),
        "renamed" => renamed(),
        "orphans" => orphans::leave(),
        "hangs" => hangs(),
        "status 42" => exit(42),
        other => panic!("no scenario `{other}`"),
    };
    if let Err(error) = played {
        eprintln!("{error}");
        exit(1);
    }
    println!("ended");
    exit(0);
}

/// Ends in order by one signal.
fn daemon() -> Result<(), RunError> {
    let runtime = Runtime::new();
    let (sender, polled) = std::sync::mpsc::channel();
    let on_smol = sender.clone();
    runtime.adopt(Smol, || async move {
        let token = Shutdown::current();
        let _ = on_smol.send(());
        token.requested().await;
        println!("smol is asked");
    })?;
    runtime.adopt(Tokio, || async move {
        let token = Shutdown::current();
        let _ = sender.send(());
        token.requested().await;
        println!("tokio is asked");
    })?;
    runtime.adopt(Thread, move || {
        let token = Shutdown::current();
        let _ = polled.recv_timeout(SOON);
        let _ = polled.recv_timeout(SOON);
        println!("ready as {}", id());
        if token.wait_timeout(SOON) {
            println!("thread is asked");
        }
    })?;
    runtime.run()
}

/// Ends by no less than three signals. Each that counts says so.
fn stubborn() -> Result<(), RunError> {
    struct Stuck;
    impl Drop for Stuck {
        fn drop(&mut self) {
            println!("cut short");
            std::thread::sleep(Duration::from_secs(3_600));
        }
    }
    let hour = Duration::from_secs(3_600);
    let runtime = Runtime::builder().grace(hour).cancel_timeout(hour).build();
    runtime.adopt(Smol, || async {
        let token = Shutdown::current();
        let _stuck = Stuck;
        println!("ready as {}", id());
        token.requested().await;
        println!("asked");
        pending::<()>().await;
    })?;
    runtime.run()
}

/// What the program knows of itself.
fn facts() -> Result<(), RunError> {
    println!("id {}", id());
    println!("parent {}", std::os::unix::process::parent_id());
    println!("args {:?}", std::env::args().collect::<Vec<_>>());
    println!("folder {:?}", std::env::current_dir().unwrap());
    println!("scenario {:?}", std::env::var(SCENARIO).unwrap());
    print!(
        "name {}",
        std::fs::read_to_string("/proc/self/comm").unwrap()
    );
    // What this thread has blocked: the main thread of a test program may be just about to start one.
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    for line in status.lines() {
        if ["SigBlk", "SigIgn", "SigCgt"].contains(&line.split(':').next().unwrap()) {
            println!("{}", line.replace('\t', " "));
        }
    }
    eprintln!("this is stderr");
    Ok(())
}

/// Hangs when its run is over, as it does in the print of a report that nobody reads.
fn hangs() -> Result<(), RunError> {
    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(Smol, || async {})?;
    runtime.run()?;
    println!("over");
    std::thread::sleep(Duration::from_secs(3_600));
    Ok(())
}

/// The same, by another name.
fn renamed() -> Result<(), RunError> {
    let error = Command::new(std::env::current_exe().unwrap())
        .arg0("an odd name")
        .args(["as_child", "--exact", "--nocapture", "--test-threads=1"])
        .args(["two words", ""])
        .env(SCENARIO, "facts")
        .current_dir("/proc/sys")
        .exec();
    panic!("{error}");
}
