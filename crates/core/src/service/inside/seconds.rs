//! Durations as seconds, for those who read a status elsewhere.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    time.as_secs_f64().serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(f64::deserialize(from)?)
}

/// `Duration::MAX`, which is never, is written as a number that is a little greater.
fn duration<E: Error>(seconds: f64) -> Result<Duration, E> {
    match seconds >= Duration::MAX.as_secs_f64() {
        true => Ok(Duration::MAX),
        false => Duration::try_from_secs_f64(seconds).map_err(E::custom),
    }
}

/// Of a duration that may be missing.
pub(super) mod option {
    use super::*;

    pub(in crate::service::inside) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs_f64()).serialize(to)
    }

    pub(in crate::service::inside) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(from)?;
        seconds.map(duration).transpose()
    }
}
