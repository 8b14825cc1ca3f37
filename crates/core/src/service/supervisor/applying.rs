//! Events under the lock of services: the supervision decides, and what can be read at once is written.

use super::aftermath::Aftermath;
use super::outward::Outward;
use super::{Guarded, Supervisor, words};
use crate::failure::Failure;
use crate::lifetime::{Lifetime, Phase};
use crate::moment::Moment;
use crate::report::Straggler;
use crate::service::attempt::Attempt;
use crate::service::state::UnitState;
use crate::service::supervision::{Effect, Event, Id, RunId};
use crate::service::unit_core::UnitCore;
use crate::sync::Arc;
use crate::sync::atomic::Ordering::SeqCst;

impl Supervisor {
    /// Has the supervision decide, and applies what can be read at once. `about` are units that the event is about and
    /// that may be over.
    pub(super) fn handle(
        &self,
        guarded: &mut Guarded,
        lifetime: &Arc<Lifetime>,
        event: Event<Failure>,
        about: &[Arc<UnitCore>],
    ) -> Aftermath {
        let now = lifetime.now();
        let mut effects = std::mem::take(&mut guarded.effects);
        let was_due = guarded.supervision.next_due();
        if !guarded.supervision.is_stopping() && lifetime.phase() >= Phase::Stopping {
            // The phase came first, and what is decided now comes after it.
            let grace_over_at = lifetime.moment(lifetime.grace_deadline());
            let stops = Event::Stops(grace_over_at);
            guarded.supervision.handle(now, stops, &mut effects);
        }
        guarded.supervision.handle(now, event, &mut effects);
        let mut applying = Applying {
            supervisor: self,
            guarded,
            lifetime,
            now,
            about,
            aftermath: Aftermath::default(),
        };
        for effect in effects.drain(..) {
            let is_known = applying.apply(effect).is_some();
            debug_assert!(is_known, "what is decided is about what is there");
        }
        let mut aftermath = applying.aftermath;
        aftermath.goes_outward = !guarded.outward.is_empty();
        guarded.effects = effects;
        let due = guarded.supervision.next_due();
        if due.is_some_and(|due| was_due.is_none_or(|was_due| due < was_due)) {
            self.bell.ring();
        }
        self.tell_if_awaited(guarded);
        aftermath
    }

    /// Shows that a unit is in another state.
    pub(super) fn show(
        &self,
        unit: &UnitCore,
        state: UnitState,
        now: Moment,
        aftermath: &mut Aftermath,
    ) {
        if unit.set_state(state, now) {
            if self.watchers.are_there() {
                aftermath.news(self.watchers.publish(&unit.change()));
            }
            aftermath.wake(unit.changed().notify_threads());
        }
    }
}

/// What is applied of one event.
struct Applying<'a> {
    supervisor: &'a Supervisor,
    guarded: &'a mut Guarded,
    lifetime: &'a Arc<Lifetime>,
    now: Moment,
    about: &'a [Arc<UnitCore>],
    aftermath: Aftermath,
}

