//! The runner: it holds the failure channel and leads a runtime through its end.

use std::panic::Location;
use std::time::Instant;

use super::core::Core;
use crate::base::identifier::Identifier;
use crate::base::sync::channel::{Receiver, RecvTimeoutError};
use crate::base::sync::{Arc, Weak};
use crate::errors::failure::{Cause, Failure, Origin, What};
use crate::errors::report::{EndReport, RunError};
use crate::errors::straggler::{Straggler, StragglerReason};
use crate::lifetime::change::RuntimeChange;
use crate::lifetime::telling::is_heard;
use crate::lifetime::{Lifetime, Note, Phase, ServicesReport, StopReason, Watched};
use crate::runtime::signals;
use crate::scheduler::Host;
use crate::task::Task;

/// Leads one runtime from its start to its end, on the thread that it is put on.
pub(super) struct Runner {
    core: Arc<Core>,
    notes: Receiver<Note>,
    failures: Vec<Failure>,
    cut_short: bool,
    /// What is looked at while executors work, and when the next time.
    watched: Vec<(Instant, Weak<dyn Watched>)>,
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
            watched: Vec::new(),
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
        let is_named_once =
            |one: &Straggler| !stragglers.iter().any(|other| other.is_payload_of(one));
        overran.retain(is_named_once);
        services.excused.retain(is_named_once);
        overran.append(&mut stragglers);
        services.stragglers = overran;
        self.report(services, deadline);
    }

    fn lifetime(&self) -> &Arc<Lifetime> {
        &self.core.lifetime
    }

    /// Running: until something stops the runtime, or it is idle and ends because of that.
    fn until_stop(&mut self) {
        while self.lifetime().phase() < Phase::Stopping {
            self.next_note(self.lifetime().drain_deadline(), None);
            self.lifetime().end_drain_in_time();
            if self.lifetime().settings.until_idle
                && self.lifetime().phase() == Phase::Running
                && self
                    .core
                    .root
                    .schedulers
                    .are_idle(&*self.lifetime().services)
            {
                self.lifetime().stop_aside(StopReason::Idle);
            }
        }
    }

    /// Grace: until every payload that came before the stop has had its first poll, blocking code had
    /// its time to settle, and no holder of a token is left. Returns the holders that overran the time.
    fn grace(&mut self) -> Vec<Straggler> {
        let deadline = self.lifetime().grace_deadline();
        // Whoever takes a token from here on sees at once what it says.
        if self.lifetime().is_held() {
            for scheduler in self.core.root.schedulers.iter() {
                scheduler.sweep();
            }
        }
        loop {
            let started = self
                .core
                .root
                .schedulers
                .iter()
                .all(|scheduler| scheduler.timely_started());
            let settles_at = self
                .core
                .root
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
        // Before anybody hears that the time is over, who may end for it.
        let overran = self
            .core
            .root
            .schedulers
            .iter()
            .flat_map(|scheduler| scheduler.alive())
            // The services decide themselves which of their runs are to blame.
            .filter(|task| {
                let state = task.state();
                state.is_holder() && !state.is_ending() && !state.is_observed()
            })
            .map(|task| task.straggler(StragglerReason::Overran))
            .collect();
        self.lifetime()
            .note("runtime.grace_over", "the grace time is over");
        self.lifetime().has_changed_aside(RuntimeChange::GraceOver);
        let is_early = self.lifetime().settings.clock.now() < deadline;
        self.lifetime()
            .services
            .end_grace(self.lifetime(), is_early);
        overran
    }

    /// Cancelling: drops all remaining payloads where they await, on all flavours at once; then
    /// joins all flavours, by `deadline`. Returns everything that did not end.
    fn cancel(&mut self, deadline: Instant) -> Vec<Straggler> {
        let clock = self.lifetime().settings.clock.clone();
        let real = |deadline| clock.real(deadline);
        // A payload that is not in the registry now sees the phase at its first poll.
        let stopping = self.lifetime().advance(Phase::Stopping, Phase::Cancelling);
        debug_assert!(stopping, "the runner alone moves on from Stopping");
        let mut hosts: Vec<_> = self.core.root.schedulers.hosts().cloned().collect();
        // Blocking code may wait for the effects of a payload's cancellation.
        hosts.sort_by_key(|host| host.is_blocking());
        for host in &hosts {
            host.cancel_all();
        }
        // Whether the start of each is done, or will never come.
        let closed = hosts.iter().map(|host| host.close(real(deadline)));
        let are_closed: Vec<_> = closed.collect();
        for host in &hosts {
            host.cancel_flavour();
        }
        // The join of a flavour waits for the last of its coroutines as well, which saves a
        // wake-up. But it does not know manual clocks.
        if clock.is_manual() {
            self.until_quiet(&hosts, deadline);
        }
        let mut stragglers = Vec::new();
        for (host, is_closed) in hosts.iter().zip(are_closed) {
            // Blocking code cannot be cancelled. Wait for code that has no thread yet or is at its
            // end.
            if host.is_blocking() {
                self.until_quiet(std::slice::from_ref(host), deadline);
            }
            let by = match host.is_blocking() && !host.is_drained() {
                true => Instant::now(),
                false => real(deadline),
            };
            let joined = host.join_flavour(by) || host.is_blocking();
            // Late arrivals are counted for a moment, until they are refused.
            let mut ended = host.is_ended();
            while joined && !ended && clock.now() < deadline {
                self.next_note(Some(deadline), None);
                ended = host.is_ended();
            }
            if !is_closed || !joined || !ended {
                stragglers.extend(unended(host));
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

    /// Waits until everything on `hosts` that can end soon has ended, at most until `deadline`.
    fn until_quiet(&mut self, hosts: &[Arc<Host>], deadline: Instant) {
        while !hosts.iter().all(|host| host.is_quiet())
            && self.lifetime().settings.clock.now() < deadline
        {
            self.next_note(Some(deadline), None);
        }
    }

    /// Over: everything that came in before this is in the report, everything later is not.
    fn report(mut self, mut services: ServicesReport, deadline: Instant) {
        self.lifetime().end();
        // Looked at before the report is closed: what comes to its end after that is too late, and may be gone soon.
        let mut blocking = self.blocking();
        let (is_late, omitted) = loop {
            let is_late = self.lifetime().settings.clock.now() >= deadline;
            if is_late {
                blocking = self.blocking();
            }
            match self.lifetime().close_ledger(is_late) {
                Some(omitted) => break (is_late, omitted),
                // Code at its end may be about to tell a failure, or something is being told.
                None => self.next_note(Some(deadline), None),
            }
        };
        while let Ok(note) = self.notes.try_recv() {
            self.take_in(note);
        }
        // Those that were to end in time are stragglers already. One that took its token just as the grace time ended is not.
        let named = services.stragglers.iter().chain(&services.excused);
        let is_named = |one: &Straggler| named.clone().any(|other| other.is_payload_of(one));
        // Nobody was at its end as the report was closed, unless that could not be waited for.
        let has_ended_in_time = |task: &Arc<Task>| !is_late && task.state().is_ending();
        let mut left_behind: Vec<_> = blocking
            .into_iter()
            .filter(|task| !has_ended_in_time(task))
            .map(|task| task.straggler(StragglerReason::LeftBehind))
            .filter(|one| !is_named(one))
            .collect();
        left_behind.append(&mut services.excused);
        self.tell_end(&services.stragglers);
        let by = self.lifetime().settings.clock.real(deadline);
        self.lifetime().join_aside(by);
        // Not sooner: a line that is being told may hang, and then only a signal helps.
        self.listening = None;
        let ended = EndReport {
            failures: self.failures,
            omitted,
            stragglers: services.stragglers,
            in_vain: services.in_vain,
            tolerated: services.tolerated.clone(),
            left_behind: left_behind.clone(),
        };
        let result = match ended.is_clean() {
            true => Ok(()),
            false => Err(RunError::ended(ended)),
        };
        self.core.finish(result, left_behind, services.tolerated);
    }

    /// The blocking code that is still there.
    fn blocking(&self) -> Vec<Arc<Task>> {
        let hosts = self.core.root.schedulers.hosts();
        let alive = hosts.flat_map(|host| host.alive());
        alive.filter(|task| task.state().is_blocking()).collect()
    }

    /// Tells those who look for it how the end has come.
    fn tell_end(&self, stragglers: &[Straggler]) {
        if is_heard() {
            for straggler in stragglers {
                self.lifetime().note("straggler", &straggler.to_string());
            }
            self.lifetime()
                .note("runtime.stopped", "the runtime is over");
        }
    }

    /// Waits for a note, at most until `deadline` on the clock, and not beyond `real`. The latter
    /// depends on the operating system's scheduler, so it is real time.
    fn next_note(&mut self, deadline: Option<Instant>, real: Option<Instant>) {
        let clock = &self.lifetime().settings.clock;
        let limit = deadline.and_then(|deadline| clock.sleep_limit(deadline));
        let look = self.watched.iter().map(|(at, _)| *at).min();
        let note = match limit.into_iter().chain(real).chain(look).min() {
            Some(limit) => self.notes.recv_deadline(limit),
            None => self.notes.recv().map_err(RecvTimeoutError::from),
        };
        if let Ok(note) = note {
            self.take_in(note);
        }
        if look.is_some() {
            self.look();
        }
    }

    /// Looks at what is due for that.
    fn look(&mut self) {
        let now = Instant::now();
        self.watched.retain_mut(|(at, what)| {
            if *at > now {
                return true;
            }
            let next = what.upgrade().and_then(|what| what.look());
            *at = next.unwrap_or(now);
            next.is_some()
        });
    }

    fn take_in(&mut self, note: Note) {
        match note {
            Note::Failure(failure) => self.failures.push(*failure),
            Note::Look => self.lifetime().looked(),
            Note::CutShort => self.cut_short = true,
            Note::Watch(what, at) => self.watched.push((at, what)),
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
            what: What::Payload,
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

/// The parts of `host` that have not ended. Of blocking code it is the flavour alone; else the payload that blocks its thread; else the
/// payloads that it keeps; else its thread.
fn unended(host: &Host) -> Vec<Straggler> {
    if host.is_blocking() {
        // Payloads without a thread. Those with a thread are left behind.
        return vec![Straggler::of_flavour(host.identifier().clone())];
    }
    let alive = host.alive();
    let polling: Vec<_> = alive
        .iter()
        .filter(|task| task.state().is_polling())
        .collect();
    if !polling.is_empty() {
        // Payloads in the flavour's queue are not in the registry, but are held up as well.
        let others = host.unended().saturating_sub(polling.len());
        return polling
            .into_iter()
            .map(|task| task.straggler(StragglerReason::Blocking { others }))
            .collect();
    }
    let kept: Vec<_> = alive.into_iter().chain(host.waiting()).collect();
    match kept.is_empty() {
        true => vec![Straggler::of_flavour(host.identifier().clone())],
        false => kept
            .iter()
            .map(|task| task.straggler(StragglerReason::Kept))
            .collect(),
    }
}
