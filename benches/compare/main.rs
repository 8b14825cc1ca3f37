//! Foster and its peers side by side: the same work, in turns, in one process; where what is left over of memory would
//! decide, in one process each (`alone`).
//!
//! `cargo bench -p foster-benches --bench compare`, with any of these after `--`:
//!
//! | argument | what it does |
//! |---|---|
//! | `adopt`, `stop-hard`, … | takes the measures whose names begin so; all of them without |
//! | `--quick` | smaller numbers and fewer rounds: done in a minute |
//! | `--rounds N` | takes N rounds |
//! | `--plot DIR` | draws what was measured, as SVG |
//! | `--list` | names the measures |
//!
//! Printed is a row for each measure: the median of each side, and of the ratio to Foster within a
//! round, with its quartiles. The last lines are for machines: `RATIO <measure> <peer> <value>`.
//! What each measure is, and how its peers do the same, stands in docs/PERFORMANCE.md.
#![deny(unsafe_code)]

mod adopt;
mod affinity;
mod alone;
mod execute;
mod executors;
mod fairness;
mod growth;
mod heap;
mod idle;
mod life;
mod measure;
mod memory;
mod one_core;
mod payloads;
mod plot;
mod pool;
mod status;
mod stop;
mod table;
mod units;

use std::path::PathBuf;
use std::process::ExitCode;

use measure::{Plan, Row};

/// Takes a measure, which may give several rows.
type Take = fn(&Plan) -> Vec<Row>;

/// The measures, by the names that pick them.
const MEASURES: &[(&str, Take)] = &[
    ("adopt-smol", adopt::smol),
    ("adopt-tokio", adopt::tokio),
    ("adopt-one-core-smol", adopt::one_core_smol),
    ("adopt-one-core-tokio", adopt::one_core_tokio),
    ("adopt-parallel", pool::outside),
    ("adopt-parallel-2", pool::outside_2),
    ("adopt-parallel-held", pool::held),
    ("adopt-parallel-inside", pool::inside),
    ("adopt-parallel-inside-2", pool::inside_2),
    ("adopt-thread", adopt::thread),
    ("adopt-inside-smol", adopt::inside_smol),
    ("adopt-inside-tokio", adopt::inside_tokio),
    ("execute-smol", execute::smol),
    ("execute-tokio", execute::tokio),
    ("execute-thread", execute::thread),
    ("call", execute::call),
    ("start", life::start),
    ("start-run", life::run),
    ("failure", life::failure),
    ("stop-hard", stop::hard),
    ("stop-graceful", stop::graceful),
    ("stop-hard-parallel", stop::hard_parallel),
    ("stop-graceful-parallel", stop::graceful_parallel),
    ("growth-smol", growth::smol),
    ("growth-tokio", growth::tokio),
    ("growth-pool", growth::pool),
    ("growth-units", growth::units),
    ("growth-groups", growth::groups),
    ("growth-runtimes", growth::runtimes),
    ("units", units::units),
    ("serve", units::serve),
    ("memory-smol", memory::smol),
    ("memory-tokio", memory::tokio),
    ("memory-parallel", memory::parallel),
    ("status", status::status),
    ("fairness", fairness::timer),
    ("fairness-socket", fairness::socket),
    ("fairness-parallel", fairness::timer_parallel),
];

/// Whether `wish` is for a measure of this name, or for one of its rows: the longest name that it begins with says of
/// which measure that is one.
fn takes(name: &str, wish: &str) -> bool {
    let names = || MEASURES.iter().map(|(name, _)| *name);
    let of_row = || {
        let begun_by = names().filter(|name| wish.starts_with(name));
        begun_by.max_by_key(|name| name.len()) == Some(name)
    };
    name.starts_with(wish) || (of_row() && !names().any(|name| name.starts_with(wish)))
}

/// What the command line asks for.
#[derive(Default)]
struct Wishes {
    quick: bool,
    rounds: Option<usize>,
    plot: Option<PathBuf>,
    list: bool,
    measures: Vec<String>,
}

impl Wishes {
    fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut wishes = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} takes a value"));
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--quick" => wishes.quick = true,
                "--list" => wishes.list = true,
                "--plot" => wishes.plot = Some(value()?.into()),
                "--rounds" => {
                    let rounds = value()?.parse().ok().filter(|rounds| *rounds > 0);
                    wishes.rounds = Some(rounds.ok_or("--rounds takes a number from 1")?);
                }
                option if option.starts_with('-') => return Err(format!("no option {option}")),
                name => wishes.measures.push(name.to_owned()),
            }
        }
        // The bench `adopt` is this one with fewer measures.
        if wishes.measures.is_empty() && env!("CARGO_CRATE_NAME") != "compare" {
            wishes.measures.push(env!("CARGO_CRATE_NAME").to_owned());
        }
        let known = |wish: &&String| MEASURES.iter().any(|(name, _)| takes(name, wish));
        match wishes.measures.iter().find(|wish| !known(wish)) {
            Some(wish) => Err(format!("no measure begins with {wish} (try --list)")),
            None => Ok(wishes),
        }
    }

    /// Whether some wish is one that `picks`; without wishes, everything is wished for.
    fn any(&self, picks: impl Fn(&str) -> bool) -> bool {
        self.measures.is_empty() || self.measures.iter().any(|wish| picks(wish))
    }
}

pub(crate) fn main() -> ExitCode {
    let arguments = || std::env::args().skip(1);
    if let Some((side, number)) = alone::asked(arguments()) {
        let is_taken = memory::sample_of(&side, number)
            || units::sample_of(&side, number)
            || growth::sample_of(&side, number);
        assert!(is_taken, "no side {side}");
        return ExitCode::SUCCESS;
    }
    match Wishes::read(arguments()).and_then(|wishes| run(&wishes)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(wishes: &Wishes) -> Result<(), String> {
    let chosen = MEASURES
        .iter()
        .filter(|(name, _)| wishes.any(|wish| takes(name, wish)));
    if wishes.list {
        chosen.for_each(|(name, _)| println!("{name}"));
        return Ok(());
    }
    let plan = Plan::new(wishes.quick, wishes.rounds);
    table::begin(&plan);
    let mut rows = Vec::new();
    for (_, take) in chosen {
        let taken = take(&plan);
        let asked = |row: &Row| wishes.any(|wish| row.name.starts_with(wish));
        for row in taken.into_iter().filter(asked) {
            table::row(&row);
            rows.push(row);
        }
    }
    table::end(&rows);
    match &wishes.plot {
        Some(folder) => plot::draw(&rows, folder).map_err(|error| format!("no plot: {error}")),
        None => Ok(()),
    }
}
