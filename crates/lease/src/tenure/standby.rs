//! What is decided while somebody else holds the lease, or nobody.

use std::time::Duration;

use super::{Acquired, At, Call, Effect, LAST_ANSWER, LeaseError, State, Tenure};

impl Tenure {
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
                if self.stops || self.is_once {
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

    pub(super) fn stand_by(&mut self, now: At, wait: Option<Duration>) {
        self.state = State::Standby {
            asked: None,
            next_try: Some(now + wait.unwrap_or_default()),
            watches: false,
        };
    }

    /// An acquire has failed.
    pub(super) fn failed(&mut self, now: At, error: &LeaseError, effects: &mut Vec<Effect>) {
        if self.stops || self.is_once {
            self.finish(effects);
            return;
        }
        let wait = self.retry_after();
        self.stand_by(now, Some(wait));
        self.note_failure(error, effects);
    }

    /// How long an answer to an acquire is waited for: whatever comes later has run out.
    pub(super) fn patience(&self) -> Duration {
        match self.stops {
            true => self.rules.length.min(LAST_ANSWER),
            false => self.rules.length,
        }
    }
}
