//! Taking services in: while the runtime runs, and those that wait for its start.

use super::*;
use crate::scheduler::Scheduler;
use crate::service::policy::Policy;
use crate::service::roster::{Derive, Enlisted};
use crate::service::settings::Settings;
use crate::service::unit_core::AnySource;

impl Supervisor {
    /// Takes a service in; it starts as soon as it may. If its settings have no name, it has one that is `derive`d.
    pub(in crate::service) fn take_in(
        &self,
        settings: &Settings,
        derive: Derive,
        location: &'static Location<'static>,
        scheduler: &Arc<Scheduler>,
        source: Arc<dyn AnySource>,
    ) -> Result<Arc<UnitCore>, Problem> {
        let lifetime = &scheduler.lifetime;
        // Left in here if the service is refused, and dropped where nothing is locked.
        let mut source = Some(source);
        let mut guarded = self.lock();
        guarded
            .roster
            .check_dependencies(&settings.after, lifetime)?;
        let is_launched = guarded.roster.is_launched;
        if is_launched {
            if guarded.is_closed || lifetime.phase() >= Phase::Stopping {
                return Err(Problem::Stopping);
            }
            self.ensure_thread(&mut guarded, lifetime)?;
        }
        let given = settings.name.as_deref();
        let now = lifetime.now();
        let id = guarded.next_id();
        let make = |name| {
            let (scheduler, source) = (Arc::clone(scheduler), source.take());
            let source = source.expect("a unit is made once");
            Arc::new(UnitCore::new(id, name, location, scheduler, source, now))
        };
        let names = &mut guarded.roster.names;
        let unit = names.enter(given, (derive, location), make)?;
        self.enter(&mut guarded, Arc::clone(&unit));
        let policy = settings.policy.said();
        let mut aftermath = if is_launched {
            let after = guarded.roster.resolve(&settings.after);
            let event = Happening::HandedIn(vec![newcomer(&unit, false, policy, &after)]);
            self.handle(&mut guarded, lifetime, now, event, &after)
        } else {
            guarded.roster.enlisted.push(Enlisted {
                unit: Arc::clone(&unit),
                after: settings.after.clone(),
                policy,
            });
            Aftermath::default()
        };
        let forgotten = guarded.roster.add(&unit, self.over());
        aftermath.drop(Some(forgotten).filter(|units| !units.is_empty()));
        self.go_on(guarded, lifetime, By::User, aftermath);
        Ok(unit)
    }

    /// Counted before the supervision hears of it, so that a runtime that ends when it is idle does not.
    fn enter(&self, guarded: &mut Guarded, unit: Arc<UnitCore>) {
        self.served.fetch_add(1, SeqCst);
        guarded.serial += 1;
        guarded.units.insert(unit);
    }

    /// Hands in those that waited for the start. If the runtime stops they are over at once.
    ///
    /// # Errors
    ///
    /// If there is no thread for the supervisor: they go on waiting then.
    pub(super) fn hand_in_enlisted(&self, lifetime: &Arc<Lifetime>) -> std::io::Result<()> {
        let mut guarded = self.lock();
        guarded.roster.is_launched = true;
        if guarded.roster.enlisted.is_empty() {
            return Ok(());
        }
        if let Err(Problem::Thread(error)) = self.ensure_thread(&mut guarded, lifetime) {
            return Err(error);
        }
        let enlisted = std::mem::take(&mut guarded.roster.enlisted);
        let (mut newcomers, mut about) = (Vec::new(), Vec::new());
        for enlisted in &enlisted {
            let (unit, policy) = (&enlisted.unit, enlisted.policy.clone());
            let after = guarded.roster.resolve(&enlisted.after);
            newcomers.push(newcomer(unit, unit.is_unwanted(), policy, &after));
            about.extend(after);
        }
        let (now, event) = (lifetime.now(), Happening::HandedIn(newcomers));
        let aftermath = self.handle(&mut guarded, lifetime, now, event, &about);
        self.go_on(guarded, lifetime, By::User, aftermath);
        Ok(())
    }

    /// Ends those that wait for a start which never comes, on a thread of the user's.
    pub(super) fn end_enlisted(&self, lifetime: &Lifetime) {
        let enlisted = {
            let mut guarded = self.lock();
            guarded.roster.is_launched = true;
            std::mem::take(&mut guarded.roster.enlisted)
        };
        for Enlisted { unit, .. } in &enlisted {
            // Bound to a name so that it is dropped after the lock.
            let _unit = self.lock().units.try_remove(unit.id.index());
            self.over.fetch_add(1, SeqCst);
            let has_failed = closing::drop_contained(unit, || unit.source.drop_value());
            let state = match has_failed {
                true => UnitState::Failed,
                false => UnitState::Ended,
            };
            let mut aftermath = Aftermath::default();
            self.show(unit, state, lifetime.now(), &mut aftermath);
            aftermath.come(unit.lifetime(), By::User);
        }
        self.watchers.end().wake();
    }

    /// Makes sure that the thread is there, and that the runtime's stop waits for its services.
    fn ensure_thread(
        &self,
        guarded: &mut Guarded,
        lifetime: &Arc<Lifetime>,
    ) -> Result<(), Problem> {
        if guarded.thread.is_some() {
            return Ok(());
        }
        if !lifetime.hold() {
            return Err(Problem::Stopping);
        }
        let on_thread = Arc::clone(lifetime);
        let thread = Builder::new().name("foster supervisor".to_owned());
        let thread = thread.spawn(move || supervise(&on_thread));
        let thread = thread.map_err(|error| {
            lifetime.release();
            lifetime.look();
            Problem::Thread(error)
        });
        guarded.thread = Some(thread?);
        guarded.holds_grace = true;
        Ok(())
    }
}

/// What the supervision has to know of a unit that comes after these others.
fn newcomer(
    unit: &UnitCore,
    is_unwanted: bool,
    policy: Option<Box<Policy>>,
    after: &[Arc<UnitCore>],
) -> Newcomer {
    let others = after.iter().map(|other| (other.id, other.was_ready()));
    Newcomer {
        id: unit.id,
        policy,
        after: others.collect(),
        is_blocking: unit.source.is_blocking(),
        flavour: unit.scheduler().number(),
        is_flavour_up: unit.source.is_flavour_up(unit.scheduler()),
        is_unwanted,
    }
}
