//! The runner: it holds the failure channel and leads a runtime through its end.

use std::panic::Location;
use std::time::Instant;

use super::core::Core;
use crate::base::identifier::Identifier;
use crate::base::sync::Arc;
use crate::base::sync::channel::{Receiver, RecvTimeoutError};
use crate::errors::failure::{Cause, Failure, Origin};
use crate::errors::report::{EndReport, RunError, Straggler, StragglerReason};
use crate::lifetime::{Lifetime, Note, Phase, ServicesReport};
use crate::runtime::signals;
use crate::scheduler::Scheduler;

/// Leads one runtime from its start to its end, on the thread that it is put on.
pub(super) struct Runner {
    core: Arc<Core>,
    notes: Receiver<Note>,
    failures: Vec<Failure>,
    cut_short: bool,
    listening: Option<signals::Listening>,
}

impl Runner {
    /// From here on signals end the runtime. This is before any payload runs, as a payload may
    /// report that it is ready, and the answer may be a signal.
    ///
    /// # Errors
    ///
    /// If the runtime cannot listen to signals. That is a failure of the runtime: a daemon that
    /// nobody can end in order must not run.
    pub(super) fn new(core: Arc<Core>, notes: Receiver<Note>) -> Result<Self, RunError> {
        let listening = listen(&core)?;
        Ok(Self {
            core,
            notes,
            failures: Vec::new(),
            cut_short: false,
            listening,
        })
    }

    /// Runs until the runtime is over and its result is ready for all waiters.
    pub(super) fn drive(mut self) {
        self.until_stop();
        let mut overran = self.grace();
        let settings = &self.lifetime().settings;
        let deadline = settings.clock.after(settings.cancel_timeout);
        let mut stragglers = self.cancel(deadline);
        let mut services = self.close_services(deadline);
        overran.append(&mut services.stragglers);
        // Each payload is named once: one that blocks a thread has overrun the grace time as well.
        overran.retain(|one| !stragglers.iter().any(|other| other.is_payload_of(one)));
        overran.append(&mut stragglers);
        self.report(overran, services.in_vain, deadline);
    }

    fn lifetime(&self) -> &Arc<Lifetime> {
        &self.core.lifetime
    }

    /// Running: until something stops the runtime, or it is idle and ends because of that.
    fn until_stop(&mut self) {
        while self.lifetime().phase() < Phase::Stopping {
            self.next_note(None, None);
            if self.lifetime().settings.until_idle
                && self.lifetime().phase() == Phase::Running
                && self.core.schedulers.are_idle(&*self.lifetime().services)
            {
                self.lifetime().stop_aside();
            }
        }
    }

    /// Grace: until every payload that came before the stop has had its first poll, blocking code had
    /// its time to settle, and no holder of a token is left. Returns the holders that overran the time.
    fn grace(&mut self) -> Vec<Straggler> {
        let deadline = self.lifetime().grace_deadline();
        for scheduler in self.core.schedulers.iter() {
            scheduler.sweep();
        }
        loop {
            let started = self
                .core
                .schedulers
                .iter()
                .all(|scheduler| scheduler.timely_started());
            let settles_at = self
                .core
                .schedulers
                .iter()
                .filter_map(|scheduler| scheduler.settles_at());
            let settles_at = settles_at.max();
            if started && settles_at.is_none() && self.lifetime().end_grace_if_unheld() {
                return Vec::new();
            }
            if self.cut_short || self.lifetime().settings.clock.now() >= deadline {
                break;
            }
            self.next_note(Some(deadline), settles_at);
        }
        self.lifetime().end_grace();
        let is_early = self.lifetime().settings.clock.now() < deadline;
        self.lifetime()
            .services
            .end_grace(self.lifetime(), is_early);
        self.core
            .schedulers
            .iter()
            .flat_map(|scheduler| scheduler.alive())
            // The services decide themselves which of their runs are to blame.
            .filter(|task| {
                let state = task.state();
                state.is_holder() && !state.is_ending() && !state.is_observed()
            })
            .map(|task| task.straggler(StragglerReason::Overran))
            .collect()
    }

