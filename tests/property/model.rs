//! The model: what must hold of a program that was played, whatever the races in it came to.
//!
//! Nothing here depends on time. Where a race leaves several outcomes open, all of them are allowed;
//! what the log's order decides is required.

use crate::lives::{LifeLine, lives};
use crate::log::{Answer, Event, How, Id, Scope, What, name_of};
use crate::program::{On, Program, Start};
use crate::report::Report;
use crate::scopes::Scopes;
use crate::{failures, limits, rounds, scopes, stop};

pub type Checked = Result<(), String>;

/// Fails with a text, unless the condition holds.
#[macro_export]
macro_rules! require {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(format!($($text)+));
        }
    };
}

/// What the checks look at.
pub struct Played<'a> {
    pub program: &'a Program,
    pub events: &'a [Event],
    pub report: &'a Report,
    pub lives: Vec<LifeLine>,
    pub scopes: Scopes,
    /// When the runtime had returned.
    pub returned: usize,
    /// When the first thing happened that may end a runtime, were it not for idleness.
    pub caused: Option<usize>,
    /// Whether the runtime had all the grace time that anybody needs.
    pub is_patient: bool,
}

pub fn check(program: &Program, events: &[Event], report: &Report) -> Checked {
    let lives = lives(events);
    let is = |what: fn(&What) -> bool| events.iter().position(|event| what(&event.what));
    let asked = is(|what| {
        matches!(
            what,
            What::ShutdownBegun | What::Abandoned | What::Signalled
        )
    });
    let scopes = Scopes::new(program, events, &lives, asked);
    let signals = events
        .iter()
        .filter(|one| matches!(one.what, What::Signalled));
    let played = Played {
        program,
        events,
        report,
        returned: is(|what| matches!(what, What::Returned)).unwrap_or(events.len()),
        caused: scopes.caused,
        is_patient: !program.is_hasty() && signals.count() < 2,
        lives,
        scopes,
    };
    played.nothing_went_wrong()?;
    for life in &played.lives {
        let checked = played
            .is_accounted_for(life)
            .and_then(|()| played.is_on_its_thread(life))
            .and_then(|()| played.is_answered(life))
            .and_then(|()| played.is_silent_after_the_end(life));
        checked.map_err(|wrong| format!("p{}: {wrong}", life.id))?;
    }
    played.starts_are_in_order()?;
    stop::check(&played)?;
    failures::check(&played)?;
    scopes::check(&played)?;
    limits::check(&played)?;
    rounds::check(&played)
}

