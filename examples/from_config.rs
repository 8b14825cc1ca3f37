//! Flavours chosen by name, for programs whose configuration decides where payloads run.

use std::thread;

use foster::{Coroutine, Instance, RunError, Runtime, Smol, Thread, Tokio};

/// A second smol, with its own thread.
const IO: Instance<Smol> = Instance::new(Smol, "smol::io");

fn main() -> Result<(), RunError> {
    // Register the keys that a configuration may name.
    let runtime = Runtime::builder()
        .register(Smol)?
        .register(IO)?
        .register(Tokio)?
        .register(Thread)?
        .until_idle()
        .build();

    let configuration = [
        ("boiler", "smol"),
        ("pump", "smol::io"),
        ("valve", "tokio"),
        ("lamp", "glommio"),
        ("fan", "std::thread"),
    ];
    for (name, flavour) in configuration {
        // A name says nothing about the kind of payload, so the code does: `Coroutine`.
        match runtime.flavour::<Coroutine>(flavour) {
            Ok(flavour) => runtime.named(name).adopt(flavour, move || async move {
                let thread = thread::current();
                println!("{name}: runs on `{}`", thread.name().unwrap_or("?"));
            })?,
            Err(error) => println!("{name}: {error}"),
        }
    }
    runtime.run()
}
