//! What a flavour is, and what its author has to do with.

pub(crate) mod backend;
pub(crate) mod flavour;
pub(crate) mod key;
pub(crate) mod reporter;
