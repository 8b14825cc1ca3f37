//! The model's part on the stop: what it refuses, why it comes, and who is listed at its end.

use foster::StragglerReason;

use crate::log::{Answer, Event, How, What, name_of};
use crate::model::{Checked, Played};
use crate::program::On;
use crate::reloads;
use crate::require;
use crate::scopes::Absorber;

pub fn check(played: &Played) -> Checked {
    played.the_stop_refuses()?;
    played.the_stop_has_a_cause()?;
    played.idleness_is_no_haste()?;
    played.the_listed_are_real()
}

impl Played<'_> {
    /// L7, G1: what is adopted after the stop has begun is refused, and so is all else where nothing was started.
    fn the_stop_refuses(&self) -> Checked {
        let ended = |what: &What| matches!(what, What::ShutdownEnded | What::Returned);
        let shut = self.events.iter().position(|event| ended(&event.what));
        for life in &self.lives {
            let shut = shut.is_some_and(|at| at < life.handed);
            // A failure has begun the stop when the thread on which it came about goes on.
            let failed = self.lives.iter().any(|other| {
                let at = other.failure().map(|(at, _)| at);
                let on_it = |at: usize| self.events[at].thread == life.handed_on;
                let ends = match self.scopes.surely(other.id) {
                    Some(Absorber::Part(part)) => self.scopes.is_inside(life.scope, part),
                    _ => false,
                };
                other.how == How::Adopt
                    && ends
                    && at.is_some_and(|at| at < life.handed && on_it(at))
                    && life.by != Some(other.id)
            });
            let asked = self.scopes.surely_asked(life.scope);
            let asked = asked.is_some_and(|at| at < life.handed);
            let started = |event: &Event| matches!(event.what, What::StartTried(true));
            let may_run = life.how != How::Adopt && self.events.iter().any(started);
            if (shut || failed || asked) && !may_run {
                let refused = life.is_refused() || life.started.is_empty();
                require!(refused, "L7: p{} ran though the stop had begun", life.id);
                let accepted = life.answer() == Some(Answer::Accepted);
                require!(!accepted, "L7: p{} was adopted after the stop", life.id);
            }
        }
        Ok(())
    }

    /// L1, L9, G1: nothing ends for nothing.
    fn the_stop_has_a_cause(&self) -> Checked {
        if self.program.until_idle {
            return Ok(());
        }
        for (at, event) in self.events.iter().enumerate() {
            let cause = match event.what {
                What::Answered(id, Answer::Stopping) => self.cause_of(&self.lives[id]),
                What::Asked => match event.by {
                    Some(by) => self.scopes.cause(self.lives[by].scope),
                    None => self.caused,
                },
                What::Returned => self.caused,
                _ => continue,
            };
            let caused = cause.is_some_and(|cause| cause < at);
            require!(caused, "L1: something ended for no reason: {event:?}");
        }
        Ok(())
    }

    /// L9: a runtime that is idle has nothing left to do.
    fn idleness_is_no_haste(&self) -> Checked {
        if !self.program.until_idle || self.caused.is_some_and(|at| at < self.returned) {
            return Ok(());
        }
        for life in self.lives.iter().filter(|life| life.handed < self.returned) {
            let over = life.finished.is_some() || life.call_dropped.is_some();
            let with_group = self.cause_of(life).is_some();
            let may_be = over || life.is_refused() || self.met_idleness(life) || with_group;
            require!(may_be, "L9: p{} was cut off", life.id);
            if with_group || self.met_idleness(life) {
                continue;
            }
            require!(!self.is_listed(life.id), "L9: p{} was left behind", life.id);
            let refused = life.answer() == Some(Answer::Stopping);
            let inside = life.by.map(|by| &self.lives[by]);
            let inside = inside.is_some_and(|by| !by.started.is_empty() && !self.met_idleness(by));
            require!(!(inside && refused), "L9: p{} was refused inside", life.id);
        }
        Ok(())
    }

    /// Whether it is a service that may have had no time.
    fn is_hasty_service(&self, name: &String) -> bool {
        let mut services = (0..self.program.services.len()).map(reloads::name_of);
        !self.is_patient && services.any(|one| one == *name)
    }

    /// What is listed at the end is a payload that had not ended by then.
    fn the_listed_are_real(&self) -> Checked {
        let find = |name: &str| self.lives.iter().find(|life| name_of(life.id) == name);
        let left = self.report.left_behind.iter().flatten();
        for name in left.filter(|name| !self.is_hasty_service(name)) {
            let life = find(name).ok_or_else(|| format!("`{name}` was left behind"))?;
            // Where it has no time, that of its group may be over before that of the runtime.
            let in_group = self.scopes.cause_in_groups(life.scope).is_some();
            let early = self.was_held(life) && (self.is_patient_with(life) || !in_group);
            let early = early && !self.met_idleness(life);
            let real = life.payload.on == On::Thread && !life.is_refused() && !early;
            require!(real, "S2: `{name}` is no subroutine to be left behind");
        }
        for (name, reason) in &self.report.stragglers {
            let is_nameless = name.as_deref().is_some_and(is_nameless) && !self.is_patient;
            let is_service = name
                .as_ref()
                .is_some_and(|name| self.is_hasty_service(name));
            if is_service || is_nameless {
                continue;
            }
            let life = name.as_deref().and_then(find);
            let holder = life.is_some_and(|life| life.held.is_some());
            let real = *reason == StragglerReason::Overran && holder && !self.is_patient;
            let real = real && life.is_none_or(|life| !self.scopes.may_overrun(life.scope));
            require!(real, "S3: {name:?} is no straggler, {reason:?}");
        }
        for name in self.report.excused.iter().filter(|name| !is_nameless(name)) {
            let life = find(name).ok_or_else(|| format!("`{name}` did not end in time"))?;
            let holder = life.held.is_some() && !self.is_patient;
            let real = holder && self.scopes.may_overrun(life.scope);
            require!(real, "G3: `{name}` is no straggler that may be one");
        }
        let mut names: Vec<_> = self.report.left_behind.iter().flatten().collect();
        names.extend(&self.report.excused);
        names.extend(
            self.report
                .stragglers
                .iter()
                .filter_map(|one| one.0.as_ref()),
        );
        names.retain(|name| !is_nameless(name));
        names.sort_unstable();
        let listed = names.len();
        names.dedup();
        require!(names.len() == listed, "S3: a payload is listed twice");
        Ok(())
    }
}

/// What was adopted in a place is called by where that was.
fn is_nameless(name: &str) -> bool {
    name.contains(".rs:")
}