    /// Cancelling: drops all remaining payloads where they await, on all flavours at once; then
    /// joins all flavours, by `deadline`. Returns everything that did not end.
    fn cancel(&mut self, deadline: Instant) -> Vec<Straggler> {
        let clock = self.lifetime().settings.clock.clone();
        let real = |deadline| clock.real(deadline);
        // A payload that is not in the registry now sees the phase at its first poll.
        let stopping = self.lifetime().advance(Phase::Stopping, Phase::Cancelling);
        debug_assert!(stopping, "the runner alone moves on from Stopping");
        let mut schedulers: Vec<_> = self.core.schedulers.iter().cloned().collect();
        // Blocking code may wait for the effects of a payload's cancellation.
        schedulers.sort_by_key(|scheduler| scheduler.is_blocking());
        for scheduler in &schedulers {
            scheduler.cancel_all();
        }
        // Whether the start of each is done, or will never come.
        let are_closed: Vec<_> = schedulers
            .iter()
            .map(|scheduler| scheduler.close(real(deadline)))
            .collect();
        for scheduler in &schedulers {
            scheduler.cancel_flavour();
        }
        // The join of a flavour waits for the last of its coroutines as well, which saves a
        // wake-up. But it does not know manual clocks.
        if clock.is_manual() {
            self.until_quiet(&schedulers, deadline);
        }
        let mut stragglers = Vec::new();
        for (scheduler, is_closed) in schedulers.iter().zip(are_closed) {
            // Blocking code cannot be cancelled. Wait for code that has no thread yet or is at its
            // end.
            if scheduler.is_blocking() {
                self.until_quiet(std::slice::from_ref(scheduler), deadline);
            }
            let by = match scheduler.is_blocking() && !scheduler.is_drained() {
                true => Instant::now(),
                false => real(deadline),
            };
            let joined = scheduler.join_flavour(by) || scheduler.is_blocking();
            // Late arrivals are counted for a moment, until they are refused.
            let mut ended = self.is_ended(scheduler);
            while joined && !ended && clock.now() < deadline {
                self.next_note(Some(deadline), None);
                ended = self.is_ended(scheduler);
            }
            if !is_closed || !joined || !ended {
                stragglers.extend(unended(scheduler));
            }
        }
        // If the runtime was asked to end before it began, waiting payloads are being dropped, and
        // may panic.
        self.core.waiting.wait(real(deadline));
        stragglers
    }

    /// Ends the services, and waits for their supervisor until `deadline`, but for a moment at least.
    fn close_services(&self, deadline: Instant) -> ServicesReport {
        let lifetime = self.lifetime();
        let by = lifetime.settings.clock.real(deadline);
        lifetime.services.close(lifetime, by)
    }

    /// Waits until everything on `schedulers` that can end soon has ended, at most until
    /// `deadline`.
    fn until_quiet(&mut self, schedulers: &[Arc<Scheduler>], deadline: Instant) {
        while !schedulers.iter().all(|scheduler| scheduler.is_quiet())
            && self.lifetime().settings.clock.now() < deadline
        {
            self.next_note(Some(deadline), None);
        }
    }

    /// Whether `scheduler` has nothing left that can be cancelled. Blocking code cannot be
    /// cancelled once it has its thread.
    fn is_ended(&self, scheduler: &Scheduler) -> bool {
        scheduler.is_drained() || scheduler.is_blocking() && scheduler.all_started()
    }

