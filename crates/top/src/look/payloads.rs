//! The payloads that are no runs of services, those of one name together.

use std::cmp::Reverse;

use foster::status::{PayloadStatus, Status};

use super::{Column, Filter, Order, Row, Tone, Width};
use crate::text::{age, line};

pub(super) const COLUMNS: &[Column] = &[
    Column {
        title: "COUNT",
        width: Width::Right(7),
        from: 0,
    },
    Column {
        title: "OLDEST",
        width: Width::Right(6),
        from: 30,
    },
    Column {
        title: "NAME OR PLACE",
        width: Width::Share(5),
        from: 0,
    },
    Column {
        title: "FLAVOUR",
        width: Width::Left(14),
        from: 60,
    },
    Column {
        title: "GROUP",
        width: Width::Share(3),
        from: 48,
    },
];

/// How many payloads there are.
pub(super) fn total(status: &Status) -> usize {
    let counts = status.payloads.iter().map(|payloads| payloads.count);
    counts.fold(0, usize::saturating_add)
}

pub(super) fn rows(payloads: &[PayloadStatus], order: Order, filter: &Filter) -> Vec<Row> {
    let fits = |one: &&PayloadStatus| filter.fits(&[&one.name, &one.flavour, group(one)]);
    let mut chosen: Vec<_> = payloads.iter().filter(fits).collect();
    match order {
        Order::Oldest => chosen.sort_by_key(|one| Reverse(one.oldest)),
        Order::Name => chosen.sort_by_key(|one| &one.name),
        _ => chosen.sort_by_key(|one| Reverse(one.count)),
    }
    chosen.into_iter().map(row).collect()
}

fn group(payloads: &PayloadStatus) -> &str {
    payloads.group.as_deref().unwrap_or_default()
}

fn row(payloads: &PayloadStatus) -> Row {
    let oldest = payloads.oldest.map_or_else(|| "?".to_owned(), age);
    let name = line(&payloads.name);
    Row {
        key: format!(
            "{}\n{}\n{}",
            payloads.name,
            group(payloads),
            payloads.flavour
        ),
        title: name.clone(),
        cells: vec![
            (payloads.count.to_string(), Tone::Plain),
            (oldest, Tone::Plain),
            (name.clone(), Tone::Plain),
            (line(&payloads.flavour), Tone::Plain),
            (line(group(payloads)), Tone::Plain),
        ],
        note: (name, Tone::Plain),
        details: super::details::payloads(payloads),
        unit: None,
    }
}
