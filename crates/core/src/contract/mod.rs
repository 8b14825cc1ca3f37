//! The contract of a flavour, and the types that its author works with.

pub(crate) mod backend;
pub(crate) mod flavour;
pub(crate) mod key;
pub(crate) mod probe;
pub(crate) mod reporter;
pub(crate) mod waking;
