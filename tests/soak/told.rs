//! The failures that lives make, and whether they were told.
//!
//! Each has a number, which stands in its text. A subscriber hears all that Foster tells, so nothing goes to standard
//! error.

use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::life::ASKED;

/// Begins as the texts of the programs of `property` do, so that the same hook leaves panics with it alone.
fn prefix() -> String {
    format!("{ASKED}art ")
}

/// The failures made whose life is not over, and whether each was told.
static MADE: Mutex<Option<HashMap<u64, bool>>> = Mutex::new(None);

fn made() -> MutexGuard<'static, Option<HashMap<u64, bool>>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many failures were made, in all lives.
pub static LAST: AtomicU64 = AtomicU64::new(0);

/// A new failure, and its text.
pub fn make() -> (u64, String) {
    let number = LAST.fetch_add(1, Relaxed) + 1;
    (number, format!("{}{number}.", prefix()))
}

/// From now on it is noted when this failure is told.
pub fn expect(number: u64) {
    made().get_or_insert_default().insert(number, false);
}

pub fn was_told(number: u64) -> bool {
    made()
        .as_ref()
        .is_some_and(|made| made.get(&number) == Some(&true))
}

/// Nobody asks for it any more.
pub fn forget(number: u64) {
    if let Some(made) = made().as_mut() {
        made.remove(&number);
    }
}

/// The failures whose texts stand in `text`.
pub fn numbers_in(text: &str) -> Vec<u64> {
    let prefix = prefix();
    let parts = text.split(&prefix).skip(1);
    let number = |part: &str| part.split('.').next()?.parse().ok();
    parts.filter_map(number).collect()
}

/// Hears what Foster tells in this process.
pub struct Listener;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if matches!(field.name(), "chain" | "message") {
            write!(self.0, "{value:?} ").expect("a string takes all");
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "foster"
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        for number in numbers_in(&text.0) {
            if let Some(told) = made().as_mut().and_then(|made| made.get_mut(&number)) {
                *told = true;
            }
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}
}
