//! Foster inside a program that owns its `main`: started, used and awaited from `#[tokio::main]`.

use std::time::Duration;

use foster::{RunError, Runtime, Shutdown, Smol, Thread};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), RunError> {
    let runtime = Runtime::new();
    // Handed in before the start: after it a signal may end the runtime. A refused `adopt(…)?` would then end the
    // program with status 1, as if it had failed.
    runtime.adopt(Thread, || {
        let shutdown = Shutdown::current();
        let mut beats = 0;
        while !shutdown.wait_timeout(Duration::from_millis(20)) {
            beats += 1;
        }
        println!("thread: asked to end after some beats: {}", beats > 0);
    })?;
    runtime.start()?;

    // The program's own tokio goes on beside the runtime, and `call` blocks neither.
    let answer = runtime.call(Smol, || async {
        smol::Timer::after(Duration::from_millis(50)).await;
        6 * 7
    });
    match answer.await {
        Ok(answer) => println!("smol: {answer}"),
        // A signal has come. The report at the end has the failures, if any.
        Err(stopping) => println!("main: no answer: {stopping}"),
    }
    tokio::time::sleep(Duration::from_millis(50)).await;

    runtime.shutdown();
    // Not `wait`, which would block all other tasks of this thread.
    runtime.wait_async().await?;
    println!("main: the runtime is over, tokio is not");
    Ok(())
}
