//! One connection, as it looks from the bytes: what came in, what is to be answered, and until when something must come.
//!
//! ```text
//!               a byte                 the whole head            the whole body
//!   Idle ─────────────────────► Head ────────────────► Body ───────────────────► Busy
//!    ▲                           │ refused, or too late  │                         │ answered
//!    │                           ▼                       ▼                         │
//!    └───────────────────────────── Closing ◄──────────────────────────────────────┘
//!                                                                  (or back to Idle, if it keeps)
//! ```
//!
//! Moments are times since the server began, which whoever drives it says.

use std::time::Duration;

use super::request::{BODY, HEAD, Refusal, Request, parse, too_large};

/// How long a connection may take for the head of a request, and as long again for its body.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(5);

/// How long a connection may wait between two requests.
pub(crate) const IDLE_TIME: Duration = Duration::from_secs(30);

/// How long bytes are thrown away after a refusal, so that the other side reads it before it is told that nobody listens.
pub(crate) const CLOSING_TIME: Duration = Duration::from_millis(500);

/// Up to so many bytes a head is looked at with every piece, so that what is no HTTP is refused at once. Beyond, only
/// when it is complete: a head that comes in single bytes would be read thousands of times.
const LOOKED_AT: usize = 256;

/// The bytes of one connection.
#[derive(Debug)]
pub(crate) struct Machine {
    input: Vec<u8>,
    state: State,
    /// Since when it has been in that state.
    since: Duration,
    /// Whether a request came before.
    is_kept: bool,
    /// Nothing more comes.
    is_ended: bool,
}

#[derive(Debug)]
enum State {
    Idle,
    Head,
    Body(Request),
    Busy { keeps: bool },
    Closing,
}

/// What is to be done with a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More bytes are needed.
    Wait,
    /// The other side waits for `100 Continue`.
    Continue,
    /// This is to be answered.
    Answer(Request),
    /// This is to be said, and nothing more is taken.
    Refuse(Refusal),
    /// It is over.
    Close,
}

impl Machine {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            input: Vec::new(),
            state: State::Idle,
            since: now,
            is_kept: false,
            is_ended: false,
        }
    }

    /// How many bytes it takes now.
    pub(crate) fn room(&self) -> usize {
        match &self.state {
            State::Idle | State::Head => HEAD.saturating_sub(self.input.len()),
            State::Body(request) => request.body.saturating_sub(self.input.len()),
            State::Busy { .. } => 0,
            State::Closing => BODY,
        }
    }

    /// Takes bytes, at most as many as it has [room](Self::room) for.
    pub(crate) fn push(&mut self, now: Duration, bytes: &[u8]) {
        if matches!(self.state, State::Closing) || bytes.is_empty() {
            return;
        }
        debug_assert!(bytes.len() <= self.room());
        self.input.extend_from_slice(bytes);
        if matches!(self.state, State::Idle) {
            self.enter(State::Head, now);
        }
    }

    /// Nothing more comes.
    pub(crate) fn end(&mut self) {
        self.is_ended = true;
    }

    /// What is to be done now, as far as the bytes say.
    pub(crate) fn step(&mut self, now: Duration) -> Step {
        match &self.state {
            State::Idle | State::Head => self.look_at_head(now),
            State::Body(_) => self.look_at_body(),
            State::Busy { .. } => Step::Wait,
            State::Closing if self.is_ended => Step::Close,
            State::Closing => Step::Wait,
        }
    }

    fn look_at_head(&mut self, now: Duration) -> Step {
        let is_worth_it = self.input.len() <= LOOKED_AT || has_end(&self.input);
        let parsed = match is_worth_it && !self.input.is_empty() {
            true => parse(&self.input),
            false => Ok(None),
        };
        match parsed {
            Ok(Some((request, length))) => {
                self.input.drain(..length);
                self.is_kept = true;
                let waits = request.expects && request.body > self.input.len();
                self.enter(State::Body(request), now);
                match self.look_at_body() {
                    Step::Wait if waits => Step::Continue,
                    step => step,
                }
            }
            Ok(None) if self.input.len() >= HEAD => self.refuse(now, too_large()),
            Ok(None) if self.is_ended => Step::Close,
            Ok(None) => Step::Wait,
            Err(refusal) => self.refuse(now, refusal),
        }
    }

    fn look_at_body(&mut self) -> Step {
        let State::Body(request) = &self.state else {
            return Step::Wait;
        };
        if self.input.len() < request.body {
            return match self.is_ended {
                true => Step::Close,
                false => Step::Wait,
            };
        }
        self.input.drain(..request.body);
        let keeps = request.keeps && !self.is_ended;
        match std::mem::replace(&mut self.state, State::Busy { keeps }) {
            State::Body(request) => Step::Answer(request),
            _ => Step::Wait,
        }
    }

    /// Nothing more is taken.
    pub(crate) fn refuse(&mut self, now: Duration, refusal: Refusal) -> Step {
        self.input = Vec::new();
        self.enter(State::Closing, now);
        Step::Refuse(refusal)
    }

    /// Whether the connection goes on after the answer that is being made.
    pub(crate) fn keeps(&self) -> bool {
        matches!(self.state, State::Busy { keeps: true })
    }

    /// The answer has gone out. Whether the connection goes on.
    pub(crate) fn answered(&mut self, now: Duration) -> bool {
        let goes_on = self.keeps();
        let next = match (goes_on, self.input.is_empty()) {
            (true, true) => State::Idle,
            (true, false) => State::Head,
            (false, _) => State::Closing,
        };
        self.enter(next, now);
        goes_on
    }

    /// Whether it is between requests or has not begun one in full, so that nobody would miss an answer.
    pub(crate) fn is_unused(&self) -> bool {
        matches!(self.state, State::Idle | State::Head | State::Closing)
    }

    /// When something must have come.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let time = match self.state {
            State::Idle if self.is_kept => IDLE_TIME,
            State::Idle | State::Head | State::Body(_) => HEAD_TIME,
            State::Busy { .. } => return None,
            State::Closing => CLOSING_TIME,
        };
        Some(self.since + time)
    }

    /// What is to be done at the [deadline](Self::deadline).
    pub(crate) fn late(&mut self, now: Duration) -> Step {
        match self.state {
            State::Idle | State::Closing => Step::Close,
            State::Busy { .. } => Step::Wait,
            State::Head | State::Body(_) => {
                let text = format!("the request did not come within {HEAD_TIME:?}");
                self.refuse(now, Refusal::new(408, text))
            }
        }
    }

    fn enter(&mut self, state: State, now: Duration) {
        self.state = state;
        self.since = now;
    }
}

/// Whether an empty line ends a head in there.
fn has_end(bytes: &[u8]) -> bool {
    let ends = bytes.windows(2).any(|two| two == b"\n\n");
    ends || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(any(test, fuzzing))]
pub(crate) mod play;
#[cfg(test)]
mod tests;
