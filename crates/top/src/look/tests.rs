use std::time::Duration;

use foster::status::Status;
use serde_json::json;

use super::*;
use crate::fixture::{status, status_with, stop, value};

/// What stands in column `title`, or the key for none.
fn column(view: View, rows: &[Row], title: &str) -> Vec<String> {
    let nth = view
        .columns()
        .iter()
        .position(|column| column.title == title);
    let nth = nth.expect("there is this column");
    rows.iter().map(|row| row.cells[nth].0.clone()).collect()
}

fn names(view: View, order: Order, filter: &str) -> Vec<String> {
    view.rows(&status(), order, filter)
        .into_iter()
        .map(|row| row.title)
        .collect()
}

#[test]
fn each_row_has_a_cell_for_each_column() {
    for view in View::ALL {
        for order in view.orders() {
            let rows = view.rows(&status(), *order, "");
            assert!(
                rows.iter()
                    .all(|row| row.cells.len() == view.columns().len())
            );
        }
    }
}

#[test]
fn units_are_a_tree_of_short_names() {
    let rows = View::Units.rows(&status(), Order::Tree, "");
    let expected = [
        "database",
        "listener",
        "├ connections/",
        "│ └ audit",
        "└ metrics",
        "feed",
        "reports",
        "import",
    ];
    assert_eq!(column(View::Units, &rows, "NAME"), expected);
    let expected = ["", "", "", "", "", "+3 4/15", "", ""];
    assert_eq!(column(View::Units, &rows, "STARTED"), expected);
    let notes = column(View::Units, &rows, "NOTE");
    assert_eq!(notes[2], "6 of 6 places, 3 waiting");
    let refused = "starts in 6.5s · failed: the feed has ended: cannot reach \
        quotes.example.org:7000: connection refused (os error 111)";
    assert_eq!(notes[5], refused);
    assert_eq!(notes[6], "waits for import");
    assert_eq!(notes[7], "panicked: \\u{1b}[31mred · second line");
}

#[test]
fn a_tree_may_be_as_deep_and_odd_as_a_stranger_likes() {
    let unit = |depth: u64| {
        let mut unit = value()["units"][0].clone();
        unit["depth"] = json!(depth);
        unit["name"] = json!("a/".repeat(3));
        unit
    };
    let depths = [u64::MAX, 7, 0, 3, 3, 1, u64::MAX - 1, 0];
    let status = status_with("units", depths.into_iter().map(unit).collect());
    for order in View::Units.orders() {
        assert_eq!(View::Units.rows(&status, *order, "").len(), depths.len());
        View::Units.rows(&status, *order, "x");
    }
}

#[test]
fn lists_are_sorted_as_their_order_says() {
    let units = |order| names(View::Units, order, "");
    assert_eq!(units(Order::Worst)[..3], ["import", "feed", "reports"]);
    assert_eq!(units(Order::Worst)[7], "listener/connections/audit");
    assert_eq!(units(Order::Newest)[0], "feed");
    assert_eq!(units(Order::Restarts)[0], "feed");
    assert_eq!(units(Order::Name)[..3], ["database", "feed", "import"]);
    let table = [
        (
            View::Flavours,
            Order::AsGiven,
            ["smol", "tokio", "std::thread"],
        ),
        (
            View::Flavours,
            Order::Alive,
            ["tokio", "smol", "std::thread"],
        ),
        (
            View::Flavours,
            Order::Queued,
            ["smol", "tokio", "std::thread"],
        ),
        (
            View::Flavours,
            Order::Name,
            ["smol", "std::thread", "tokio"],
        ),
        (
            View::Payloads,
            Order::Count,
            ["session", "src/guest.rs:12", "digest"],
        ),
        (
            View::Payloads,
            Order::Oldest,
            ["session", "digest", "src/guest.rs:12"],
        ),
        (
            View::Payloads,
            Order::Name,
            ["digest", "session", "src/guest.rs:12"],
        ),
    ];
    for (view, order, expected) in table {
        assert_eq!(names(view, order, ""), expected, "{view:?} {order:?}");
    }
}

