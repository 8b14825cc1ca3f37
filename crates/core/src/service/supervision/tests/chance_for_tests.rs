//! What is up to chance in the model.

use std::ops::RangeTo;

/// Where the model takes what is up to chance from.
pub(super) enum Chance {
    Seed(fastrand::Rng),
    /// One byte for each choice, always the first one once they are used up.
    Bytes(std::vec::IntoIter<u8>),
}

impl Chance {
    pub(super) fn usize(&mut self, below: RangeTo<usize>) -> usize {
        match self {
            Self::Seed(seed) => seed.usize(below),
            Self::Bytes(bytes) => usize::from(bytes.next().unwrap_or(0)) % below.end,
        }
    }

    pub(super) fn u8(&mut self, below: RangeTo<u8>) -> u8 {
        match self {
            Self::Seed(seed) => seed.u8(below),
            Self::Bytes(bytes) => bytes.next().unwrap_or(0) % below.end,
        }
    }

    pub(super) fn bool(&mut self) -> bool {
        self.u8(..2) == 1
    }

    pub(super) fn f64(&mut self) -> f64 {
        match self {
            Self::Seed(seed) => seed.f64(),
            Self::Bytes(bytes) => f64::from(bytes.next().unwrap_or(0)) / 256.0,
        }
    }

    pub(super) fn is_used_up(&self) -> bool {
        matches!(self, Self::Bytes(bytes) if bytes.as_slice().is_empty())
    }
}
