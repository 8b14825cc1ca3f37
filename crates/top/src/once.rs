//! All that there is as plain text, for scripts and reports: nothing is cut.

use std::iter;

use foster::status::Status;
use unicode_width::UnicodeWidthStr as _;

use crate::look::{self, Row, View, Width};

/// How `status`, which the daemon at `address` has told, reads.
pub(crate) fn page(address: &str, status: &Status) -> String {
    let summary: Vec<_> = look::summary(status)
        .into_iter()
        .map(|(text, _)| text)
        .collect();
    let mut page = format!("{address}\n{}\n", summary.join("  "));
    for (alert, _) in look::alerts(status) {
        page.push_str(&format!("! {alert}\n"));
    }
    for view in View::ALL {
        let rows = view.rows(status, view.orders()[0], "");
        page.push_str(&format!("\n{} {}\n", view.title(), view.count(status)));
        if !rows.is_empty() {
            table(&mut page, view, &rows);
        }
    }
    page
}

/// The rows below each other, each column as wide as its widest cell.
fn table(page: &mut String, view: View, rows: &[Row]) {
    let columns = view.columns();
    let titles = columns.iter().map(|column| column.title).collect();
    let rows = rows
        .iter()
        .map(|row| row.cells.iter().map(|cell| cell.0.as_str()).collect());
    let lines: Vec<Vec<&str>> = iter::once(titles).chain(rows).collect();
    let widest = |nth: usize| lines.iter().map(|line| line[nth].width()).max();
    let widths: Vec<_> = (0..columns.len())
        .map(|nth| widest(nth).unwrap_or_default())
        .collect();
    for line in &lines {
        let mut text = String::new();
        for ((cell, column), width) in line.iter().zip(columns).zip(&widths) {
            let room = " ".repeat(width - cell.width());
            match column.width {
                Width::Right(_) => text.extend(["  ", &room, cell]),
                Width::Left(_) | Width::Share(_) => text.extend(["  ", cell, &room]),
            }
        }
        page.push_str(text.trim_end());
        page.push('\n');
    }
}
