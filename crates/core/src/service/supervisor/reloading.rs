//! The shell around `Rounds`: reloads, under the one lock of services.

use super::*;
use crate::errors::reload::{ReloadError, ReloadErrorKind, ReloadReport, Reloaded};
use crate::lifetime::change::RuntimeChange;
use crate::lifetime::telling::is_heard;
use crate::service::reload::{Act, News, Outcome, Rounds};

/// What there is about reloads under the lock of services.
#[derive(Default)]
pub(super) struct Reloads {
    pub(super) rounds: Rounds<Box<Failure>>,
    /// Of the present round, if somebody has asked for that by a call.
    present: Option<Arc<Outcome>>,
    /// Of the next one.
    next: Option<Arc<Outcome>>,
    report: ReloadReport,
}

impl Reloads {
    /// For services that have this time to answer.
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            rounds: Rounds::new(limit),
            ..Self::default()
        }
    }
}

impl Supervisor {
    /// Asks for a reload; returns what becomes of it.
    pub(in crate::service) fn reload(&self, lifetime: &Arc<Lifetime>) -> Arc<Outcome> {
        let refused = match lifetime.phase() {
            Phase::Idle => Some(ReloadErrorKind::NotRunning),
            phase if phase >= Phase::Stopping && !lifetime.was_launched() => {
                Some(ReloadErrorKind::NotRunning)
            }
            phase if phase >= Phase::Stopping => Some(ReloadErrorKind::Stopping),
            _ => None,
        };
        let Some(kind) = refused else {
            return self.begin_reload(lifetime, By::User);
        };
        let outcome = Arc::<Outcome>::default();
        let error = ReloadError::new(kind, ReloadReport::default());
        let _ = outcome.known.set(Err(error));
        outcome
    }

    /// Has a runtime that runs reload.
    fn begin_reload(&self, lifetime: &Arc<Lifetime>, by: By) -> Arc<Outcome> {
        let mut guarded = self.lock();
        let next = guarded.reloads.next.get_or_insert_default();
        let outcome = Arc::clone(next);
        let aftermath = self.take_news(&mut guarded, lifetime, News::Wanted, &[]);
        self.go_on(guarded, lifetime, by, aftermath);
        outcome
    }

    /// Has the supervisor's thread begin a reload, if there is one: without services there is nobody to ask. Takes no lock
    /// of the services.
    pub(super) fn reload_soon(&self) {
        self.is_reload_wanted.store(true, SeqCst);
        self.bell.ring();
    }

    /// Begins a reload for which the supervisor's thread was asked.
    pub(super) fn begin_wanted_reload(&self, lifetime: &Arc<Lifetime>) {
        if self.is_reload_wanted.swap(false, SeqCst) && lifetime.phase() < Phase::Stopping {
            let _outcome = self.begin_reload(lifetime, By::Foster);
        }
    }

    pub(in crate::service) fn listen_for_reload(&self) -> event::EventListener {
        self.reloaded.listen()
    }

    /// The run whose payload `task` is takes part in reloads.
    pub(in crate::service) fn take_part(&self, unit: &Arc<UnitCore>, task: &Arc<Task>) {
        let mut guarded = self.lock();
        // One that is lost already would be taken for the next run.
        if unit.is_present(task) {
            let (lifetime, news) = (unit.lifetime(), News::Took(unit.id, unit.state()));
            let aftermath = self.take_news(&mut guarded, lifetime, news, &[]);
            self.go_on(guarded, lifetime, By::User, aftermath);
        }
    }

    /// Takes in what a unit answers.
    pub(in crate::service) fn bring_news(&self, unit: &Arc<UnitCore>, news: News<Box<Failure>>) {
        let (lifetime, about) = (unit.lifetime(), std::slice::from_ref(unit));
        let mut guarded = self.lock();
        let aftermath = self.take_news(&mut guarded, lifetime, news, about);
        self.go_on(guarded, lifetime, By::User, aftermath);
    }

