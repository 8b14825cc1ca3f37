//! The settings of a random life, and a runtime with them.

use std::time::Duration;

use fastrand::Rng;
use foster::{Clock, Runtime};

use crate::common::builder;
use crate::stage::Mark;

/// Long enough for whoever ends when asked, where hundreds of threads of others want to run. Whom nobody wakes has overrun
/// this as well.
const LONG: Duration = Duration::from_secs(30);

/// Longer than any life, on a clock that is moved.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// The settings of a life.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    pub clock: Time,
    pub grace: Duration,
    pub cancel: Duration,
    pub drain: Option<Duration>,
    /// It ends when it is idle, and all payloads end by themselves.
    pub brief: bool,
    /// How long payloads block their threads.
    pub block: Duration,
    pub beginning: Beginning,
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    System,
    Manual,
    ManualWithExecutors,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    Start,
    Run,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Shutdown,
    Drain,
    Hastily,
    Failure,
    /// The last handle is dropped.
    Dropped,
}

impl Drawn {
    pub fn new(rng: &mut Rng) -> Self {
        let millis = Duration::from_millis;
        let clock = match rng.u8(..10) {
            0 => Time::ManualWithExecutors,
            1 | 2 => Time::Manual,
            _ => Time::System,
        };
        // What blocks its thread longer than the cancel time is a straggler.
        let (cancel, block) = match (clock, rng.u8(..10)) {
            (Time::System, 0) => (millis(5), millis(50)),
            (Time::System, _) => (LONG, millis(3)),
            // This, too, passes in some seconds.
            _ => (FOR_EVER, millis(3)),
        };
        let grace = match (clock, rng.u8(..10)) {
            (_, 0) => Duration::ZERO,
            (_, 1) => LONG,
            (Time::System, _) => millis(rng.u64(5..50)),
            _ => Duration::from_secs(rng.u64(1..10)),
        };
        let ends = [
            End::Shutdown,
            End::Shutdown,
            End::Drain,
            End::Hastily,
            End::Failure,
            End::Dropped,
        ];
        let brief = rng.u8(..5) == 0;
        let beginning = match rng.u8(..20) {
            0 => Beginning::Never,
            1..8 => Beginning::Run,
            _ => Beginning::Start,
        };
        Self {
            clock,
            grace,
            cancel,
            drain: (rng.bool()).then(|| millis(rng.u64(1..20))),
            brief,
            block,
            beginning,
            end: match beginning {
                // `run` has a handle itself.
                Beginning::Run => ends[rng.usize(..ends.len() - 1)],
                _ => ends[rng.usize(..ends.len())],
            },
        }
    }

    pub fn is_manual(&self) -> bool {
        self.clock != Time::System
    }

    /// Whether payloads may outlast the cancel time.
    pub fn may_be_stuck(&self) -> bool {
        self.cancel < self.block
    }

    /// Whether who holds a token may have too little time to end.
    pub fn may_overrun(&self) -> bool {
        self.is_manual() || self.grace < LONG
    }

    /// Whether the grace time is ended, or too short.
    pub fn may_cut_short(&self) -> bool {
        self.may_overrun() || self.end == End::Hastily
    }

    pub fn build(&self, rng: &mut Rng, mark: Mark) -> Runtime {
        let clock = match self.clock {
            Time::System => Clock::system(),
            Time::Manual => Clock::manual(),
            Time::ManualWithExecutors => Clock::manual_with_executors(),
        };
        // A manual clock stands still at each look until the executor has answered, which takes long on a busy machine.
        let shortest = if self.is_manual() { 500 } else { 10 };
        let mut builder = builder()
            .quiet()
            .clock(clock)
            .grace(self.grace)
            .cancel_timeout(self.cancel)
            .reload_timeout(Duration::from_millis(rng.u64(1..50)))
            .stall_after(Duration::from_millis(rng.u64(shortest..2_000)));
        if let Some(drain) = self.drain {
            builder = builder.drain(drain);
        }
        if self.brief {
            builder = builder.until_idle();
        }
        let builder = builder.register(mark);
        builder.expect("no other has its identifier").build()
    }
}
