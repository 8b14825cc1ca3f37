//! The log of a program, told payload by payload.

use std::thread::ThreadId;

use crate::log::{Answer, Ended, Event, How, Id, Scope, What};
use crate::program::Payload;

/// All that is known of one payload. Times are places in the log.
#[derive(Debug)]
pub struct LifeLine {
    pub id: Id,
    pub how: How,
    pub scope: Scope,
    pub payload: Payload,
    /// The payload that handed it in, if it was one.
    pub by: Option<Id>,
    pub handed: usize,
    pub handed_on: ThreadId,
    pub answered: Option<(usize, Answer)>,
    pub call_dropped: Option<usize>,
    pub started: Vec<(usize, ThreadId)>,
    pub held: Option<usize>,
    pub finished: Option<(usize, Ended)>,
    pub drop_panics: Option<usize>,
    pub dropped: Vec<(usize, ThreadId, bool)>,
    /// The last thing that its code did.
    pub last: usize,
}

impl LifeLine {
    pub fn is_refused(&self) -> bool {
        let answer = self.answered.map(|(_, answer)| answer);
        match answer {
            Some(Answer::Stopping | Answer::NotRunning | Answer::Deadlock) => true,
            Some(Answer::Full | Answer::Other) => true,
            Some(Answer::Accepted | Answer::Value | Answer::Panicked | Answer::Cancelled) => false,
            None => false,
        }
    }

    pub fn answer(&self) -> Option<Answer> {
        self.answered.map(|(_, answer)| answer)
    }

    /// When it failed, if that is a failure of the runtime, and how.
    pub fn failure(&self) -> Option<(usize, Ended)> {
        if let Some(at) = self.drop_panics {
            return Some((at, Ended::Panicked));
        }
        let (at, ended) = self.finished?;
        let tells = match (self.how, ended) {
            (_, Ended::Well) | (How::Execute | How::Call, Ended::Failed) => false,
            (How::Adopt, _) => true,
            // A panic goes to the caller, if there is one.
            (_, Ended::Panicked) => self.answer() != Some(Answer::Panicked),
        };
        tells.then_some((at, ended))
    }

    /// When it was dropped before its end.
    pub fn cut_off(&self) -> Option<usize> {
        match (self.finished, self.dropped.first()) {
            (None, Some((at, ..))) => Some(*at),
            _ => None,
        }
    }
}

pub fn lives(events: &[Event]) -> Vec<LifeLine> {
    let mut lives: Vec<LifeLine> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if let What::Handed(id, how, scope, payload) = &event.what {
            lives.push(LifeLine {
                id: *id,
                how: *how,
                scope: *scope,
                payload: payload.clone(),
                by: event.by,
                handed: at,
                handed_on: event.thread,
                answered: None,
                call_dropped: None,
                started: Vec::new(),
                held: None,
                finished: None,
                drop_panics: None,
                dropped: Vec::new(),
                last: at,
            });
        }
        if let Some(by) = event.by {
            lives[by].last = at;
        }
        match event.what {
            What::Answered(id, answer) => lives[id].answered = Some((at, answer)),
            What::CallDropped(id) => lives[id].call_dropped = Some(at),
            What::Started(id) => lives[id].started.push((at, event.thread)),
            What::Held(id) => drop(lives[id].held.get_or_insert(at)),
            What::Finished(id, ended) => lives[id].finished = Some((at, ended)),
            What::DropPanics(id) => lives[id].drop_panics = Some(at),
            What::Dropped(id, in_context) => {
                lives[id].dropped.push((at, event.thread, in_context));
            }
            _ => {}
        }
    }
    lives
}
