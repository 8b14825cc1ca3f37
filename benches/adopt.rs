//! What adopting a payload costs, beside spawning it on the raw executors.
//!
//! `cargo bench -p foster-benches --bench adopt`: the measures of the bench `compare` whose names begin
//! with `adopt`.

#[path = "compare/main.rs"]
mod compare;

use std::process::ExitCode;

fn main() -> ExitCode {
    compare::main()
}
