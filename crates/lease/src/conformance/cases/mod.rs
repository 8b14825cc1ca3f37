//! The cases, by what they are about.

pub(super) mod calling;
pub(super) mod holding;
pub(super) mod naming;
pub(super) mod releasing;
pub(super) mod renewing;
pub(super) mod watching;