    /// Over: everything that came in before this is in the report, everything later is not.
    fn report(mut self, stragglers: Vec<Straggler>, in_vain: Vec<String>, deadline: Instant) {
        self.lifetime().end();
        let omitted = loop {
            let is_late = self.lifetime().settings.clock.now() >= deadline;
            match self.lifetime().close_ledger(is_late) {
                Some(omitted) => break omitted,
                // Code at its end may be about to tell a failure, or something is being told.
                None => self.next_note(Some(deadline), None),
            }
        };
        while let Ok(note) = self.notes.try_recv() {
            self.take_in(note);
        }
        // Those that were to end in time are stragglers already. One that took its token just as the grace time ended is not.
        let is_named = |one: &Straggler| stragglers.iter().any(|other| other.is_payload_of(one));
        let left_behind: Vec<_> = self
            .core
            .schedulers
            .iter()
            .flat_map(|scheduler| scheduler.alive())
            .filter(|task| task.state().is_blocking())
            .map(|task| task.straggler(StragglerReason::LeftBehind))
            .filter(|one| !is_named(one))
            .collect();
        let by = self.lifetime().settings.clock.real(deadline);
        self.lifetime().join_aside(by);
        // Not sooner: a line that is being told may hang, and then only a signal helps.
        self.listening = None;
        let ended = EndReport {
            failures: self.failures,
            omitted,
            stragglers,
            in_vain,
            left_behind: left_behind.clone(),
        };
        let result = match ended.is_clean() {
            true => Ok(()),
            false => Err(RunError::ended(ended)),
        };
        self.core.finish(result, left_behind);
    }

    /// Waits for a note, at most until `deadline` on the clock, and not beyond `real`. The latter
    /// depends on the operating system's scheduler, so it is real time.
    fn next_note(&mut self, deadline: Option<Instant>, real: Option<Instant>) {
        let clock = &self.lifetime().settings.clock;
        let limit = deadline.and_then(|deadline| clock.sleep_limit(deadline));
        let note = match limit.into_iter().chain(real).min() {
            Some(limit) => self.notes.recv_deadline(limit),
            None => self.notes.recv().map_err(RecvTimeoutError::from),
        };
        if let Ok(note) = note {
            self.take_in(note);
        }
    }

    fn take_in(&mut self, note: Note) {
        match note {
            Note::Failure(failure) => self.failures.push(*failure),
            Note::Look => self.lifetime().looked(),
            Note::CutShort => self.cut_short = true,
        }
    }
}

/// Listens to signals if the settings say so. If that fails, ends the runtime.
fn listen(core: &Core) -> Result<Option<signals::Listening>, RunError> {
    signals::listen(&core.lifetime).map_err(|error| {
        let cause = Cause::lost_by("signals cannot be listened to", Box::new(error));
        let origin = Origin {
            payload: "signals".into(),
            named: false,
            service: false,
            flavour: const { Identifier::new("foster") },
            location: Location::caller(),
        };
        let failure = Failure::new(origin, cause);
        core.lifetime.fail(failure.clone());
        core.fail_to_start(RunError::ended(EndReport {
            failures: vec![failure],
            ..EndReport::default()
        }))
    })
}

/// The parts of `scheduler` that have not ended. Of blocking code it is the flavour alone; else the payload that blocks its thread; else the
/// payloads that it keeps; else its thread.
fn unended(scheduler: &Scheduler) -> Vec<Straggler> {
    if scheduler.is_blocking() {
        // Payloads without a thread. Those with a thread are left behind.
        return vec![Straggler::of_flavour(scheduler.identifier().clone())];
    }
    let alive = scheduler.alive();
    let straggler = |index: usize, reason| alive[index].straggler(reason);
    let polling: Vec<_> = (0..alive.len())
        .filter(|index| alive[*index].state().is_polling())
        .collect();
    if !polling.is_empty() {
        // Payloads in the flavour's queue are not in the registry, but are held up as well.
        // Read in this order, as late ones may come and be refused meanwhile.
        let (ended, accepted) = (scheduler.ended(), scheduler.accepted());
        let others = (accepted - ended).saturating_sub(polling.len());
        return polling
            .into_iter()
            .map(|index| straggler(index, StragglerReason::Blocking { others }))
            .collect();
    }
    if !alive.is_empty() {
        return (0..alive.len())
            .map(|index| straggler(index, StragglerReason::Kept))
            .collect();
    }
    vec![Straggler::of_flavour(scheduler.identifier().clone())]
}