impl Applying<'_> {
    fn unit(&self, id: Id) -> Option<&Arc<UnitCore>> {
        let entry = self.guarded.units.get(id.index());
        let mut known = entry.into_iter().map(|entry| &entry.unit).chain(self.about);
        known.find(|unit| unit.id == id)
    }

    fn run(&self, run: RunId) -> Option<Attempt> {
        let present = &self.guarded.units.get(run.unit.index())?.run;
        present.clone().filter(|present| present.id() == run)
    }

    fn outward(&mut self, next: Outward) {
        self.guarded.outward.push_back(next);
    }

    /// Applies what the supervision has decided. `None` if it is about something that is not there.
    fn apply(&mut self, effect: Effect<Failure>) -> Option<()> {
        let find = |id| self.unit(id);
        match effect {
            Effect::State(id, state) => {
                let unit = Arc::clone(self.unit(id)?);
                self.supervisor
                    .show(&unit, state, self.now, &mut self.aftermath);
            }
            Effect::NewRun(run) => {
                let entry = self.guarded.units.get_mut(run.unit.index())?;
                entry.unit.set_run(run.number);
                let attempt = Attempt::new(Arc::clone(&entry.unit), run.number);
                self.aftermath.drop_run(entry.run.replace(attempt));
            }
            Effect::Delayed(id, next) => self.unit(id)?.set_next_start(next),
            Effect::Keep(id, fault) => {
                let failure = words::failure(self.unit(id)?, fault, &find);
                let before = self.unit(id)?.set_failure(failure.clone());
                self.aftermath.drop_failure(before);
                self.aftermath.line(words::kept(failure));
            }
            Effect::Mention(id, fault) => {
                let failure = words::failure(self.unit(id)?, fault, &find);
                self.aftermath.line(words::kept(failure));
            }
            Effect::Record(id, fault, given_up) => {
                let mut failure = words::failure(self.unit(id)?, fault, &find);
                if let Some((starts, window)) = given_up {
                    failure = failure.give_up(starts, window);
                }
                let before = self.unit(id)?.set_failure(failure.clone());
                self.aftermath.drop_failure(before);
                self.aftermath.untold(self.lifetime.record(failure));
            }
            Effect::Request(id) => {
                let run = self.guarded.units.get(id.index())?.run.as_ref()?;
                run.request();
                self.aftermath.wake(run.unit().changed().notify_threads());
            }
            Effect::Blame(id, blame) => {
                let run = self.guarded.units.get(id.index())?.run.as_ref()?;
                // One of which nothing is left has ended meanwhile, and is about to say so.
                if let Some(record) = run.record() {
                    let (reason, story) = words::blame(&blame, &find);
                    let mut straggler = Straggler::of_payload(&record, reason);
                    if let Some(story) = story {
                        straggler = straggler.with_story(story);
                    }
                    self.guarded.report.stragglers.push(straggler);
                }
            }
            Effect::InVain(id, other) => {
                let (line, text) = words::in_vain(self.unit(id)?, self.unit(other)?);
                self.aftermath.line(line);
                self.guarded.report.in_vain.push(text);
            }
            Effect::StopRuntime => self.aftermath.stop(),
            Effect::StopOver => {
                // Not where no service ever came: then nothing is held.
                if std::mem::take(&mut self.guarded.holds_grace) {
                    self.lifetime.release();
                    self.lifetime.look();
                }
            }
            Effect::Over(id) => {
                let entry = self.guarded.units.try_remove(id.index())?;
                self.aftermath.drop_entry(entry);
                self.supervisor.over.fetch_add(1, SeqCst);
                if self.lifetime.settings.until_idle {
                    self.lifetime.look();
                }
            }
            Effect::StartFlavour(id) => {
                let unit = Arc::clone(self.unit(id)?);
                self.outward(Outward::StartFlavour(unit));
            }
            Effect::Launch(run) => {
                let run = self.run(run)?;
                self.outward(Outward::Launch(run));
            }
            Effect::Wake(run) => {
                let run = self.run(run)?;
                self.outward(Outward::Wake(run));
            }
            Effect::Cancel(run) => {
                let run = self.run(run)?;
                self.outward(Outward::Cancel(run));
            }
            Effect::Cut(run) => {
                let run = self.run(run)?;
                self.outward(Outward::Cut(run));
            }
            Effect::Dispose(id) => {
                let unit = Arc::clone(self.unit(id)?);
                if unit.source().has_value() {
                    self.outward(Outward::Dispose(unit));
                }
            }
            Effect::Tell(id, remark) => {
                let line = words::line(self.unit(id)?, &remark);
                self.aftermath.line(line);
            }
            Effect::Drop(failure) => self.aftermath.drop_failure(Some(Box::new(failure))),
        }
        Some(())
    }
}
