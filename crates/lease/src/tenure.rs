//! Whether this process is still the one: a value without clock, threads and engine.
//!
//! ```text
//!            Acquire                       Held                          run is over
//!   Standby ─────────► (asked) ───────────────────────► Going ─────────────────────► Releasing
//!     ▲ ▲                │ Taken: Watch, and again later   │ too near the end, a stop,     │
//!     │ └────────────────┘                                 ▼ lost: Ask, then Cancel        │ released, or
//!     │                                                  Ending ──► run is over ───────────┤ out of time
//!     │                                                              something is left ──► Left
//!     └──────────────────────────────────────────────────────────────────────────────────┘ or Over
//! ```
//!
//! All moments are times since an origin. The lease counts as held until the *sending* of the acquire, or of a renewal, that was
//! answered, and its length: whatever the engine's clock says, it gives the lease to nobody else before.

mod holding;
mod standby;

use std::time::Duration;

use fastrand::Rng;

use self::holding::cancel_at;
use crate::answer::LeaseError;
use crate::lease::{Acquired, Renewed};
use crate::rules::{MARGIN, Rules};

/// A moment, as the time since some origin.
pub(crate) type At = Duration;

/// The number of a call to the engine.
pub(crate) type Call = u64;

/// The first wait after an engine has failed. It doubles, up to half of the lease.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// How long the end waits for an answer of the engine.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Acquire(Call),
    Renew(Call, u64),
    Release(Call, u64),
    /// Ask the engine to tell when the lease may be free.
    Watch,
    /// Begin the work, which is this process's until then.
    Start {
        fence: u64,
        until: At,
    },
    /// The work is this process's for longer.
    Extend {
        until: At,
    },
    /// Or for a shorter time.
    Shorten {
        until: At,
    },
    /// Ask the work to end.
    Ask,
    /// End it now.
    Cancel,
    /// The engine fails, or works again.
    Tell(News),
    /// Nothing more will come.
    Finish,
}

/// What those are told who look on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    Acquired {
        fence: u64,
    },
    Failing {
        error: String,
    },
    Recovered,
    /// The work has to end, as the lease may not be renewed in time.
    RunsOut {
        fence: u64,
    },
    Lost {
        fence: u64,
    },
    Released {
        fence: u64,
    },
    /// Something is left of the work.
    Left {
        fence: u64,
    },
}

/// One lease, as one process has it.
#[derive(Debug)]
pub(crate) struct Tenure {
    rules: Rules,
    rng: Rng,
    state: State,
    calls: Call,
    /// How often in a row the engine has failed.
    failures: u32,
    /// The end was asked for.
    stops: bool,
    /// It has one turn at most, and does not wait for that.
    is_once: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    call: Call,
    at: At,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Standby {
        asked: Option<Sent>,
        next_try: Option<At>,
        watches: bool,
    },
    Held(Held),
    Releasing {
        fence: u64,
        call: Call,
        /// It is asked for again then.
        again_at: At,
        until: At,
        /// The work has ended by itself.
        is_done: bool,
    },
    /// The work is over, and something of it is not.
    Left,
    Over,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    fence: u64,
    until: At,
    renew_at: At,
    /// Renewals that may still be answered, the last ones.
    sent: [Option<Sent>; 4],
    run: Run,
    is_lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Going,
    Asked,
    Cancelled,
}

impl Tenure {
    pub(crate) fn new(rules: Rules, seed: u64, is_once: bool) -> Self {
        Self {
            rules,
            rng: Rng::with_seed(seed),
            state: State::Standby {
                asked: None,
                next_try: Some(At::ZERO),
                watches: false,
            },
            calls: 0,
            failures: 0,
            stops: false,
            is_once,
        }
    }

    /// When something falls due, if anything ever does.
    pub(crate) fn next_due(&self) -> Option<At> {
        match &self.state {
            State::Standby {
                asked: Some(sent), ..
            } => Some(sent.at + self.patience()),
            State::Standby { next_try, .. } => *next_try,
            State::Held(held) => Some(match held.run {
                Run::Going => held.renew_at.min(self.ask_at(held)),
                Run::Asked => held.renew_at.min(cancel_at(held)),
                Run::Cancelled => held.renew_at,
            }),
            State::Releasing {
                until, again_at, ..
            } => Some(*until.min(again_at)),
            State::Left | State::Over => None,
        }
    }

    /// Does what is due at `now`.
    pub(crate) fn tick(&mut self, now: At, effects: &mut Vec<Effect>) {
        match self.state {
            State::Standby {
                asked: Some(sent), ..
            } if now >= sent.at + self.patience() => {
                // What it might still give has run out, or nobody waits for it any more.
                self.stand_by(now, None);
                self.failed(now, &LeaseError::new("the engine gave no answer"), effects);
            }
            State::Standby {
                asked: None,
                next_try: Some(next),
                watches,
            } if now >= next => {
                let call = self.next_call();
                self.state = State::Standby {
                    asked: Some(Sent { call, at: now }),
                    next_try: None,
                    watches,
                };
                effects.push(Effect::Acquire(call));
            }
            State::Held(held) => self.tick_held(now, held, effects),
            State::Releasing { .. } => self.tick_releasing(now, effects),
            _ => {}
        }
    }

    /// The end is asked for: the work ends, and the lease is released.
    pub(crate) fn stop(&mut self, now: At, effects: &mut Vec<Effect>) {
        if std::mem::replace(&mut self.stops, true) {
            return;
        }
        match self.state {
            // The lease may come with the answer.
            State::Standby { asked: Some(_), .. } => self.tick(now, effects),
            State::Standby { asked: None, .. } | State::Left => self.finish(effects),
            State::Held(held) => self.ask(held, effects),
            State::Releasing { .. } | State::Over => {}
        }
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        self.state = State::Over;
        effects.push(Effect::Finish);
    }

    fn note_failure(&mut self, error: &LeaseError, effects: &mut Vec<Effect>) {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            let error = error.to_string();
            effects.push(Effect::Tell(News::Failing { error }));
        }
    }

    fn recovered(&mut self, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.failures) > 0 {
            effects.push(Effect::Tell(News::Recovered));
        }
    }

    fn next_call(&mut self) -> Call {
        self.calls += 1;
        self.calls
    }

    /// Nine tenths to eleven tenths of it, so that processes do not go in step.
    fn spread(&mut self, time: Duration) -> Duration {
        time.mul_f64(0.9 + 0.2 * self.rng.f64())
    }

    /// Longer from time to time, at most half of the lease and, while it is held, as long as between renewals.
    fn retry_after(&mut self) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(16));
        let most = match self.state {
            State::Held(_) => self.rules.renew_every,
            _ => self.rules.length / 2,
        };
        let wait = doubled.min(most);
        wait.mul_f64(0.5 + 0.5 * self.rng.f64())
    }
}

#[cfg(test)]
mod tests;