    fn take_news(
        &self,
        guarded: &mut Guarded,
        lifetime: &Arc<Lifetime>,
        news: News<Box<Failure>>,
        about: &[Arc<UnitCore>],
    ) -> Aftermath {
        let now = lifetime.now();
        self.decide(guarded, lifetime, now, None, Some(news), about)
    }
}

impl Guarded {
    /// News of services that were handed in.
    pub(super) fn entered(&self, newcomers: &[Newcomer]) -> Vec<News<Box<Failure>>> {
        let is_known = |id: &Id| {
            let unit = self.units.get(id.index());
            unit.is_some_and(|unit| unit.id == *id)
        };
        let news = |one: &Newcomer| News::Entered {
            unit: one.id,
            after: one
                .after
                .iter()
                .map(|link| link.other)
                .filter(is_known)
                .collect(),
            restarts: (one.policy.as_ref()).is_some_and(|policy| policy.restart_on_reload),
        };
        newcomers.iter().map(news).collect()
    }
}

impl applying::Applying<'_> {
    /// Has it decided what news lead to, and applies that.
    pub(super) fn news(&mut self, news: News<Box<Failure>>) {
        let mut acts = Vec::new();
        self.guarded.reloads.rounds.take(self.now, news, &mut acts);
        for act in acts {
            let is_known = self.act(act).is_some();
            debug_assert!(is_known, "what is decided is about what is there");
        }
    }

    /// Applies what was decided. `None` if it is about something that is not there.
    fn act(&mut self, act: Act<Box<Failure>>) -> Option<()> {
        match act {
            Act::Begin => {
                let reloads = &mut self.guarded.reloads;
                reloads.report = ReloadReport::default();
                reloads.present = reloads.next.take();
                if is_heard() {
                    let line = Line::note("reload.began", None, "a reload begins");
                    self.lifetime.tell_note(line);
                }
                self.has_changed(RuntimeChange::Reloading);
            }
            Act::Ask { unit, round } => {
                let unit = self.unit(unit)?;
                unit.set_reload(round);
                let wakers = unit.changed().notify_after_lock();
                self.aftermath.wake(wakers);
            }
            Act::Restart(unit) => self.restarts.push(unit),
            Act::Settled(id, settled) => {
                let unit = Arc::clone(self.unit(id)?);
                let (outcome, line) = words::settled(&unit, settled, self.limit());
                if let Some(line) = line {
                    self.aftermath.line(line);
                }
                let service = Reloaded::new(Arc::clone(unit.name()), outcome);
                self.guarded.reloads.report.push(service);
            }
            Act::Late(id, reply) => {
                let line = words::late_answer(self.unit(id)?, reply);
                self.aftermath.line(line);
            }
            Act::Over { is_cut } => {
                let reloads = &mut self.guarded.reloads;
                let report = std::mem::take(&mut reloads.report);
                if is_heard() {
                    let text = match report.is_done() && !is_cut {
                        true => "the reload is done",
                        false => "the reload is not done by all",
                    };
                    let line = Line::note("reload.over", None, text);
                    self.lifetime.tell_note(line);
                }
                let result = match report.is_done() {
                    _ if is_cut => Err(ReloadError::new(ReloadErrorKind::Stopping, report)),
                    false => Err(ReloadError::new(ReloadErrorKind::Failed, report)),
                    true => Ok(report),
                };
                if let Some(present) = reloads.present.take() {
                    let _ = present.known.set(result);
                    let wakers = self.supervisor.reloaded.notify_threads();
                    self.aftermath.wake(wakers);
                } else {
                    // Its errors are the user's to drop.
                    self.aftermath.drop(Some(result));
                }
                self.has_changed(RuntimeChange::Reloaded);
            }
        }
        Some(())
    }

    fn limit(&self) -> Duration {
        self.lifetime.settings.reload_timeout
    }
}
