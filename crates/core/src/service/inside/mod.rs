//! A look inside: how a runtime does, as a value.

#[cfg(feature = "serde")]
mod seconds;
mod status;
mod taking;

pub use self::status::{
    FlavourStatus, Limited, PayloadStatus, RestartCount, RuntimeState, StallStatus, Status,
    StopCause, StopStatus, UnitKind, UnitNode,
};
