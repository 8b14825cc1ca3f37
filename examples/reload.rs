//! A configuration that is read again at SIGHUP (`kill -HUP`), or when the program asks for it. A service that finds nonsense
//! in it keeps what it had. The program changes its own file twice and then ends; Ctrl-C ends it sooner.

use std::path::{Path, PathBuf};
use std::time::Duration;

use foster::{BoxError, Reload, ReloadWait, RunError, Runtime, Shutdown, Signals, Thread, Tokio};

/// How often the ticker ticks: the whole of the file.
fn read(path: &Path) -> Result<Duration, BoxError> {
    let text = std::fs::read_to_string(path)?;
    Ok(Duration::from_millis(text.trim().parse()?))
}

/// A thread that waits for its next tick, a reload or the end, whichever comes first.
struct Ticker(PathBuf);

#[foster::service(flavour = Thread)]
impl Ticker {
    fn run(&self) -> Result<(), BoxError> {
        // Before the file is read: what changes from here on is asked for.
        let (_shutdown, reload) = (Shutdown::current(), Reload::current());
        let mut every = read(&self.0)?;
        loop {
            match reload.wait_timeout(every) {
                ReloadWait::TimedOut => println!("tick"),
                ReloadWait::Requested(request) => match read(&self.0) {
                    Ok(new) => {
                        println!("ticker: every {new:?} from now on");
                        every = new;
                        request.done();
                    }
                    Err(error) => request.failed(error),
                },
                ReloadWait::Ended => return Ok(()),
            }
        }
    }
}

/// It reads the file at its start alone, so a reload starts it again: after the ticker, as it does at the start.
struct Greeter(PathBuf);

#[foster::service(flavour = Tokio, after = "ticker", restart_on_reload)]
impl Greeter {
    async fn run(&self) {
        let shutdown = Shutdown::current();
        let content = std::fs::read_to_string(&self.0).unwrap_or_default();
        println!("greeter: the file says `{}`", content.trim());
        shutdown.requested().await;
    }
}

fn main() -> Result<(), RunError> {
    let path = std::env::temp_dir().join(format!("foster-reload-{}", std::process::id()));
    std::fs::write(&path, "300").expect("the directory can be written to");
    let runtime = Runtime::builder()
        .signals(Signals::reload_on_hangup())
        .build();
    runtime.serve(Ticker(path.clone()))?;
    runtime.serve(Greeter(path.clone()))?;
    let (handle, file) = (runtime.clone(), path.clone());
    runtime.adopt(Tokio, || async move {
        for content in ["100", "nonsense"] {
            tokio::time::sleep(Duration::from_secs(1)).await;
            std::fs::write(&file, content)?;
            match handle.reload().await {
                Ok(report) => println!("{} services have reloaded", report.services().len()),
                Err(error) => println!("{error}"),
            }
        }
        handle.shutdown();
        Ok::<(), BoxError>(())
    })?;
    let result = runtime.run();
    let _ = std::fs::remove_file(path);
    result
}
