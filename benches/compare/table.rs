//! What is printed: a table in Markdown, a row as soon as it is measured, and the lines for machines.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use super::growth::{Line, lines};
use super::measure::{Column, Plan, Row, Unit};

pub(crate) fn begin(plan: &Plan) {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().filter(|load| !load.is_empty());
    println!(
        "{} cores, {} {}, load {}; {} rounds{}\n",
        cores,
        std::env::consts::OS,
        std::env::consts::ARCH,
        load.unwrap_or("unknown"),
        plan.rounds,
        if plan.quick { ", quick" } else { "" },
    );
    println!("| measure | of | Foster | peers, and Foster's ratio to each (quartiles) |");
    println!("|---|---|---|---|");
}

pub(crate) fn row(row: &Row) {
    let peer = |column: &Column| {
        format!(
            "{} {}: **{:.2}** ({:.2} to {:.2})",
            column.side,
            value(column.value.median, row.unit),
            column.ratio.median,
            column.ratio.lower,
            column.ratio.upper,
        )
    };
    let foster = row.columns.first();
    let foster = foster.map(|column| value(column.value.median, row.unit));
    let foster = foster.unwrap_or_default();
    let peers: Vec<_> = row.peers().iter().map(peer).collect();
    println!(
        "| {} | {} | {foster} | {} |",
        row.name,
        row.of,
        peers.join("; ")
    );
}

pub(crate) fn end(rows: &[Row]) {
    growth(&lines(rows));
    println!();
    for row in rows {
        for column in row.peers() {
            let ratio = column.ratio.median;
            println!("RATIO {} {} {ratio:.3}", row.name, column.side);
        }
    }
}

/// What grows, a table for each family: a row for each line, a column for each number.
fn growth(lines: &[Line]) {
    let mut families: Vec<_> = lines.iter().map(|line| line.family).collect();
    families.dedup();
    for family in families {
        let of_family = || lines.iter().filter(|line| line.family == family);
        let numbers = of_family().flat_map(|line| &line.points);
        let numbers: BTreeSet<_> = numbers.map(|(number, _)| *number).collect();
        let heads: Vec<_> = numbers.iter().map(|number| grouped(*number)).collect();
        println!("\n| {family}, one of | {} |", heads.join(" | "));
        println!("|---|{}", "---|".repeat(numbers.len()));
        for line in of_family() {
            let cell = |number: &usize| {
                let mut points = line.points.iter();
                let point = points.find(|(of, _)| of == number);
                point.map_or_else(String::new, |(_, cost)| value(*cost, line.unit))
            };
            let cells: Vec<_> = numbers.iter().map(cell).collect();
            println!("| {}, {} | {} |", line.name, line.figure, cells.join(" | "));
        }
    }
}

fn value(value: f64, unit: Unit) -> String {
    let (value, unit) = match unit {
        Unit::Bytes => (value, "B"),
        Unit::Nanoseconds if value < 1e3 => (value, "ns"),
        Unit::Nanoseconds if value < 1e6 => (value / 1e3, "µs"),
        Unit::Nanoseconds => (value / 1e6, "ms"),
    };
    // Three figures say enough, and more than is true.
    let decimals = match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// `number` as it is read: 100,000.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| String::from_utf8_lossy(group))
        .collect();
    groups.join(",")
}
