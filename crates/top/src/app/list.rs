//! One of the lists: which of its entries are there, and which is selected.

use foster::status::Status;
use unicode_width::UnicodeWidthStr as _;

use super::keys::Step;
use crate::look::{Order, Row, View};

/// The entries of a view, as they have been sorted and filtered.
#[derive(Debug)]
pub(crate) struct List {
    view: View,
    order: usize,
    filter: String,
    rows: Vec<Row>,
    /// The width of the widest cell of each column.
    widest: Vec<u16>,
    selected: usize,
    /// The first entry on the screen.
    offset: usize,
    /// How many entries the screen has room for.
    page: usize,
}

impl List {
    pub(super) fn new(view: View) -> Self {
        let (filter, rows) = (String::new(), Vec::new());
        Self {
            view,
            order: 0,
            filter,
            rows,
            widest: Vec::new(),
            selected: 0,
            offset: 0,
            page: 1,
        }
    }

    pub(crate) fn order(&self) -> Order {
        self.view.orders()[self.order]
    }

    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn page(&self) -> usize {
        self.page
    }

    pub(crate) fn selected(&self) -> Option<&Row> {
        self.rows.get(self.selected)
    }

    /// The width of the widest cell of each column, its title included.
    pub(crate) fn widest(&self) -> &[u16] {
        &self.widest
    }

    /// The number of the first entry on the screen, and how many are below the last one.
    pub(crate) fn hidden(&self) -> (usize, usize) {
        let below = self
            .rows
            .len()
            .saturating_sub(self.offset.saturating_add(self.page));
        (self.offset, below)
    }

    /// The entries on the screen, and which of them is selected.
    pub(crate) fn visible(&self) -> impl Iterator<Item = (&Row, bool)> {
        let rows = self
            .rows
            .iter()
            .enumerate()
            .skip(self.offset)
            .take(self.page);
        rows.map(|(index, row)| (row, index == self.selected))
    }

    pub(super) fn set_page(&mut self, lines: usize) {
        self.page = lines.max(1);
        self.scroll();
    }

    /// Takes the entries of `status`. What was selected is selected still, wherever it is now.
    pub(super) fn fill(&mut self, status: &Status) {
        let selected = self.selected().map(|row| row.key.clone());
        self.rows = self.view.rows(status, self.order(), &self.filter);
        let again = self
            .rows
            .iter()
            .position(|row| Some(&row.key) == selected.as_ref());
        self.widest = widest(self.view, &self.rows);
        self.selected = again.unwrap_or(self.selected);
        self.scroll();
    }

    pub(super) fn sort(&mut self) {
        self.order = (self.order + 1) % self.view.orders().len();
    }

    pub(super) fn change_filter(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.filter);
    }

    pub(super) fn step(&mut self, step: Step) {
        self.selected = match step {
            Step::Up => self.selected.saturating_sub(1),
            Step::Down => self.selected + 1,
            Step::PageUp => self.selected.saturating_sub(self.page),
            Step::PageDown => self.selected + self.page,
            Step::First => 0,
            Step::Last => self.rows.len(),
        };
        self.scroll();
    }

    /// Keeps the selection in the list, and on the screen.
    fn scroll(&mut self) {
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
        let last_offset = self.rows.len().saturating_sub(self.page);
        let lowest = (self.selected + 1).saturating_sub(self.page);
        self.offset = self.offset.clamp(lowest, self.selected).min(last_offset);
    }
}

fn widest(view: View, rows: &[Row]) -> Vec<u16> {
    let columns = view.columns().iter().enumerate();
    let widest = columns.map(|(nth, column)| {
        let cells = rows.iter().map(|row| row.cells[nth].0.width());
        cells.max().unwrap_or_default().max(column.title.width())
    });
    widest
        .map(|width| width.min(u16::MAX.into()) as u16)
        .collect()
}
