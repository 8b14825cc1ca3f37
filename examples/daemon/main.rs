//! A daemon of three services: one walks a directory on a thread, one keeps the results on smol, and one
//! serves them over HTTP on tokio. A failure of one of them, Ctrl-C or SIGTERM ends all three in order.

mod keeper;
mod server;
mod walker;

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{self, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Parser, ValueEnum};
use foster::{RunError, Runtime};
use tokio::sync::watch;

use crate::keeper::{Keeper, Stats};
use crate::server::Server;
use crate::walker::Walker;

/// Watches a directory and serves what it finds over HTTP, on this machine only
#[derive(Parser)]
struct Arguments {
    /// The directory to watch
    #[arg(default_value = ".", value_parser = PathBufValueParser::new().try_map(readable))]
    directory: PathBuf,

    /// The port to serve on; 0 takes any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Makes the service of one flavour fail after two seconds, to show what happens then
    #[arg(long, value_name = "FLAVOUR")]
    fail: Option<Flavour>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Flavour {
    Smol,
    Tokio,
    Thread,
}

/// The whole path of a directory that can be read.
fn readable(directory: PathBuf) -> io::Result<PathBuf> {
    // Only opening it tells "missing", "a file" and "not allowed" apart.
    fs::read_dir(&directory)?;
    path::absolute(directory)
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => {
            say("stopped");
            ExitCode::SUCCESS
        }
        Err(report) => {
            // The status shows the failure even if nobody reads the report.
            let _ = writeln!(io::stderr(), "{report}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), RunError> {
    let Arguments {
        directory,
        port,
        fail,
    } = arguments;
    let mishap = |flavour| (fail == Some(flavour)).then(|| Instant::now() + Duration::from_secs(2));
    // One place is enough: the walker waits for a slow keeper.
    let (found, walks) = smol::channel::bounded(1);
    let (latest, stats) = watch::channel(Stats::of(&directory));

    let runtime = Runtime::new();
    runtime.serve(Server {
        port,
        stats,
        fails: mishap(Flavour::Tokio),
    })?;
    runtime.serve(Keeper {
        walks,
        latest,
        fails: mishap(Flavour::Smol),
    })?;
    runtime.serve(Walker {
        directory,
        found,
        fails: mishap(Flavour::Thread),
    })?;
    runtime.run()
}

/// The error of a service that should fail: with a cause, like a real one.
fn mishap() -> anyhow::Error {
    anyhow::anyhow!("`--fail` asked for it").context("cannot go on")
}

/// Writes a line to stdout and flushes it.
///
/// A daemon goes on when its reader is gone, as in `| head -1`; `println!` would panic.
fn say(line: impl Display) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