impl Played<'_> {
    pub fn is_listed(&self, id: Id) -> bool {
        let name = name_of(id);
        let left = self.report.left_behind.iter().flatten();
        let stragglers = self.report.stragglers.iter();
        let left = left.chain(&self.report.excused);
        left.chain(stragglers.filter_map(|(payload, _)| payload.as_ref()))
            .any(|listed| *listed == name)
    }

    /// When the first thing happened for which it may have been ended.
    pub fn cause_of(&self, life: &LifeLine) -> Option<usize> {
        let cause = self.scopes.cause(life.scope);
        // An adopt is handed in by somebody who keeps the group up.
        let abandoned = self.scopes.abandoned(life.scope);
        let abandoned = abandoned.filter(|at| life.how != How::Adopt || *at < life.handed);
        cause.into_iter().chain(abandoned).min()
    }

    /// Whether it had all the time that it needs.
    pub fn is_patient_with(&self, life: &LifeLine) -> bool {
        self.is_patient && !self.scopes.is_cancelled(life.scope)
    }

    /// Whether it held a token when it was asked to end.
    pub fn was_held(&self, life: &LifeLine) -> bool {
        let held = life.held.zip(self.cause_of(life));
        held.is_some_and(|(held, cause)| held < cause)
    }

    /// Whether it may have been left behind: where there was nobody to ask, every subroutine.
    pub fn may_be_left(&self, life: &LifeLine) -> bool {
        life.payload.on == On::Thread
            && (self.report.left_behind.is_none() || self.is_listed(life.id))
    }

    fn nothing_went_wrong(&self) -> Checked {
        let starts = self
            .events
            .iter()
            .filter(|event| matches!(event.what, What::StartTried(true)));
        let expected = usize::from(self.program.start != Start::Never);
        require!(starts.count() == expected, "L2: a runtime runs once");
        for event in self.events {
            if let What::Wrong(text) = &event.what {
                return Err(text.clone());
            }
        }
        Ok(())
    }

    /// Conservation: ran to its end, cancelled, refused, dropped unrun, or left behind.
    fn is_accounted_for(&self, life: &LifeLine) -> Checked {
        require!(
            life.dropped.len() == 1,
            "dropped {} times",
            life.dropped.len()
        );
        require!(
            life.started.len() <= 1,
            "started {} times",
            life.started.len()
        );
        let (dropped, ..) = life.dropped[0];
        if life.is_refused() {
            require!(life.started.is_empty(), "it ran though it was refused");
            let answered = life.answered.map(|(at, _)| at);
            require!(answered > Some(dropped), "it outlives its refusal");
            return Ok(());
        }
        let Some(cut_off) = life.cut_off() else {
            return Ok(());
        };
        let (is_async, dropped_call) = (life.payload.on.is_async(), life.call_dropped);
        let by_caller = dropped_call.is_some_and(|at| at < cut_off);
        let by_stop = self.cause_of(life).is_some_and(|at| at < cut_off) || self.met_idleness(life);
        if life.started.is_empty() {
            let never_ran = self.program.start == Start::Never
                || self.was_stopped_early()
                || self.scopes.was_stopped_early(life.scope, self.started());
            // When a call was really handed in is not known: the stop may have been quicker, and then its first
            // poll is not waited for.
            let may_be_late = life.how != How::Adopt;
            let may_be =
                never_ran || by_caller || by_stop && (may_be_late || !self.is_patient_with(life));
            require!(may_be, "L7: it was taken in, and dropped unrun");
            return Ok(());
        }
        require!(is_async, "S2: a subroutine was cut off");
        require!(by_caller || by_stop, "it was cancelled for no reason");
        if self.is_patient_with(life) && !by_caller {
            require!(
                !self.was_held(life),
                "S1: it was cancelled while it held a token"
            );
        }
        Ok(())
    }

    /// Whether the runtime may have been idle when this came, and have begun to end, with nothing in the log that says so.
    pub fn met_idleness(&self, life: &LifeLine) -> bool {
        // Nothing is idle as long as that runs which hands it in.
        let is_outside = life.by.is_none_or(|by| {
            let by = &self.lives[by];
            by.dropped[0].0 < life.handed || self.met_idleness(by)
        });
        self.program.until_idle && is_outside
    }

    /// When somebody knew that the runtime had started.
    pub fn started(&self) -> Option<usize> {
        let mut events = self.events.iter();
        events.position(|event| matches!(event.what, What::StartTried(true)))
    }

    /// Whether the runtime may have been asked to end before it began, so that nothing ever ran.
    pub fn was_stopped_early(&self) -> bool {
        let mut adopted = self.lives.iter().filter(|life| life.how == How::Adopt);
        adopted.all(|life| life.started.is_empty())
            && self.caused.is_some()
            && self.caused < self.started()
    }

    /// A2, A3: made, polled and dropped on the flavour's thread, inside its executor's context.
    fn is_on_its_thread(&self, life: &LifeLine) -> Checked {
        let Some((_, thread)) = life.started.first() else {
            return Ok(());
        };
        let (_, dropped_on, in_context) = life.dropped[0];
        let on = life.payload.on;
        require!(in_context, "A2: dropped outside its executor's context");
        require!(
            on == On::Multi || dropped_on == *thread,
            "A2: dropped on a foreign thread"
        );
        if on.is_in_turn() {
            let others = self.lives.iter().filter(|other| other.payload.on == on);
            let mut threads = others.flat_map(|other| &other.started);
            require!(
                threads.all(|(_, other)| other == thread),
                "A3: {on:?} has two threads"
            );
        }
        Ok(())
    }

    /// What its caller was told is what happened.
    fn is_answered(&self, life: &LifeLine) -> Checked {
        let (finished, unanswered) = (life.finished, life.call_dropped.is_some());
        let Some((at, answer)) = life.answered else {
            require!(unanswered, "nobody was answered");
            return Ok(());
        };
        let known = match answer {
            Answer::Accepted => life.how == How::Adopt,
            Answer::Value => finished
                .is_some_and(|(end, ended)| end < at && ended != crate::log::Ended::Panicked),
            Answer::Panicked => {
                finished
                    .is_some_and(|(end, ended)| end < at && ended == crate::log::Ended::Panicked)
                    || life.drop_panics.is_some()
            }
            // A subroutine that was left behind may end all the same.
            Answer::Cancelled => {
                // Nor is one waited for that came while the runtime was stopping and took no token: it may
                // come to its end just when its caller is let go.
                let by_stop = self.cause_of(life).is_some_and(|cause| cause < at);
                let by_stop = by_stop || self.met_idleness(life);
                let may_be_late = life.how == How::Call && life.payload.on == On::Thread && by_stop;
                finished.is_none_or(|(end, _)| end > at) || self.may_be_left(life) || may_be_late
            }
            Answer::Stopping | Answer::Full => true,
            Answer::NotRunning => self.events[..life.handed]
                .iter()
                .all(|event| !matches!(event.what, What::StartTried(true))),
            Answer::Deadlock => self.lives.iter().any(|other| {
                let (_, dropped_on, _) = other.dropped[0];
                other.payload.on.is_async() && dropped_on == life.handed_on
            }),
            Answer::Other => false,
        };
        require!(known, "its caller was told {answer:?}");
        // It keeps up its group and all that this is in.
        let holder = life.by.map(|by| &self.lives[by]).filter(|by| {
            let held_then = by.held.is_some_and(|held| held < life.handed);
            let keeps_up = self.scopes.is_inside(by.scope, life.scope);
            held_then && self.was_held(by) && keeps_up && !self.scopes.is_cancelled(by.scope)
        });
        if life.how != How::Adopt && self.is_patient_with(life) && holder.is_some() {
            let refused = matches!(answer, Answer::Stopping | Answer::Cancelled);
            require!(!refused, "L7: a holder of a token was told {answer:?}");
        }
        Ok(())
    }

    /// After `run` has returned nothing runs but what was left behind.
    fn is_silent_after_the_end(&self, life: &LifeLine) -> Checked {
        let last = life.last.max(life.dropped[0].0);
        // A closure that never ran may be dropped by whoever handed it in, and at leisure.
        let never_ran = life.started.is_empty() && life.dropped[0].1 == life.handed_on;
        let silent = last < self.returned || never_ran || self.may_be_left(life);
        require!(
            silent,
            "it is alive after the runtime's end, and not listed"
        );
        Ok(())
    }

    /// A8: one thread's adopts to one flavour start in that order.
    fn starts_are_in_order(&self) -> Checked {
        for (index, first) in self.lives.iter().enumerate() {
            let Some((started, _)) = first.started.first() else {
                continue;
            };
            let alike = |other: &&LifeLine| {
                other.how == How::Adopt
                    && other.payload.on == first.payload.on
                    && other.handed_on == first.handed_on
            };
            if first.how != How::Adopt || !first.payload.on.is_in_turn() {
                continue;
            }
            // The next one that started is enough, as it is compared with those after it.
            let mut later = self.lives[index + 1..].iter().filter(alike);
            let next = later.find_map(|other| Some((other.id, other.started.first()?.0)));
            if let Some((id, at)) = next {
                require!(*started < at, "A8: p{id} started before p{}", first.id);
            }
        }
        Ok(())
    }

    /// Whether somebody sees here that the runtime stops, and not only some group.
    pub fn is_seen(&self, event: &Event) -> bool {
        let is_known = |scope: Scope| {
            let group = self.scopes.cause_in_groups(scope);
            group.or(self.scopes.abandoned(scope)).is_none()
        };
        match event.what {
            What::Returned => true,
            What::Asked => event.by.is_none_or(|by| is_known(self.lives[by].scope)),
            What::Answered(id, Answer::Stopping) => is_known(self.lives[id].scope),
            _ => false,
        }
    }
}
