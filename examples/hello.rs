//! The first program: three payloads on three flavours, and an end when all of them are done.

use foster::{RunError, Runtime, Smol, Thread, Tokio};

fn main() -> Result<(), RunError> {
    // Without `until_idle` a runtime goes on until it is asked to stop, as a daemon should.
    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(Smol, || async { println!("hello from smol") })?;
    runtime.adopt(Tokio, || async { println!("hello from tokio") })?;
    runtime.adopt(Thread, || println!("hello from a thread"))?;
    runtime.run()
}
