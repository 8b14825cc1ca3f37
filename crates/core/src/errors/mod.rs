//! Errors and failures, as data and as text.

pub(crate) mod answer;
pub(crate) mod failure;
pub(crate) mod full;
pub(crate) mod group;
pub(crate) mod held;
pub(crate) mod lookup;
pub(crate) mod outcome;
pub(crate) mod permanent;
pub(crate) mod place;
pub(crate) mod ready;
pub(crate) mod refusal;
pub(crate) mod reload;
pub(crate) mod report;
pub(crate) mod serve;
pub(crate) mod straggler;
