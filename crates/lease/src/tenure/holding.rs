//! What is decided while the lease is held, and as it is given back.

use super::{
    At, Call, Effect, Held, LAST_ANSWER, LeaseError, MARGIN, News, Renewed, Run, Sent, State,
    Tenure,
};

impl Tenure {
    pub(super) fn tick_held(&mut self, now: At, mut held: Held, effects: &mut Vec<Effect>) {
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

    /// The lease is this process's since `sent`.
    pub(super) fn take(&mut self, now: At, sent: At, fence: u64, effects: &mut Vec<Effect>) {
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

    pub(super) fn release(
        &mut self,
        now: At,
        held: &Held,
        is_done: bool,
        effects: &mut Vec<Effect>,
    ) {
        if held.is_lost || now >= held.until {
            self.after_release(now, is_done, effects);
            return;
        }
        let call = self.next_call();
        self.state = State::Releasing {
            fence: held.fence,
            call,
            again_at: now + self.rules.renew_every,
            until: match self.stops {
                true => held.until.min(now + LAST_ANSWER),
                false => held.until,
            },
            is_done,
        };
        effects.push(Effect::Release(call, held.fence));
    }

    /// Asks for the release again, as nobody else has the lease before it runs out, and a renewal on its way may have made that later.
    pub(super) fn tick_releasing(&mut self, now: At, effects: &mut Vec<Effect>) {
        let next = self.next_call();
        let every = self.rules.renew_every;
        let State::Releasing {
            fence,
            call,
            again_at,
            until,
            is_done,
        } = &mut self.state
        else {
            return;
        };
        if now >= *until {
            let is_done = *is_done;
            self.after_release(now, is_done, effects);
        } else if now >= *again_at {
            *again_at = now + every;
            *call = next;
            effects.push(Effect::Release(next, *fence));
        }
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
        if let Err(error) = answer {
            let wait = self.retry_after();
            if let State::Releasing { again_at, .. } = &mut self.state {
                *again_at = now + wait;
            }
            self.note_failure(error, effects);
            return;
        }
        self.recovered(effects);
        effects.push(Effect::Tell(News::Released { fence }));
        self.after_release(now, is_done, effects);
    }

    pub(super) fn after_release(&mut self, now: At, is_done: bool, effects: &mut Vec<Effect>) {
        match is_done || self.stops || self.is_once {
            true => self.finish(effects),
            // Others first, if there are any.
            false => {
                let wait = self.spread(self.rules.length / 4);
                self.stand_by(now, Some(wait));
            }
        }
    }

    pub(super) fn ask(&mut self, mut held: Held, effects: &mut Vec<Effect>) {
        if held.run == Run::Going {
            held.run = Run::Asked;
            effects.push(Effect::Ask);
            self.state = State::Held(held);
        }
    }

    pub(super) fn ask_at(&self, held: &Held) -> At {
        let needed = self.rules.stop_time + MARGIN;
        held.until.saturating_sub(needed)
    }
}

pub(super) fn cancel_at(held: &Held) -> At {
    held.until.saturating_sub(MARGIN)
}
