//! Events under the lock of services: the supervision decides, and what can be read at once is written.

use super::*;

impl Supervisor {
    /// Has the supervision decide, and applies what can be read at once. `about` are units that the event is about and
    /// that may be over.
    pub(super) fn handle(
        &self,
        guarded: &mut Guarded,
        lifetime: &Arc<Lifetime>,
        now: Moment,
        event: Happening<Box<Failure>>,
        about: &[Arc<UnitCore>],
    ) -> Aftermath {
        let mut effects = std::mem::take(&mut guarded.effects);
        let was_due = guarded.supervision.next_due();
        if !guarded.supervision.is_stopping() && lifetime.phase() >= Phase::Stopping {
            // The phase came first, and what is decided now comes after it.
            let grace_over_at = lifetime.moment(lifetime.grace_deadline());
            let stops = Happening::Stops(grace_over_at);
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
        let aftermath = applying.aftermath;
        guarded.effects = effects;
        let due = guarded.supervision.next_due();
        if due.is_some_and(|due| was_due.is_none_or(|was_due| due < was_due)) {
            self.bell.ring();
        }
        self.say_done(guarded);
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
            if self.watchers.is_heard() {
                let (wakers, dropped) = self.watchers.publish(&UnitChange(unit.status()));
                aftermath.wake(wakers);
                aftermath.drop(Some(dropped));
            }
            aftermath.wake(unit.changed().notify_after_lock());
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

fn find_unit<'a>(
    guarded: &'a Guarded,
    about: &'a [Arc<UnitCore>],
    id: Id,
) -> Option<&'a Arc<UnitCore>> {
    let known = guarded.units.get(id.index());
    known.into_iter().chain(about).find(|unit| unit.id == id)
}

impl Applying<'_> {
    fn unit(&self, id: Id) -> Option<&Arc<UnitCore>> {
        find_unit(self.guarded, self.about, id)
    }

    /// Has something done about a unit.
    fn outward(&mut self, id: Id, what: impl FnOnce(Arc<UnitCore>) -> Outward) -> Option<()> {
        let unit = Arc::clone(self.unit(id)?);
        self.guarded.outward.push_back(what(unit));
        Some(())
    }

    /// Keeps a failure with its unit; returns it.
    fn set_failure(&mut self, id: Id, fault: Fault<Box<Failure>>) -> Option<Failure> {
        let failure = words::failure(self.unit(id)?, fault, &|id| self.unit(id));
        let before = self.unit(id)?.set_failure(failure.clone());
        self.aftermath.drop(before);
        Some(failure)
    }

    /// Applies what the supervision has decided. `None` if it is about something that is not there.
    fn apply(&mut self, effect: Effect<Box<Failure>>) -> Option<()> {
        match effect {
            Effect::State(id, state) => {
                let unit = find_unit(self.guarded, self.about, id)?;
                let aftermath = &mut self.aftermath;
                self.supervisor.show(unit, state, self.now, aftermath);
            }
            Effect::Delayed(id, next) => self.unit(id)?.set_next_start(next),
            Effect::Absorb {
                unit,
                fault,
                is_first,
            } => {
                let failure = match is_first {
                    true => self.set_failure(unit, fault)?,
                    false => words::failure(self.unit(unit)?, fault, &|id| self.unit(id)),
                };
                self.aftermath.line(words::absorbed(failure));
            }
            Effect::Record(id, fault) => {
                let failure = self.set_failure(id, fault)?;
                self.aftermath.untold(self.lifetime.record(failure));
            }
            Effect::Blame(id, blame) => {
                // One of which nothing is left has ended meanwhile, and is about to say so.
                if let Some(task) = self.unit(id)?.task() {
                    let straggler = words::blame(&*task, &blame, &|id| self.unit(id));
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
                let unit = self.guarded.units.try_remove(id.index())?;
                // Mostly whoever brings the event has it too: what its own run tells.
                if !self.about.iter().any(|about| Arc::ptr_eq(about, &unit)) {
                    self.aftermath.let_go(unit);
                }
                self.supervisor.over.fetch_add(1, SeqCst);
                if self.lifetime.settings.until_idle {
                    self.lifetime.look();
                }
            }
            Effect::StartFlavour(id) => self.outward(id, Outward::StartFlavour)?,
            Effect::Launch(run) => {
                let launch = |unit| Outward::Launch(Attempt::new(unit, run.number));
                self.outward(run.unit, launch)?;
            }
            Effect::Wake(run) => self.outward(run.unit, Outward::Wake)?,
            Effect::Cancel(run) => self.outward(run.unit, Outward::Cancel)?,
            Effect::Cut(run) => self.outward(run.unit, Outward::Cut)?,
            Effect::Dispose(id) if !self.unit(id)?.source.has_value() => {}
            Effect::Dispose(id) => self.outward(id, Outward::Dispose)?,
            Effect::Tell(id, remark) => {
                let line = words::line(self.unit(id)?, &remark);
                self.aftermath.line(line);
            }
            Effect::Unclaimed(failure) => {
                self.aftermath
                    .line(Line::followed((*failure).clone(), "nobody waits for it"));
                self.aftermath.drop(Some(failure));
            }
        }
        Some(())
    }
}
