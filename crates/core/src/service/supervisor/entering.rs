//! Taking services in: while the runtime runs, and those that wait for its start.

use super::*;
use crate::lifetime::change::RuntimeChange;
use crate::scheduler::Scheduler;
use crate::service::policy::Policy;
use crate::service::roster::{Derive, Enlisted};
use crate::service::settings::Settings;
use crate::service::unit_core::{AnySource, Kind, Members};

impl Supervisor {
    /// Takes a service in, which has its place in the limits of its group; it starts as soon as it may. If its settings
    /// have no name, it has one that is `derive`d.
    pub(in crate::service) fn take_in(
        &self,
        settings: &Settings,
        derive: Derive,
        location: &'static Location<'static>,
        scheduler: &Arc<Scheduler>,
        source: Arc<dyn AnySource>,
        parent: Option<&Arc<UnitCore>>,
    ) -> Result<Arc<UnitCore>, Problem> {
        let lifetime = scheduler.lifetime();
        // Left in here if the service is refused, and dropped where nothing is locked.
        let mut source = Some(source);
        let mut guarded = self.lock();
        guarded
            .roster
            .check_dependencies(parent, &settings.after, lifetime)?;
        guarded
            .roster
            .check_wholes(parent, &settings.part_of, lifetime)?;
        guarded.check_ends(&settings.after, parent)?;
        if let Some(closed) = parent.and_then(|parent| parent.closed_path()) {
            return Err(Problem::GroupStopping(closed));
        }
        let is_launched = guarded.roster.is_launched;
        if is_launched {
            if guarded.is_closed || lifetime.phase() >= Phase::Stopping {
                return Err(Problem::Stopping);
            }
            self.ensure_thread(&mut guarded, lifetime)?;
        }
        let now = lifetime.now();
        let id = guarded.next_id();
        let make = |name| {
            let kind = Kind::Service {
                scheduler: Arc::clone(scheduler),
                source: source.take().expect("a unit is made once"),
            };
            let (parent, policy) = (parent.cloned(), &settings.policy);
            Arc::new(UnitCore::new(id, name, location, kind, parent, policy, now))
        };
        let given = settings.name.as_deref();
        let names = &mut guarded.roster.names;
        let unit = match parent {
            None => names.enter(given, (derive, location), make),
            Some(parent) => names.enter_in(parent, given, (derive, location), make),
        }?;
        self.enter(&mut guarded, Arc::clone(&unit));
        let policy = settings.policy.said();
        let mut aftermath = if is_launched {
            let (after, links) = guarded.roster.resolve(parent, &settings.after);
            let part_of = guarded.roster.ids(parent, &settings.part_of);
            let newcomer = newcomer(&unit, false, policy, links, part_of);
            let event = Happening::HandedIn(vec![newcomer]);
            self.handle(&mut guarded, lifetime, now, event, &after)
        } else {
            unit.set_awaited();
            guarded.unready += 1;
            guarded.roster.enlisted.push(Enlisted {
                unit: Arc::clone(&unit),
                after: settings.after.clone(),
                part_of: settings.part_of.clone(),
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
            guarded.was_ready = true;
            lifetime.wake_aside(self.readiness.notify_after_lock());
            drop(guarded);
            lifetime.note("runtime.ready", "there is no service to wait for");
            lifetime.has_changed_aside(RuntimeChange::Ready);
            return Ok(());
        }
        if let Err(Problem::Thread(error)) = self.ensure_thread(&mut guarded, lifetime) {
            return Err(error);
        }
        let enlisted = std::mem::take(&mut guarded.roster.enlisted);
        let (mut newcomers, mut about) = (Vec::new(), Vec::new());
        for enlisted in &enlisted {
            let (unit, policy) = (&enlisted.unit, enlisted.policy.clone());
            let parent = unit.parent.as_ref();
            let (after, links) = guarded.roster.resolve(parent, &enlisted.after);
            let part_of = guarded.roster.ids(parent, &enlisted.part_of);
            newcomers.push(newcomer(unit, unit.is_unwanted(), policy, links, part_of));
            about.extend(after);
        }
        let (now, event) = (lifetime.now(), Happening::HandedIn(newcomers));
        let aftermath = self.handle(&mut guarded, lifetime, now, event, &about);
        self.go_on(guarded, lifetime, By::User, aftermath);
        let is_abandoned = |unit: &UnitCore| unit.members().is_some_and(Members::is_abandoned);
        for Enlisted { unit, .. } in enlisted.iter().filter(|one| is_abandoned(&one.unit)) {
            // The supervision has not heard of it.
            self.bring(lifetime, By::User, Happening::Closed(unit.id), &[]);
        }
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
            if unit.members().is_some() {
                self.show(
                    unit,
                    UnitState::Ended,
                    lifetime.now(),
                    &mut Aftermath::default(),
                );
                continue;
            }
            self.over.fetch_add(1, SeqCst);
            let has_failed = closing::drop_contained(unit, || unit.source().drop_value());
            let state = match has_failed {
                true => UnitState::Failed,
                false => UnitState::Ended,
            };
            let mut aftermath = Aftermath::default();
            self.show(unit, state, lifetime.now(), &mut aftermath);
            aftermath.come(unit.lifetime(), By::User);
        }
        self.watchers.end().wake();
        self.readiness.notify();
    }

    /// Makes sure that the thread is there, and that the runtime's stop waits for its services.
    pub(super) fn ensure_thread(
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
        // It was for those that had services, of which there were none.
        self.is_reload_wanted.store(false, SeqCst);
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
pub(super) fn newcomer(
    unit: &UnitCore,
    is_unwanted: bool,
    policy: Option<Box<Policy>>,
    after: Vec<Link>,
    part_of: Vec<Id>,
) -> Newcomer {
    let is_group = unit.members().is_some();
    Newcomer {
        id: unit.id,
        policy,
        after,
        part_of,
        is_blocking: !is_group && unit.source().is_blocking(),
        flavour: if is_group {
            0
        } else {
            unit.scheduler().host.number()
        },
        is_flavour_up: is_group || unit.source().is_flavour_up(unit.scheduler()),
        is_unwanted,
        is_group,
        parent: unit.parent.as_ref().map(|parent| parent.id),
    }
}
