//! Which cache lines the threads of a pool write in common, as each hands payloads in and runs some: what they cost each
//! other, on however many cores.
//!
//! `cargo bench -p foster-benches --bench contended`
//!
//! Needs valgrind, whose tool lackey writes down each access to memory and whose scheduler says which thread runs. Counted are
//! a process with some payloads and one with three times as many, and the table has the difference, for one payload. It fails where
//! Foster's workers write more into each other's lines than tokio's do. `trace.rs` has the counting, which knows nothing of payloads; `work.rs` what is counted.

mod trace;
mod work;

use std::env;
use std::io::BufReader;
use std::process::{Command, ExitCode, Stdio};

use trace::Counts;
use work::Side;

/// The first argument of the processes that are counted.
const CHILD: &str = "child";
const WORKERS: usize = 4;
/// How many payloads each worker hands in, in the smaller of two processes.
const FEW: usize = 1_000;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() == Some(CHILD) {
        let side = arguments.next().and_then(|name| Side::by_name(&name));
        let number = arguments.next().and_then(|number| number.parse().ok());
        let (Some(side), Some(number)) = (side, number) else {
            eprintln!("contended: a child is given a side and a number");
            return ExitCode::FAILURE;
        };
        work::run(side, number);
        return ExitCode::SUCCESS;
    }
    match table() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("contended: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table() -> Result<(), String> {
    println!(
        "{WORKERS} workers, each with payloads that hand in {FEW} or {} more; for one payload:\n",
        3 * FEW
    );
    println!(
        "| | writes | to lines that others write as well | by others than who writes the line most | to lines that \
         another has written last |\n|---|---|---|---|---|"
    );
    let mut written = Vec::new();
    for side in Side::ALL {
        let (few, many) = (counted(side, FEW)?, counted(side, 3 * FEW)?);
        let one = |of: fn(&Counts) -> u64| {
            (of(&many) as f64 - of(&few) as f64) / (2 * FEW * WORKERS) as f64
        };
        println!(
            "| {} | {:.1} | {:.2} | {:.2} | {:.2} |",
            side.title(),
            one(|counts| counts.writes),
            one(|counts| counts.shared),
            one(|counts| counts.foreign),
            one(|counts| counts.moves)
        );
        written.push(one(|counts| counts.foreign));
    }
    let [pool, borrowed, raw] = written[..] else {
        return Err("a side is missing".to_owned());
    };
    match pool.max(borrowed) < raw {
        true => Ok(()),
        false => Err("workers of Foster's write more into each other's lines than tokio's".into()),
    }
}

/// What the process does that has each worker hand in so many.
fn counted(side: Side, number: usize) -> Result<Counts, String> {
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let mut valgrind = Command::new("valgrind")
        .args(["--tool=lackey", "--basic-counts=no", "--trace-mem=yes"])
        .args(["--trace-sched=yes", "--fair-sched=yes", "--log-fd=1"])
        .arg(this)
        .args([CHILD, side.name(), &number.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    let output = valgrind.stdout.take().ok_or("valgrind has no output")?;
    let counts = trace::count(BufReader::with_capacity(1 << 20, output));
    let status = valgrind.wait().map_err(|error| error.to_string())?;
    match status.success() {
        true => counts.map_err(|error| format!("valgrind's output cannot be read: {error}")),
        false => Err(format!("valgrind of `{}` ended with {status}", side.name())),
    }
}
