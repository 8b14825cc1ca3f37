//! The cases, by subject. Each takes a bench and returns its verdict.

pub(crate) mod cancel;
pub(crate) mod context;
pub(crate) mod end;
pub(crate) mod execute;
pub(crate) mod flood;
pub(crate) mod groups;
pub(crate) mod places;
pub(crate) mod probes;
pub(crate) mod report;
pub(crate) mod services;
pub(crate) mod spawn;
pub(crate) mod threads;
pub(crate) mod wakes;
