//! The flavours: how many payloads they have, and whether they still run them.

use std::cmp::Reverse;

use foster::status::FlavourStatus;

use super::{Column, Filter, Order, Row, Tone, Toned, Width};
use crate::text::{age, line, list};

pub(super) const COLUMNS: &[Column] = &[
    Column {
        title: "FLAVOUR",
        width: Width::Share(3),
        from: 0,
    },
    Column {
        title: "THREADS",
        width: Width::Right(7),
        from: 40,
    },
    Column {
        title: "ALIVE",
        width: Width::Right(7),
        from: 0,
    },
    Column {
        title: "QUEUED",
        width: Width::Right(7),
        from: 30,
    },
    Column {
        title: "STALLED",
        width: Width::Left(10),
        from: 0,
    },
    Column {
        title: "BY",
        width: Width::Share(5),
        from: 48,
    },
];

pub(super) fn rows(flavours: &[FlavourStatus], order: Order, filter: &Filter) -> Vec<Row> {
    let fits = |flavour: &&FlavourStatus| filter.fits(&[&flavour.name]);
    let mut chosen: Vec<_> = flavours.iter().filter(fits).collect();
    match order {
        Order::Alive => chosen.sort_by_key(|flavour| Reverse(flavour.alive)),
        Order::Queued => chosen.sort_by_key(|flavour| Reverse(flavour.queued)),
        Order::Name => chosen.sort_by_key(|flavour| &flavour.name),
        _ => {}
    }
    chosen.into_iter().map(row).collect()
}

fn row(flavour: &FlavourStatus) -> Row {
    let (stalled, by) = stall(flavour);
    Row {
        key: flavour.name.clone(),
        title: line(&flavour.name),
        cells: vec![
            (line(&flavour.name), Tone::Plain),
            (flavour.threads.to_string(), Tone::Plain),
            (flavour.alive.to_string(), Tone::Plain),
            (flavour.queued.to_string(), Tone::Plain),
            stalled,
            by.clone(),
        ],
        note: match &flavour.stall {
            Some(_) => by,
            None => (line(&flavour.name), Tone::Plain),
        },
        details: super::details::flavour(flavour),
        unit: None,
    }
}

fn stall(flavour: &FlavourStatus) -> (Toned, Toned) {
    let Some(stall) = &flavour.stall else {
        return (("no".to_owned(), Tone::Good), Toned::default());
    };
    let (extent, tone) = match stall.is_whole {
        true => ("all", Tone::Bad),
        false => ("partly", Tone::Changing),
    };
    let by = match &stall.payloads[..] {
        [] => "something that is no payload of the runtime".to_owned(),
        payloads => list(payloads, 5, 0),
    };
    ((format!("{extent} {}", age(stall.age)), tone), (by, tone))
}
