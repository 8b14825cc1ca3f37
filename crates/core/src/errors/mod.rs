//! Errors and failures, as data and as text.

pub(crate) mod answer;
pub(crate) mod failure;
pub(crate) mod lookup;
pub(crate) mod outcome;
pub(crate) mod refusal;
pub(crate) mod report;
pub(crate) mod serve;
