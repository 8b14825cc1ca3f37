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

use std::time::Duration;

use fastrand::Rng;

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
    pub(crate) fn new(rules: Rules, seed: u64) -> Self {
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
            State::Releasing { until, .. } => Some(*until),
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
            State::Releasing { until, is_done, .. } if now >= until => {
                self.after_release(now, is_done, effects);
            }
            _ => {}
        }
    }

    fn tick_held(&mut self, now: At, mut held: Held, effects: &mut Vec<Effect>) {
        if held.run == Run::Going && now >= self.ask_at(&held) {
            held.run = Run::Asked;
            effects.push(Effect::Tell(News::RunsOut { fence: held.fence }));
            effects.push(Effect::Ask);
        }
        if held.run == Run::Asked && now >= cancel_at(&held) {
            held.run = Run::Cancelled;
            effects.push(Effect::Cancel);
        }
        if now >= held.renew_at {
            let next = self.spread(self.rules.renew_every);
            held.renew_at = now + next;
            // Once it has run out or is lost there is nothing to renew.
            if now < held.until && !held.is_lost {
                let call = self.next_call();
                held.sent.rotate_right(1);
                held.sent[0] = Some(Sent { call, at: now });
                effects.push(Effect::Renew(call, held.fence));
            }
        }
        self.state = State::Held(held);
    }

    /// An acquire was answered.
    pub(crate) fn acquired(
        &mut self,
        now: At,
        call: Call,
        answer: &Result<Acquired, LeaseError>,
        effects: &mut Vec<Effect>,
    ) {
        let State::Standby {
            asked: Some(sent),
            watches,
            ..
        } = self.state
        else {
            return;
        };
        if sent.call != call {
            return;
        }
        match answer {
            Ok(Acquired::Held { fence }) => {
                self.recovered(effects);
                self.take(now, sent.at, *fence, effects);
            }
            Ok(Acquired::Taken { .. }) => {
                self.recovered(effects);
                let length = self.rules.length;
                let next = now + self.spread(length);
                self.state = State::Standby {
                    asked: None,
                    next_try: Some(next),
                    watches: true,
                };
                if self.stops {
                    self.finish(effects);
                } else if !watches {
                    effects.push(Effect::Watch);
                }
            }
            Err(error) => {
                self.stand_by(now, None);
                self.failed(now, error, effects);
            }
        }
    }

    /// The lease is this process's since `sent`.
    fn take(&mut self, now: At, sent: At, fence: u64, effects: &mut Vec<Effect>) {
        let next = self.spread(self.rules.renew_every);
        let held = Held {
            fence,
            until: sent + self.rules.length,
            renew_at: sent + next,
            sent: [None; 4],
            run: Run::Going,
            is_lost: false,
        };
        // The answer came so late that the work would have to end at once.
        if self.stops || now >= self.ask_at(&held) {
            self.release(now, &held, false, effects);
            return;
        }
        self.state = State::Held(held);
        let until = held.until;
        effects.push(Effect::Tell(News::Acquired { fence }));
        effects.push(Effect::Start { fence, until });
    }

    /// A renewal was answered.
    pub(crate) fn renewed(
        &mut self,
        now: At,
        call: Call,
        answer: &Result<Renewed, LeaseError>,
        effects: &mut Vec<Effect>,
    ) {
        let State::Held(mut held) = self.state else {
            return;
        };
        let is_it = |sent: &Option<Sent>| sent.is_some_and(|sent| sent.call == call);
        let Some(sent) = held.sent.iter_mut().find(|sent| is_it(sent)) else {
            return;
        };
        let Some(sent) = sent.take() else { return };
        match answer {
            Ok(Renewed::Kept) if !held.is_lost => {
                let until = sent.at + self.rules.length;
                if until > held.until {
                    held.until = until;
                    effects.push(Effect::Extend { until });
                }
                let next = self.spread(self.rules.renew_every);
                held.renew_at = held.renew_at.max(sent.at + next);
                self.recovered(effects);
            }
            Ok(Renewed::Kept) => {}
            Ok(Renewed::Lost) => {
                if !held.is_lost {
                    effects.push(Effect::Tell(News::Lost { fence: held.fence }));
                }
                held.is_lost = true;
                // Somebody else may have it already, so the work must not go on for as long as it would else.
                held.until = held.until.min(now + MARGIN);
                effects.push(Effect::Shorten { until: held.until });
                if held.run != Run::Cancelled {
                    held.run = Run::Cancelled;
                    effects.push(Effect::Cancel);
                }
            }
            Err(error) => {
                let wait = self.retry_after();
                held.renew_at = held.renew_at.min(now + wait);
                self.state = State::Held(held);
                self.note_failure(error, effects);
                return;
            }
        }
        self.state = State::Held(held);
    }

    /// The lease may be free.
    pub(crate) fn freed(&mut self, now: At, answer: &Result<(), LeaseError>) {
        if let State::Standby {
            asked,
            next_try,
            watches,
        } = &mut self.state
        {
            *watches = false;
            if answer.is_ok() && asked.is_none() {
                *next_try = Some(now);
            }
        }
    }

    /// The work is over, and whether something of it is left.
    pub(crate) fn run_over(&mut self, now: At, is_left: bool, effects: &mut Vec<Effect>) {
        match self.state {
            State::Held(held) if is_left => {
                effects.push(Effect::Tell(News::Left { fence: held.fence }));
                self.state = State::Left;
                if self.stops {
                    self.finish(effects);
                }
            }
            State::Held(held) => self.release(now, &held, held.run == Run::Going, effects),
            State::Left if !is_left => {
                // It was not renewed meanwhile, and runs out.
                self.after_release(now, false, effects);
            }
            _ => {}
        }
    }

    fn release(&mut self, now: At, held: &Held, is_done: bool, effects: &mut Vec<Effect>) {
        if held.is_lost || now >= held.until {
            self.after_release(now, is_done, effects);
            return;
        }
        let call = self.next_call();
        self.state = State::Releasing {
            fence: held.fence,
            call,
            until: held.until.min(now + LAST_ANSWER),
            is_done,
        };
        effects.push(Effect::Release(call, held.fence));
    }

    /// A release was answered.
    pub(crate) fn released(
        &mut self,
        now: At,
        call: Call,
        answer: &Result<(), LeaseError>,
        effects: &mut Vec<Effect>,
    ) {
        let State::Releasing {
            call: awaited,
            fence,
            is_done,
            ..
        } = self.state
        else {
            return;
        };
        if call != awaited {
            return;
        }
        match answer {
            Ok(()) => effects.push(Effect::Tell(News::Released { fence })),
            Err(error) => self.note_failure(error, effects),
        }
        self.after_release(now, is_done, effects);
    }

    fn after_release(&mut self, now: At, is_done: bool, effects: &mut Vec<Effect>) {
        match is_done || self.stops {
            true => self.finish(effects),
            // Others first, if there are any.
            false => {
                let wait = self.spread(self.rules.length / 4);
                self.stand_by(now, Some(wait));
            }
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

    fn ask(&mut self, mut held: Held, effects: &mut Vec<Effect>) {
        if held.run == Run::Going {
            held.run = Run::Asked;
            effects.push(Effect::Ask);
            self.state = State::Held(held);
        }
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        self.state = State::Over;
        effects.push(Effect::Finish);
    }

    fn stand_by(&mut self, now: At, wait: Option<Duration>) {
        self.state = State::Standby {
            asked: None,
            next_try: Some(now + wait.unwrap_or_default()),
            watches: false,
        };
    }

    /// An acquire has failed.
    fn failed(&mut self, now: At, error: &LeaseError, effects: &mut Vec<Effect>) {
        if self.stops {
            self.finish(effects);
            return;
        }
        let wait = self.retry_after();
        self.stand_by(now, Some(wait));
        self.note_failure(error, effects);
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

    /// How long an answer to an acquire is waited for: whatever comes later has run out.
    fn patience(&self) -> Duration {
        match self.stops {
            true => self.rules.length.min(LAST_ANSWER),
            false => self.rules.length,
        }
    }

    fn ask_at(&self, held: &Held) -> At {
        let needed = self.rules.stop_time + MARGIN;
        held.until.saturating_sub(needed)
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

fn cancel_at(held: &Held) -> At {
    held.until.saturating_sub(MARGIN)
}

#[cfg(test)]
mod tests;