#[test]
fn a_filter_keeps_what_has_it_and_in_a_tree_what_that_is_in() {
    let table = [
        (
            View::Units,
            Order::Tree,
            "AUDIT",
            vec![
                "listener",
                "listener/connections",
                "listener/connections/audit",
            ],
        ),
        (
            View::Units,
            Order::Name,
            "audit",
            vec!["listener/connections/audit"],
        ),
        (View::Units, Order::Tree, "delayed", vec!["feed"]),
        (
            View::Units,
            Order::Name,
            "std::",
            vec!["database", "reports"],
        ),
        (View::Units, Order::Tree, "nothing", vec![]),
        (
            View::Payloads,
            Order::Count,
            "connections",
            vec!["src/guest.rs:12"],
        ),
        (View::Flavours, Order::Name, "o", vec!["smol", "tokio"]),
    ];
    for (view, order, filter, expected) in table {
        assert_eq!(names(view, order, filter), expected, "{view:?} {filter}");
    }
}

#[test]
fn a_start_that_may_be_the_last_one_stands_out() {
    let tone = |starts: u64, limit: u64| {
        let mut units = value()["units"].clone();
        units[0]["counted"] = json!({"starts": starts, "limit": limit, "window": 60.0});
        View::Units.rows(&status_with("units", units), Order::Tree, "")[0].cells[4].1
    };
    let table = [
        (0, 5, Tone::Plain),
        (3, 5, Tone::Plain),
        (4, 5, Tone::Bad),
        (5, 5, Tone::Bad),
    ];
    for (starts, limit, expected) in table {
        assert_eq!(tone(starts, limit), expected, "{starts} of {limit}");
    }
}

#[test]
fn the_summary_says_what_is_not_as_it_should_be() {
    let texts = |toned: Vec<Toned>| toned.into_iter().map(|(text, _)| text).collect::<Vec<_>>();
    let expected = [
        "running 1m01s",
        "not ready",
        "2 failures",
        "1 failed",
        "1 delayed",
        "1 waiting",
        "47 payloads",
    ];
    assert_eq!(texts(summary(&status())), expected);
    assert_eq!(
        texts(alerts(&status())),
        ["smol stalled for 4.2s by digest"]
    );
    assert_eq!(alerts(&status_with("flavours", json!([]))), []);

    let drain = json!({ "age": 1.0, "left": 4.0 });
    let draining = texts(alerts(&status_with("drain", drain)));
    assert_eq!(draining[1], "draining, it stops in 4.0s");
    let endless = json!({ "age": 1.0, "left": Duration::MAX.as_secs_f64() });
    let draining = texts(alerts(&status_with("drain", endless)));
    assert_eq!(draining[1], "draining, until somebody stops it");

    let stopping = status_with("stop", stop());
    let expected = [
        "smol stalled for 4.2s by digest",
        "stopping for 3.0s, 7.0s of grace left: payload `poller` on smol failed: no answer",
        "it waits for database, src/main.rs:7 and 5 more",
    ];
    assert_eq!(texts(alerts(&stopping)), expected);
    let all = texts(runtime(&stopping)).join("\n");
    for part in ["poller", "  database", "  and 5 more", "3.0s ago"] {
        assert!(all.contains(part), "{part} in {all}");
    }
}

#[test]
fn a_failure_is_told_in_full_and_harmless() {
    let rows = View::Units.rows(&status(), Order::Tree, "");
    let details: Vec<_> = rows[7]
        .details
        .iter()
        .map(|(text, _)| text.as_str())
        .collect();
    assert!(details.contains(&"  service `import` on tokio panicked: \\u{1b}[31mred"));
    assert!(details.contains(&"  second line"));
}

#[test]
fn numbers_that_nobody_can_have_are_only_numbers() {
    let mut payloads = value()["payloads"].clone();
    payloads[0]["count"] = json!(u64::MAX);
    payloads[1]["oldest"] = json!(Duration::MAX.as_secs() as f64 / 2.0);
    let status: Status = status_with("payloads", payloads);
    assert_eq!(View::Payloads.count(&status), usize::MAX);
    assert_eq!(
        View::Payloads.rows(&status, Order::Oldest, "")[0].cells[1].0,
        "ages"
    );
}
