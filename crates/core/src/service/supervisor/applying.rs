//! Events under the lock of services: the supervision decides, and what can be read at once is written.

use super::*;
use crate::base::event::Wakers;
use crate::lifetime::change::RuntimeChange;
use crate::lifetime::telling::is_heard;
use crate::service::reload::News;

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
        self.decide(guarded, lifetime, now, Some(event), None, about)
    }

    /// As [`handle`](Self::handle), of an event or of news about a reload.
    pub(super) fn decide(
        &self,
        guarded: &mut Guarded,
        lifetime: &Arc<Lifetime>,
        now: Moment,
        event: Option<Happening<Box<Failure>>>,
        news: Option<News<Box<Failure>>>,
        about: &[Arc<UnitCore>],
    ) -> Aftermath {
        let mut effects = std::mem::take(&mut guarded.effects);
        let was_due = guarded.next_due();
        let was_stopping = guarded.supervision.is_stopping();
        let is_launched = guarded.roster.is_launched;
        if is_launched && !guarded.supervision.is_stopping() && lifetime.phase() >= Phase::Stopping
        {
            // The phase came first, and what is decided now comes after it. Before the launch nobody is there to be asked,
            // and the stop would be over before those come that it has to wait for.
            let grace_over_at = lifetime.moment(lifetime.grace_deadline());
            match &event {
                // They are the first, mostly: the stop waits for them.
                Some(Happening::HandedIn(_)) => guarded.supervision.begin_stop(grace_over_at),
                _ => {
                    let stops = Happening::Stops(grace_over_at);
                    guarded.supervision.handle(now, stops, &mut effects);
                }
            }
        }
        let entered = match &event {
            Some(Happening::HandedIn(newcomers)) => guarded.entered(newcomers),
            _ => Vec::new(),
        };
        if let Some(event) = event {
            guarded.supervision.handle(now, event, &mut effects);
        }
        let stops = guarded.supervision.is_stopping() && !was_stopping;
        let mut applying = Applying {
            supervisor: self,
            guarded,
            lifetime,
            now,
            about,
            aftermath: Aftermath::default(),
            restarts: Vec::new(),
        };
        let stops = stops.then_some(News::Stops);
        for news in stops.into_iter().chain(entered) {
            applying.news(news);
        }
        applying.apply_all(&mut effects);
        for news in news.into_iter().chain([News::Due]) {
            applying.news(news);
        }
        while !applying.restarts.is_empty() {
            for unit in std::mem::take(&mut applying.restarts) {
                let restart = Happening::Asked(unit, Wish::Restart);
                let supervision = &mut applying.guarded.supervision;
                supervision.handle(now, restart, &mut effects);
            }
            applying.apply_all(&mut effects);
        }
        let mut aftermath = applying.aftermath;
        if guarded.supervision.is_stopping() && !was_stopping {
            aftermath.wake(self.readiness.notify_after_lock());
            for (_, unit) in &guarded.units {
                let limit = unit.members().and_then(|members| members.limit.as_ref());
                aftermath.wake(limit.map_or_else(Wakers::default, |gate| gate.notify_all()));
            }
        }
        guarded.effects = effects;
        let due = guarded.next_due();
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
        if let Some(members) = unit.members() {
            members.show(state);
        }
        if unit.set_state(state, now) {
            self.tell_change(unit, state, aftermath);
        }
    }

    /// What a run says of itself, which those see who look at its unit.
    pub(in crate::service) fn stand(&self, unit: &UnitCore, task: &Arc<Task>, standing: UnitState) {
        let (lifetime, mut aftermath) = (unit.lifetime(), Aftermath::default());
        {
            let _guarded = self.lock();
            if unit.set_standing(task, standing, lifetime.now()) {
                self.tell_change(unit, standing, &mut aftermath);
            }
        }
        aftermath.come(lifetime, By::User);
    }

    /// Tells, with the lock held, that a unit is in another state.
    fn tell_change(&self, unit: &UnitCore, state: UnitState, aftermath: &mut Aftermath) {
        if let Some(line) = is_heard().then(|| words::state(unit, state)).flatten() {
            // Handed over with the lock, so that they are told in their order.
            unit.lifetime().tell_note(line);
        }
        if unit.members().is_none() && self.watchers.is_heard() {
            let (wakers, dropped) = self.watchers.publish(&UnitChange(unit.status()));
            aftermath.wake(wakers);
            aftermath.drop(Some(dropped));
        }
        aftermath.wake(unit.changed().notify_after_lock());
    }
}

impl Guarded {
    /// Which the next unit is that is entered.
    pub(super) fn next_id(&self) -> Id {
        let (serial, place) = (self.serial + 1, self.units.vacant_key() as u32);
        Id { serial, place }
    }

    /// When something falls due, if anything ever does.
    pub(super) fn next_due(&self) -> Option<Moment> {
        let dues = [self.supervision.next_due(), self.reloads.rounds.next_due()];
        dues.into_iter().flatten().min()
    }

    /// The names of those for which the runtime as a whole waits.
    pub(super) fn unready_names(&self) -> Vec<String> {
        let units = self.roster.units.values();
        let unready = units.filter(|unit| unit.is_awaited());
        unready.map(|unit| unit.name().to_string()).collect()
    }

    /// Whether nothing is to be done that has fallen due.
    pub(super) fn has_caught_up(&self, lifetime: &Lifetime) -> bool {
        let (is_done, now) = (
            self.outward.is_empty() && !self.is_performed,
            lifetime.now(),
        );
        let is_up_to_date = self.supervision.is_up_to_date(now);
        let reloads_are = self.reloads.rounds.next_due().is_none_or(|due| now < due);
        self.is_closed || is_done && is_up_to_date && reloads_are
    }
}

