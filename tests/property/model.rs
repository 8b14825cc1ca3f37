//! The model: what must hold of a program that was played, whatever the races in it came to.
//!
//! Nothing here depends on time. Where a race leaves several outcomes open, all of them are allowed;
//! what the log's order decides is required.

use crate::failures;
use crate::lives::{LifeLine, lives};
use crate::log::{Answer, Event, How, Id, What, name_of};
use crate::play::Report;
use crate::program::{On, Program, Start};
use foster::StragglerReason;

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
    let failed = lives.iter().filter_map(|life| Some(life.failure()?.0));
    let signals = events
        .iter()
        .filter(|one| matches!(one.what, What::Signalled));
    let played = Played {
        program,
        events,
        report,
        returned: is(|what| matches!(what, What::Returned)).unwrap_or(events.len()),
        caused: failed.chain(asked).min(),
        is_patient: !program.is_hasty() && signals.count() < 2,
        lives,
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
    played.the_stop_refuses()?;
    played.the_stop_has_a_cause()?;
    played.idleness_is_no_haste()?;
    played.the_listed_are_real()?;
    failures::check(&played)
}

impl Played<'_> {
    pub fn is_listed(&self, id: Id) -> bool {
        let name = name_of(id);
        let left = self.report.left_behind.iter().flatten();
        let stragglers = self.report.stragglers.iter();
        left.chain(stragglers.filter_map(|(payload, _)| payload.as_ref()))
            .any(|listed| *listed == name)
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
        let by_stop = self.caused.is_some_and(|at| at < cut_off) || self.met_idleness(life);
        if life.started.is_empty() {
            let never_ran = self.program.start == Start::Never || self.was_stopped_early();
            // When a call was really handed in is not known: the stop may have been quicker, and then its first
            // poll is not waited for.
            let may_be_late = life.how != How::Adopt;
            let may_be = never_ran || by_caller || by_stop && (may_be_late || !self.is_patient);
            require!(may_be, "L7: it was taken in, and dropped unrun");
            return Ok(());
        }
        require!(is_async, "S2: a subroutine was cut off");
        require!(by_caller || by_stop, "it was cancelled for no reason");
        if self.is_patient && !by_caller {
            let early = life
                .held
                .zip(self.caused)
                .is_some_and(|(held, cause)| held < cause);
            require!(!early, "S1: it was cancelled while it held a token");
        }
        Ok(())
    }

    /// Whether the runtime may have been idle when this came, and have begun to end, with nothing in the log that says so.
    fn met_idleness(&self, life: &LifeLine) -> bool {
        // Nothing is idle as long as that runs which hands it in.
        let is_over = |by: Id| self.lives[by].dropped[0].0 < life.handed;
        let is_outside = life.by.is_none_or(is_over);
        self.program.until_idle && life.how != How::Adopt && is_outside
    }

    /// Whether the runtime may have been asked to end before it began, so that nothing ever ran.
    fn was_stopped_early(&self) -> bool {
        let mut events = self.events.iter();
        let started = events.position(|event| matches!(event.what, What::StartTried(true)));
        let mut adopted = self.lives.iter().filter(|life| life.how == How::Adopt);
        adopted.all(|life| life.started.is_empty())
            && self.caused.is_some()
            && self.caused < started
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
                let by_stop = self.caused.is_some_and(|cause| cause < at);
                let may_be_late = life.how == How::Call && life.payload.on == On::Thread && by_stop;
                finished.is_none_or(|(end, _)| end > at) || self.may_be_left(life) || may_be_late
            }
            Answer::Stopping => true,
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
        let holder = life.by.map(|by| &self.lives[by]).filter(|by| {
            let held = by.held.zip(self.caused);
            held.is_some_and(|(held, cause)| held < cause && held < life.handed)
        });
        if life.how != How::Adopt && self.is_patient && holder.is_some() {
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

    /// L7: what is adopted after the stop has begun is refused, and so is all else where nothing was started.
    fn the_stop_refuses(&self) -> Checked {
        let ended = |what: &What| matches!(what, What::ShutdownEnded | What::Returned);
        let shut = self.events.iter().position(|event| ended(&event.what));
        for life in &self.lives {
            let shut = shut.is_some_and(|at| at < life.handed);
            // A failure has begun the stop when the thread on which it came about goes on.
            let failed = self.lives.iter().any(|other| {
                let at = other.failure().map(|(at, _)| at);
                let on_it = |at: usize| self.events[at].thread == life.handed_on;
                other.how == How::Adopt
                    && at.is_some_and(|at| at < life.handed && on_it(at))
                    && life.by != Some(other.id)
            });
            let started = |event: &Event| matches!(event.what, What::StartTried(true));
            let may_run = life.how != How::Adopt && self.events.iter().any(started);
            if (shut || failed) && !may_run {
                let refused = life.is_refused() || life.started.is_empty();
                require!(refused, "L7: p{} ran though the stop had begun", life.id);
                let accepted = life.answer() == Some(Answer::Accepted);
                require!(!accepted, "L7: p{} was adopted after the stop", life.id);
            }
        }
        Ok(())
    }

    /// L1, L9: no runtime ends for nothing.
    fn the_stop_has_a_cause(&self) -> Checked {
        if self.program.until_idle {
            return Ok(());
        }
        let seen = self.events.iter().position(|event| match event.what {
            What::Answered(_, answer) => answer == Answer::Stopping,
            What::Asked | What::Returned => true,
            _ => false,
        });
        let (seen, cause) = (
            seen.unwrap_or(usize::MAX),
            self.caused.unwrap_or(usize::MAX),
        );
        require!(cause < seen, "L1: the runtime ended for no reason");
        Ok(())
    }

    /// L9: a runtime that is idle has nothing left to do.
    fn idleness_is_no_haste(&self) -> Checked {
        if !self.program.until_idle || self.caused.is_some_and(|at| at < self.returned) {
            return Ok(());
        }
        for life in self.lives.iter().filter(|life| life.handed < self.returned) {
            let over = life.finished.is_some() || life.call_dropped.is_some();
            let may_be = over || life.is_refused() || self.met_idleness(life);
            require!(may_be, "L9: p{} was cut off", life.id);
            require!(!self.is_listed(life.id), "L9: p{} was left behind", life.id);
            let refused = life.answer() == Some(Answer::Stopping);
            let inside = life.by.is_some_and(|by| !self.lives[by].started.is_empty());
            require!(!(inside && refused), "L9: p{} was refused inside", life.id);
        }
        Ok(())
    }

    /// What is listed at the end is a payload that had not ended by then.
    fn the_listed_are_real(&self) -> Checked {
        let find = |name: &str| self.lives.iter().find(|life| name_of(life.id) == name);
        let left = self.report.left_behind.iter().flatten();
        for name in left {
            let life = find(name).ok_or_else(|| format!("`{name}` was left behind"))?;
            let early = life.held.zip(self.caused);
            let early = early.is_some_and(|(held, cause)| held < cause);
            let real = life.payload.on == On::Thread && !life.is_refused() && !early;
            require!(real, "S2: `{name}` is no subroutine to be left behind");
        }
        for (name, reason) in &self.report.stragglers {
            let life = name.as_deref().and_then(find);
            let holder = life.is_some_and(|life| life.held.is_some());
            let real = *reason == StragglerReason::Overran && holder && !self.is_patient;
            require!(real, "S3: {name:?} is no straggler, {reason:?}");
        }
        let mut names: Vec<_> = self.report.left_behind.iter().flatten().collect();
        names.extend(
            self.report
                .stragglers
                .iter()
                .filter_map(|one| one.0.as_ref()),
        );
        names.sort_unstable();
        let listed = names.len();
        names.dedup();
        require!(names.len() == listed, "S3: a payload is listed twice");
        Ok(())
    }
}
