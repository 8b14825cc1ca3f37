//! A daemon of three services: one walks a directory on a thread, one keeps the results on smol, and one
//! serves them over HTTP on tokio. A failure of one of them, Ctrl-C or SIGTERM ends all three in order. An admin
//! page beside them shows how they do, also while they hang.

mod admin;
mod keeper;
mod page;
mod server;
mod trouble;
mod walker;

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{self, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Parser, ValueEnum};
use foster::Runtime;
use tokio::sync::watch;

use crate::admin::Place;
use crate::keeper::{Keeper, Stats};
use crate::page::Sources;
use crate::server::Server;
use crate::trouble::{Due, Trouble};
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

    /// Makes the service of one flavour block for eight seconds, after two. On smol and tokio that holds up all that
    /// the executor runs, so Foster names it; a thread may block
    #[arg(long, value_name = "FLAVOUR", conflicts_with = "fail")]
    stall: Option<Flavour>,

    /// Where to serve the admin page: a port, 0 for any that is free; or a path, for a Unix socket that only you may
    /// use
    #[arg(long, value_name = "PORT|PATH", default_value = "0", value_parser = PathBufValueParser::new().try_map(Place::of))]
    admin: Place,
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
            let _ = writeln!(io::stderr(), "{report:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        directory,
        port,
        fail,
        stall,
        admin,
    } = arguments;
    let at = Instant::now() + Duration::from_secs(2);
    let trouble = |flavour| {
        let due = |trouble| Some(Due { trouble, at });
        match flavour {
            _ if fail == Some(flavour) => due(Trouble::Failure),
            _ if stall == Some(flavour) => due(Trouble::Stall),
            _ => None,
        }
    };
    // One place is enough: the walker waits for a slow keeper.
    let (found, walks) = smol::channel::bounded(1);
    let (latest, stats) = watch::channel(Stats::of(&directory));

    let runtime = Runtime::new();
    let sources = Sources {
        stats,
        runtime: runtime.clone(),
        admin: admin.serve(&runtime)?,
    };
    runtime.serve(Server {
        port,
        sources,
        trouble: trouble(Flavour::Tokio),
    })?;
    runtime.serve(Keeper {
        walks,
        latest,
        trouble: trouble(Flavour::Smol),
    })?;
    runtime.serve(Walker {
        directory,
        found,
        trouble: trouble(Flavour::Thread),
    })?;
    Ok(runtime.run()?)
}

/// Writes a line to stdout and flushes it.
///
/// A daemon goes on when its reader is gone, as in `| head -1`; `println!` would panic.
fn say(line: impl Display) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
