//! Values from each flavour: an executed payload returns its value or error to the caller.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use foster::{Runtime, Signals, Smol, Thread, Tokio};

fn main() -> Result<(), Box<dyn Error>> {
    // This program needs no orderly end, so a signal may end it like any other program.
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    // An execute needs a started runtime; payloads to adopt are handed in before the start.
    runtime.start()?;

    let smol = runtime.execute(Smol, || async {
        smol::Timer::after(Duration::from_millis(10)).await;
        6 * 7
    })?;
    println!("smol: {smol}");

    let tokio = runtime.execute(Tokio, || async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        "the same, with tokio's timer"
    })?;
    println!("tokio: {tokio}");

    // Blocking code needs no other thread while its caller waits.
    let place = runtime.execute(Thread, || thread::current().id())?;
    println!(
        "thread: on the caller's own: {}",
        place == thread::current().id()
    );

    // The outer `?` is for the runtime's errors, such as a stop; the inner error is a value.
    let parsed = runtime.execute(Thread, || "forty-two".parse::<u8>())?;
    println!("an error: {parsed:?}");

    // A panic goes on in the caller unchanged, and the runtime goes on as well.
    let sum = || runtime.execute(Tokio, || async { panic!("no sums today") });
    if let Err(panic) = catch_unwind(AssertUnwindSafe(sum)) {
        println!("a panic: {:?}", panic.downcast_ref::<&str>());
    }
    println!(
        "and after it: {}",
        runtime.execute(Smol, || async { 1 + 1 })?
    );

    runtime.shutdown();
    Ok(runtime.wait()?)
}
