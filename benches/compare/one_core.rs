//! Measures for which all threads of this process stay on one core, as they do in most containers.

use super::affinity;
use super::measure::Row;

/// What `take` measures on one core. Where no thread can be told to stay, its row says why.
pub(crate) fn on_one_core(name: &str, take: impl FnOnce() -> Vec<Row>) -> Vec<Row> {
    match affinity::Narrowed::to_one() {
        Ok(_narrowed) => take(),
        Err(why) => vec![Row::does_not_apply(name, "on one core", why)],
    }
}
