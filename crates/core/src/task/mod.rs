//! One payload, from its closure to its result.

pub(crate) mod account;
pub(crate) mod body;
pub(crate) mod cell;
pub(crate) mod context;
pub(crate) mod envelope;
pub(crate) mod record;
pub(crate) mod reply;
pub(crate) mod token;
