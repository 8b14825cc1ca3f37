//! Whether an executor is stalled: a value that is told what each look has found, and says what is news.
//!
//! A probe is on its way from one look to the next. An executor is stalled if its probe stays open for the whole limit, while
//! none of its payloads begins or ends. The payloads to blame are those whose turn at one look is the same at a later one. On
//! a pool whose probe is answered they hold up one thread alone, which is no stall, but worth knowing.
//!
//! A look that comes late says nothing of the time since the one before: the machine may have been suspended, or the process
//! stopped by a debugger. All is counted anew from there.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::moment::Moment;

/// How many looks fit into the limit. A stall is told between that, and that and one look more.
const LOOKS: u32 = 3;

/// What became of the probe that was sent at an earlier look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// None was sent.
    Unasked,
    Open,
    Answered,
    /// The flavour cannot tell.
    Unknown,
}

/// What one look has found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) answer: Answer,
    /// A number that changes when payloads begin or end.
    pub(super) progress: usize,
    /// On how many threads the flavour runs payloads.
    pub(super) width: usize,
    /// Whether the executor sleeps, as far as is known.
    pub(super) is_asleep: bool,
    /// The payloads that have a turn, each with whether it is the one of the last look.
    pub(super) turns: Vec<(usize, bool)>,
}

/// What is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing runs on the executor, for so long. These payloads have had their turn meanwhile, if it is they.
    Stalled { turns: Vec<usize>, lasts: Duration },
    /// It goes on.
    Over { lasted: Duration },
    /// The turn of this payload holds up one of several threads.
    Holds { turn: usize, lasts: Duration },
    /// That is over.
    Released { turn: usize, lasted: Duration },
}

/// What is done until the next look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A probe is sent, if none is open.
    Probe,
    /// There is none, before somebody is woken.
    Rest,
}

/// What is known of one executor.
#[derive(Debug)]
pub(super) struct Stalls {
    limit: Duration,
    last: Option<Moment>,
    progress: usize,
    /// Since when the probe has been open.
    open_since: Option<Moment>,
    turns: HashMap<usize, Turn>,
    /// Since when it has been stalled, once that was told.
    stalled_since: Option<Moment>,
}

#[derive(Debug)]
struct Turn {
    since: Moment,
    is_told: bool,
}

impl Stalls {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            last: None,
            progress: 0,
            open_since: None,
            turns: HashMap::new(),
            stalled_since: None,
        }
    }

    /// The time from one look to the next.
    pub(super) fn pause(&self) -> Duration {
        (self.limit / LOOKS).max(Duration::from_millis(1))
    }

    /// Since when the executor has been stalled, or a payload has held up one of its threads, if that was told.
    pub(super) fn told_since(&self) -> Option<(bool, Moment)> {
        let told = self.turns.values().filter(|turn| turn.is_told);
        let held = told.map(|turn| turn.since).min();
        self.stalled_since
            .map(|since| (true, since))
            .or(held.map(|since| (false, since)))
    }

    /// The payloads whose turns have been seen at two looks.
    pub(super) fn lasting(&self) -> Vec<usize> {
        let lasts = |turn: &Turn| self.last.is_some_and(|last| turn.since < last);
        let mut lasting: Vec<_> = (self.turns.iter())
            .filter(|(_, turn)| lasts(turn))
            .map(|(key, turn)| (turn.since, *key))
            .collect();
        lasting.sort_unstable();
        lasting.into_iter().map(|(_, key)| key).collect()
    }

    /// Takes what a look has found at `now`.
    pub(super) fn look(&mut self, now: Moment, found: &Found) -> (Vec<News>, Next) {
        let late_after = self.pause() * 2;
        let is_late = self.last.is_some_and(|last| now.since(last) >= late_after);
        let mut news = self.take_turns(now, is_late, &found.turns);
        let goes_on = found.progress != self.progress;
        let rests = self.last.is_some() && !goes_on;
        (self.last, self.progress) = (Some(now), found.progress);
        match found.answer {
            Answer::Open => {
                if is_late || goes_on {
                    self.open_since = Some(now);
                }
                let since = *self.open_since.get_or_insert(now);
                self.judge(now, since, &mut news);
            }
            // One thread, and a turn on it that lasts.
            Answer::Unknown if found.width == 1 && !self.lasting().is_empty() => {
                let since = self.turns.values().map(|turn| turn.since).min();
                self.judge(now, since.unwrap_or(now), &mut news);
            }
            _ => {
                // The probe that is sent now is open from now on.
                self.open_since = Some(now);
                if let Some(since) = self.stalled_since.take() {
                    let lasted = now.since(since);
                    news.push(News::Over { lasted });
                }
                self.judge_turns(now, &mut news);
            }
        }
        let is_answered = matches!(found.answer, Answer::Answered | Answer::Unknown);
        let next = match is_answered && rests && found.is_asleep && self.turns.is_empty() {
            true => Next::Rest,
            false => Next::Probe,
        };
        if next == Next::Rest {
            // Whatever comes next comes after a sleep.
            self.last = None;
        }
        (news, next)
    }

    fn take_turns(&mut self, now: Moment, is_late: bool, turns: &[(usize, bool)]) -> Vec<News> {
        let mut before = std::mem::take(&mut self.turns);
        for (key, is_same) in turns {
            let known = if *is_same { before.remove(key) } else { None };
            let (since, is_told) = (now, false);
            let turn = known.filter(|known| !is_late || known.is_told);
            let turn = turn.unwrap_or(Turn { since, is_told });
            self.turns.insert(*key, turn);
        }
        let over = before.into_iter().filter(|(_, turn)| turn.is_told);
        let over = over.map(|(key, turn)| News::Released {
            turn: key,
            lasted: now.since(turn.since),
        });
        over.collect()
    }

    fn judge(&mut self, now: Moment, since: Moment, news: &mut Vec<News>) {
        let lasts = now.since(since);
        if lasts >= self.limit && self.stalled_since.is_none() {
            self.stalled_since = Some(since);
            let turns = self.lasting();
            news.push(News::Stalled { turns, lasts });
        }
    }

    fn judge_turns(&mut self, now: Moment, news: &mut Vec<News>) {
        for (key, turn) in &mut self.turns {
            let lasts = now.since(turn.since);
            if lasts >= self.limit && !std::mem::replace(&mut turn.is_told, true) {
                let turn = *key;
                news.push(News::Holds { turn, lasts });
            }
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
