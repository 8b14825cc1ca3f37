//! What one of them costs as they become more: payloads, services, groups, runtimes.
//!
//! Each sample is a process of its own, as its memory is part of what is measured. A life has a start (until all of them
//! idle) and a stop; both are for one of them, as are the processor's time for both and what the process grows by.

mod lines;
mod runtimes;
mod services;

use std::fs;
use std::time::{Duration, Instant};

use foster::{Smol, Tokio, TokioMultiThread};

pub(crate) use self::lines::{Line, lines};
use super::alone::{tell, try_ask};
use super::executors;
use super::idle::{Idle, Life};
use super::measure::{Measure, Plan, Row, Unit, quantile};
use super::stop::foster;
use super::table::grouped;

/// The life of so many.
type Live = fn(Idle) -> Life;

/// One thing that there may be more and more of.
pub(crate) struct Kind {
    /// In the names of its rows.
    name: &'static str,
    live: Live,
    /// The same without Foster.
    raw: Option<(&'static str, Live)>,
    /// How many of them: powers of ten between these, and this most.
    least: usize,
    most: usize,
}

const fn kind(name: &'static str, most: usize, live: Live) -> Kind {
    Kind {
        name,
        live,
        raw: None,
        least: 1,
        most,
    }
}

/// Payloads, of which a few would show the start of the flavour and no more.
const fn payloads(name: &'static str, live: Live) -> Kind {
    Kind {
        least: 1_000,
        ..kind(name, 10_000_000, live)
    }
}

impl Kind {
    const fn beside(self, name: &'static str, live: Live) -> Self {
        let raw = Some((name, live));
        Self { raw, ..self }
    }
}

const SMOL: &[Kind] = &[
    payloads("smol", |idle| foster!(idle, idle, Smol)).beside("async-executor", Idle::raw_smol),
    payloads("smol-token", |idle| foster!(idle, until_asked, Smol)),
];

const TOKIO: &[Kind] = &[
    payloads("tokio", |idle| foster!(idle, idle, Tokio)).beside("tokio", Idle::raw_tokio),
    payloads("tokio-token", |idle| foster!(idle, until_asked, Tokio))
        .beside("tokio-util", |idle| idle.tracker(executors::tokio())),
];

const POOL: &[Kind] = &[
    payloads("pool", |idle| foster!(idle, idle, TokioMultiThread)).beside("tokio", |idle| {
        idle.tokio_on(executors::tokio_multi_thread())
    }),
    payloads("pool-token", |idle| {
        foster!(idle, until_asked, TokioMultiThread)
    })
    .beside("tokio-util", |idle| {
        idle.tracker(executors::tokio_multi_thread())
    }),
];

pub(crate) fn smol(plan: &Plan) -> Vec<Row> {
    grow(plan, SMOL)
}

pub(crate) fn tokio(plan: &Plan) -> Vec<Row> {
    grow(plan, TOKIO)
}

pub(crate) fn pool(plan: &Plan) -> Vec<Row> {
    grow(plan, POOL)
}

pub(crate) fn units(plan: &Plan) -> Vec<Row> {
    grow(plan, services::UNITS)
}

pub(crate) fn groups(plan: &Plan) -> Vec<Row> {
    grow(plan, services::GROUPS)
}

pub(crate) fn runtimes(plan: &Plan) -> Vec<Row> {
    grow(plan, runtimes::RUNTIMES)
}

/// What the names of rows, and of the sides of their samples, begin with.
pub(crate) const SIDE: &str = "growth-";

fn grow(plan: &Plan, kinds: &[Kind]) -> Vec<Row> {
    let mut rows = Vec::new();
    for kind in kinds {
        let most = plan.number(kind.most, kind.most / 100).max(kind.least * 10);
        let powers = (0..).map(|power| 10_usize.pow(power));
        let mut sizes: Vec<_> = powers
            .skip_while(|size| *size < kind.least)
            .take_while(|size| *size < most)
            .collect();
        sizes.push(most);
        for number in sizes {
            rows.extend(one_size(plan, kind, number));
        }
    }
    rows
}

fn one_size(plan: &Plan, kind: &Kind, number: usize) -> Vec<Row> {
    let name = format!("{SIDE}{}-{number}", kind.name);
    let of = format!("1 of {}", grouped(number));
    let side = format!("{SIDE}{}", kind.name);
    let raw = format!("{side}-raw");
    // Not all of them may be had.
    if let Err(reason) = try_ask(&side, number) {
        return vec![Row::does_not_apply(&name, &of, reason)];
    }
    let sample = |side: &str| try_ask(side, number).expect("it had figures before");
    let mut measure = Measure::new(name, of)
        .figures(&["-start", "-stop", "-cpu"])
        .figure("-bytes", Unit::Bytes)
        .side_of_many("foster", || sample(&side));
    if let Some((name, _)) = kind.raw {
        measure = measure.side_of_many(name, || sample(&raw));
    }
    measure.compare(plan)
}

/// Takes a sample of `side`, if it is one of these.
pub(crate) fn sample_of(side: &str, number: usize) -> bool {
    let kinds = [
        SMOL,
        TOKIO,
        POOL,
        services::UNITS,
        services::GROUPS,
        runtimes::RUNTIMES,
    ];
    let sides = kinds.into_iter().flatten().flat_map(|kind| {
        let raw = kind
            .raw
            .map(|(_, live)| (format!("{}-raw", kind.name), live));
        [Some((kind.name.to_owned(), kind.live)), raw]
    });
    let of_side = |(name, _): &(String, _)| side.strip_prefix(SIDE) == Some(name);
    let Some((_, live)) = sides.flatten().find(of_side) else {
        return false;
    };
    sample(number, live);
    true
}

/// How long lives are repeated in a sample, for the middle of them.
const ENOUGH: Duration = Duration::from_millis(200);

/// How many live before a sample, at most: whatever starts but once is there then.
const BEFORE: usize = 100;

fn sample(number: usize, live: Live) {
    live(Idle::new(number.min(BEFORE)));
    // The fewer, the shorter, and so the rougher. Memory is taken for the first of them, and then kept.
    let (begin, busy) = (Instant::now(), processor_time());
    let mut lives = vec![live(Idle::new(number))];
    while lives.len() < 50 && begin.elapsed() < ENOUGH {
        lives.push(live(Idle::new(number)));
    }
    let busy = (processor_time() - busy) / lives.len() as f64;
    let middle = |figure: fn(&Life) -> f64| {
        let mut figures: Vec<_> = lives.iter().map(figure).collect();
        quantile(&mut figures, 0.5)
    };
    let all = [
        middle(|life| life.start),
        middle(|life| life.end),
        busy,
        lives[0].grown,
    ];
    tell(&all.map(|figure| figure / number as f64));
}

/// Nanoseconds for which this process has had a processor, where the system tells: other load takes nothing of them. Told by
/// the hundredth of a second.
fn processor_time() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the program's name, which may be anything.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let fields = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = fields.flat_map(str::parse::<f64>).sum();
    ticks * 1e7
}
