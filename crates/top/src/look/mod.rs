//! What is shown, as values: rows of text with a tone, made from a status. Nothing here knows a terminal.

mod details;
mod flavours;
mod head;
mod payloads;
#[cfg(test)]
mod tests;
mod units;

use foster::status::Status;

pub(crate) use self::details::runtime;
pub(crate) use self::head::{alerts, summary};

/// What a text is about, which becomes a colour. The text says it as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Good,
    Changing,
    Bad,
    Faint,
}

/// A text in its tone.
pub(crate) type Toned = (String, Tone);

/// One of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Units,
    Flavours,
    Payloads,
}

impl View {
    pub(crate) const ALL: [Self; 3] = [Self::Units, Self::Flavours, Self::Payloads];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Units => "Units",
            Self::Flavours => "Flavours",
            Self::Payloads => "Payloads",
        }
    }

    /// How many entries `status` has for it.
    pub(crate) fn count(self, status: &Status) -> usize {
        match self {
            Self::Units => status.units.len(),
            Self::Flavours => status.flavours.len(),
            Self::Payloads => payloads::total(status),
        }
    }

    pub(crate) fn columns(self) -> &'static [Column] {
        match self {
            Self::Units => units::COLUMNS,
            Self::Flavours => flavours::COLUMNS,
            Self::Payloads => payloads::COLUMNS,
        }
    }

    /// The orders that it can have, its own first.
    pub(crate) fn orders(self) -> &'static [Order] {
        match self {
            Self::Units => &[
                Order::Tree,
                Order::Worst,
                Order::Newest,
                Order::Restarts,
                Order::Name,
            ],
            Self::Flavours => &[Order::AsGiven, Order::Alive, Order::Queued, Order::Name],
            Self::Payloads => &[Order::Count, Order::Oldest, Order::Name],
        }
    }

    /// What there is, in this order, of those that have `filter` in them.
    pub(crate) fn rows(self, status: &Status, order: Order, filter: &str) -> Vec<Row> {
        let filter = Filter(filter.to_lowercase());
        match self {
            Self::Units => units::rows(&status.units, order, &filter),
            Self::Flavours => flavours::rows(&status.flavours, order, &filter),
            Self::Payloads => payloads::rows(&status.payloads, order, &filter),
        }
    }
}

/// How the entries of a list are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Each under what it is in.
    Tree,
    AsGiven,
    /// What has failed first, then what is on its way.
    Worst,
    /// What has changed last first.
    Newest,
    Restarts,
    Alive,
    Queued,
    Count,
    Oldest,
    Name,
}

impl Order {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::AsGiven => "as registered",
            Self::Worst => "worst first",
            Self::Newest => "last change first",
            Self::Restarts => "most restarts",
            Self::Alive => "most alive",
            Self::Queued => "most queued",
            Self::Count => "most first",
            Self::Oldest => "oldest first",
            Self::Name => "name",
        }
    }
}

/// A column of a list.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) width: Width,
    /// The width of the whole list from which on it is there.
    pub(crate) from: u16,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Width {
    /// So many, aligned to the left.
    Left(u16),
    /// So many, aligned to the right.
    Right(u16),
    /// Its share of what is left.
    Share(u16),
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// What it is known by from one look to the next.
    pub(crate) key: String,
    /// What a person knows it by.
    pub(crate) title: String,
    /// One for each column.
    pub(crate) cells: Vec<Toned>,
    /// The most important about it that has no room in the cells.
    pub(crate) note: Toned,
    /// All about it, in lines.
    pub(crate) details: Vec<Toned>,
    /// The path of the service, as nothing else can be started and stopped.
    pub(crate) unit: Option<String>,
}

/// What has been typed to look for, in lower case.
pub(crate) struct Filter(String);

impl Filter {
    fn fits(&self, texts: &[&str]) -> bool {
        let fits = |text: &&str| text.to_lowercase().contains(&self.0);
        self.0.is_empty() || texts.iter().any(fits)
    }
}
