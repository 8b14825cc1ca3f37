//! What systemd is told, and when: a value without clock, socket and runtime.
//!
//! | told | when |
//! |---|---|
//! | READY | the runtime is ready, once; and when a reload is over that was told |
//! | RELOADING | a reload begins, after READY and before STOPPING |
//! | STOPPING | the drain or the stop has begun, once; nothing of the two above follows |
//! | STATUS | with each of these, and when the line is another one, twice a second at most |
//! | EXTEND_TIMEOUT_USEC | with STOPPING if there is a drain; in a stop at each look that sees another state than the last one; at the end |
//! | WATCHDOG | a probe has been answered, which is sent each half of the time, one at a time |
//!
//! Readiness and the end are taken from looks, as these show both at one moment: what was ready before it stops is told as
//! ready. A reload is taken from its changes, as a quick one is seen by no look.

use std::time::Duration;

use foster_core::RuntimeChange;

use crate::look::Look;
use crate::message::{Kind, Message};

/// The least time between two looks that nothing urgent asks for.
const PAUSE: Duration = Duration::from_millis(500);

/// How often it looks whether a stop goes on, what is left of a drain, and what holds up an executor.
const LOOK: Duration = Duration::from_secs(1);

/// How much time systemd is asked for at each step of a stop: one for the next look, five of cancel time, and as much again.
pub(crate) const STEP: Duration = Duration::from_secs(10);

/// The least time between two probes, whatever is asked for.
const SHORTEST: Duration = Duration::from_millis(10);

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Notifier {
    is_ready: bool,
    is_reloading: bool,
    is_stopping: bool,
    /// Told with the next look.
    pending: Vec<Kind>,
    /// The last STATUS.
    told: String,
    looked_at: Option<Duration>,
    /// Something may be another one than at the last look.
    is_stale: bool,
    /// That does not wait.
    is_urgent: bool,
    /// What the last look has seen, of a stop.
    moves: Option<u64>,
    watchdog: Option<Watchdog>,
}

#[derive(Debug)]
struct Watchdog {
    /// How often it is told: half of its time.
    every: Duration,
    /// When the next probe is sent.
    due: Duration,
    /// When the probe was sent that has no answer yet.
    asked: Option<Duration>,
}

impl Notifier {
    /// With the time of the watchdog, if there is one.
    pub(crate) fn new(watchdog: Option<Duration>) -> Self {
        let watchdog = watchdog.map(|time| Watchdog {
            every: (time / 2).max(SHORTEST),
            due: Duration::ZERO,
            asked: None,
        });
        Self {
            is_ready: false,
            is_reloading: false,
            is_stopping: false,
            pending: Vec::new(),
            told: String::new(),
            looked_at: None,
            is_stale: false,
            is_urgent: true,
            moves: None,
            watchdog,
        }
    }

    /// The runtime has changed, at `now` or shortly before. That is CLOCK_MONOTONIC, of which systemd is told.
    pub(crate) fn changed(&mut self, now: Duration, change: RuntimeChange) {
        self.is_urgent = true;
        let is_up = self.is_ready && !self.is_stopping;
        match change {
            RuntimeChange::Reloading if is_up => {
                self.is_reloading = true;
                self.pending.push(Kind::Reloading(now));
            }
            RuntimeChange::Reloaded if is_up && self.is_reloading => {
                self.is_reloading = false;
                self.pending.push(Kind::Ready);
            }
            _ => {}
        }
    }

    /// A service has changed.
    pub(crate) fn has_news(&mut self) {
        self.is_stale = true;
    }

    /// Whether news are heard of already, and need not be heard again before the next look.
    pub(crate) fn knows_news(&self) -> bool {
        self.is_stale
    }

    /// Whether a probe is to be sent now.
    pub(crate) fn wants_probe(&mut self, now: Duration) -> bool {
        let Some(watchdog) = &mut self.watchdog else {
            return false;
        };
        let is_due = watchdog.asked.is_none() && watchdog.due <= now;
        if is_due {
            watchdog.asked = Some(now);
        }
        is_due
    }

    /// The probe has been answered.
    pub(crate) fn answered(&mut self, now: Duration, out: &mut Vec<Message>) {
        let Some(watchdog) = &mut self.watchdog else {
            return;
        };
        let Some(asked) = watchdog.asked.take() else {
            return;
        };
        // Counted from the question; if the answer was late, from what is told now.
        let next = asked.saturating_add(watchdog.every);
        watchdog.due = match next > now {
            true => next,
            false => now.saturating_add(watchdog.every),
        };
        out.push(Message::new(Kind::Watchdog));
        // It is awake anyway.
        self.is_stale = true;
    }

    /// Whether it is to be looked now.
    pub(crate) fn wants_look(&self, now: Duration) -> bool {
        self.look_due().is_some_and(|due| due <= now)
    }

    fn look_due(&self) -> Option<Duration> {
        let Some(looked_at) = self.looked_at.filter(|_| !self.is_urgent) else {
            return Some(Duration::ZERO);
        };
        let again = (self.is_stale).then(|| looked_at.saturating_add(PAUSE));
        let asked = self.watchdog.as_ref().and_then(|one| one.asked);
        let held_up = asked.map(|asked| asked.max(looked_at).saturating_add(LOOK));
        let stopping = (self.is_stopping).then(|| looked_at.saturating_add(LOOK));
        again.into_iter().chain(held_up).chain(stopping).min()
    }

    /// When there is something to do, if nothing happens.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let probe = self.watchdog.as_ref().filter(|one| one.asked.is_none());
        let probe = probe.map(|one| one.due);
        self.look_due().into_iter().chain(probe).min()
    }

    /// What is seen now.
    pub(crate) fn looked(&mut self, now: Duration, look: &Look, out: &mut Vec<Message>) {
        self.looked_at = Some(now);
        (self.is_stale, self.is_urgent) = (false, false);
        if look.is_ready && !self.is_ready && !self.is_stopping {
            self.is_ready = true;
            self.pending.push(Kind::Ready);
        }
        let mut extend = None;
        if look.is_ending {
            let begins = !std::mem::replace(&mut self.is_stopping, true);
            if begins {
                self.is_reloading = false;
                self.pending.push(Kind::Stopping);
            }
            let has_moved = self.moves.replace(look.moves) != Some(look.moves);
            extend = match look.drain_left {
                // Nothing is to go on in a drain: it has its time, from its beginning.
                Some(left) => begins.then(|| left.saturating_add(STEP)),
                None => (has_moved && !begins).then_some(STEP),
            };
        }
        self.tell(look, extend, out);
    }

    /// The notifier ends with the runtime, which goes on without it for its cancel time at most.
    pub(crate) fn ends(&mut self, now: Duration, look: &Look, out: &mut Vec<Message>) {
        self.looked(now, look, out);
        match out.last_mut() {
            Some(last) => last.extend = Some(STEP),
            None => self.tell(look, Some(STEP), out),
        }
    }

    fn tell(&mut self, look: &Look, extend: Option<Duration>, out: &mut Vec<Message>) {
        let line = match self.is_reloading {
            true => format!("reloading; {}", look.line),
            false => look.line.clone(),
        };
        let mut kinds = std::mem::take(&mut self.pending);
        let last = kinds.pop();
        out.extend(kinds.into_iter().map(Message::new));
        let is_new = self.told != line;
        if last.is_some() || is_new || extend.is_some() {
            out.push(Message {
                kind: last.unwrap_or(Kind::Report),
                status: (last.is_some() || is_new).then(|| line.clone()),
                extend,
            });
            self.told = line;
        }
    }
}

#[cfg(test)]
mod tests;
