//! Reload: services are asked, in order, to take over what has changed outside, such as a configuration.
//!
//! ```text
//!            `Wanted`                 its turn: `Ask`, `Restart`             `Answered`, ready, `Due`, its run is over
//!   (idle) ───────────► a round ───────────────────────────────► asked ─────────────────────────────────────────► settled
//!      ▲                   │ a service that is to end, or has begun anew, is passed over                             │
//!      │ `Over`            └─────────────────────────────────────────────────────────────────────────────────────────┤
//!      └── all are settled, or the runtime stops; another round begins at once if one was wanted meanwhile ◄──────────┘
//! ```
//!
//! What is decided is in `rounds`, a value without locks, clocks, threads and code of the user's: `Rounds` is told
//! `News` and answers with `Act`s. `takers` is what it knows of services: their order, and who takes part. The shell
//! around it is `supervisor::reloading`, under the one lock of services. `token` is a service's part ([`Reload`]),
//! `reloading` that of whoever asks ([`Runtime::reload`](crate::Runtime::reload)).

mod reloading;
mod rounds;
mod takers;
#[cfg(all(test, not(foster_model)))]
mod tests;
mod token;

pub use self::reloading::Reloading;
pub use self::token::{Reload, ReloadRequest, ReloadRequested, ReloadWait};

pub(super) use self::reloading::Outcome;
pub(super) use self::rounds::{Act, News, Reply, Rounds, Settled};