/// What is applied of one event.
pub(super) struct Applying<'a> {
    pub(super) supervisor: &'a Supervisor,
    pub(super) guarded: &'a mut Guarded,
    pub(super) lifetime: &'a Arc<Lifetime>,
    pub(super) now: Moment,
    about: &'a [Arc<UnitCore>],
    pub(super) aftermath: Aftermath,
    /// Units that are to be restarted for a reload.
    pub(super) restarts: Vec<Id>,
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
    pub(super) fn unit(&self, id: Id) -> Option<&Arc<UnitCore>> {
        find_unit(self.guarded, self.about, id)
    }

    /// A unit is ready, or over, for which the runtime as a whole has waited.
    fn has_one_less_to_wait_for(&mut self) {
        self.guarded.unready -= 1;
        if self.guarded.unready == 0 {
            self.guarded.was_ready = true;
            if is_heard() {
                let line = Line::note("runtime.ready", None, "all services are ready");
                self.lifetime.tell_note(line);
            }
            let wakers = self.supervisor.readiness.notify_after_lock();
            self.aftermath.wake(wakers);
            self.has_changed(RuntimeChange::Ready);
        }
    }

    /// Tells those who watch the runtime.
    pub(super) fn has_changed(&mut self, change: RuntimeChange) {
        self.aftermath.wake(self.lifetime.has_changed(change));
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

    fn apply_all(&mut self, effects: &mut Vec<Effect<Box<Failure>>>) {
        for effect in effects.drain(..) {
            let is_known = self.apply(effect).is_some();
            debug_assert!(is_known, "what is decided is about what is there");
        }
    }

    /// Names the present run of a unit in the report: of a group, its payloads that hold a token.
    fn blame(&mut self, id: Id, blame: &Blame, mut is_excused: bool) -> Option<()> {
        let unit = self.unit(id)?;
        if unit.looks_on && matches!(blame, Blame::CutShort { .. }) {
            // It went on for the sake of others, who are to blame.
            return Some(());
        }
        let tasks: Vec<_> = match unit.members() {
            Some(members) => {
                is_excused |= members.part().each_may_fail;
                let is_late =
                    |task: &Arc<Task>| task.state().is_holder() && !task.state().is_ending();
                members.alive().into_iter().filter(is_late).collect()
            }
            // One of which nothing is left has ended meanwhile, and is about to say so.
            None => unit.task().into_iter().collect(),
        };
        for task in tasks {
            let straggler = words::blame(&*task, blame, &|id| self.unit(id));
            let report = &mut self.guarded.report;
            if is_excused {
                let line = Line::about("straggler", task.origin(), words::LATE);
                self.aftermath.line(line);
                report.excused.push(straggler);
            } else {
                report.stragglers.push(straggler);
            }
        }
        Some(())
    }

    /// Applies what the supervision has decided. `None` if it is about something that is not there.
    fn apply(&mut self, effect: Effect<Box<Failure>>) -> Option<()> {
        match effect {
            Effect::State(id, state) => {
                let unit = find_unit(self.guarded, self.about, id)?;
                let aftermath = &mut self.aftermath;
                // Once the runtime stops, those that were not ready are known as that. Looked at before anybody sees the
                // state, and may stop the runtime as it is ready.
                let stops = self.lifetime.phase() >= Phase::Stopping;
                self.supervisor.show(unit, state, self.now, aftermath);
                if !stops && unit.end_awaited() {
                    self.has_one_less_to_wait_for();
                }
                self.news(News::State(id, state));
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
                let unit = self.unit(unit)?;
                let line = match unit.members() {
                    Some(_) => words::absorbed_in(unit, failure),
                    None => words::absorbed(failure),
                };
                self.aftermath.line(line);
            }
            Effect::Suffer { unit, of } => {
                if let Some(failure) = self.unit(of)?.last_failure() {
                    let before = self.unit(unit)?.set_failure(failure);
                    self.aftermath.drop(before);
                }
            }
            Effect::RecordMember(failure) => {
                self.aftermath.untold(self.lifetime.record(*failure));
            }
            Effect::Watch(id) => self.outward(id, Outward::Watch)?,
            Effect::Record(id, fault) => {
                let failure = self.set_failure(id, fault)?;
                self.aftermath.untold(self.lifetime.record(failure));
            }
            Effect::Blame(id, blame) => self.blame(id, &blame, false)?,
            Effect::Excuse(id, blame) => self.blame(id, &blame, true)?,
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
            // A group that is empty holds up no idle runtime.
            Effect::Over(id) if self.unit(id)?.members().is_some() => {}
            Effect::Over(_) => {
                self.supervisor.over.fetch_add(1, SeqCst);
                if self.lifetime.settings.until_idle {
                    self.lifetime.look();
                }
            }
            Effect::FreePlace(id) => {
                let wakers = self.unit(id)?.gates_of_unit().give_back();
                self.aftermath.wake(wakers);
            }
            Effect::Resume(_) => {
                self.supervisor.served.fetch_add(1, SeqCst);
            }
            Effect::Forget(id) => {
                self.news(News::Forgotten(id));
                let unit = self.guarded.units.try_remove(id.index())?;
                if unit.members().is_some() {
                    let forgotten = self.guarded.roster.forget_group(&unit);
                    self.aftermath
                        .drop(Some(forgotten).filter(|units| !units.is_empty()));
                }
                // Mostly whoever brings the event has it too: what its own run tells.
                if !self.about.iter().any(|about| Arc::ptr_eq(about, &unit)) {
                    self.aftermath.let_go(unit);
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
            Effect::Dispose(id) if self.unit(id)?.members().is_some() => {}
            Effect::Dispose(id) if !self.unit(id)?.source().has_value() => {}
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
