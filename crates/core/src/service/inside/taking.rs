//! Taking a status: of units under the one lock of services, of payloads some at a time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::status::{
    DrainStatus, FlavourStatus, Limited, PayloadStatus, RestartCount, RuntimeState, StallStatus,
    Status, StopCause, StopStatus, UnitKind, UnitNode,
};
use crate::base::moment::never;
use crate::base::sync::Arc;
use crate::errors::failure::Failure;
use crate::lifetime::gate::Gate;
use crate::lifetime::{Lifetime, Phase, StopReason};
use crate::runtime::Runtime;
use crate::scheduler::{Host, Scheduler, Stall};
use crate::service::supervisor::{Seen, supervisor};
use crate::service::unit_core::{Owner, UnitCore};
use crate::service::{UnitState, UnitStatus};
use crate::task::{Label, Place, Task};

/// How many of those that a stop waits for are named.
const NAMED: usize = 64;

impl Runtime {
    /// How this runtime does, as a plain value: its state, its flavours, its services and groups, its payloads, and what its
    /// stop still waits for.
    ///
    /// It can be called from anywhere and at any time, also while executors hang, and holds nobody up: payloads are looked
    /// at some hundreds at a time. So the parts of it may be of slightly different moments.
    ///
    /// ```
    /// use foster_core::status::RuntimeState;
    /// use foster_core::{Manual, Runtime};
    ///
    /// let (runtime, manual) = (Runtime::new(), Manual::new());
    /// let connections = runtime.group("connections").limit(100).create()?;
    /// connections.adopt(manual, std::future::pending::<()>)?;
    /// let status = runtime.status();
    /// assert_eq!(status.state, RuntimeState::Waiting);
    /// assert_eq!(status.units[0].name, "connections");
    /// assert_eq!(status.units[0].limit.map(|limit| limit.taken), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn status(&self) -> Status {
        let lifetime = &self.core().lifetime;
        // First: what is looked at afterwards is then what a stop that has begun still waits for.
        let (drain, phase) = (drain(lifetime), lifetime.phase());
        // It may have ended in between.
        let drain = drain.filter(|_| phase < Phase::Stopping);
        let stop_begun = lifetime.stop_begun();
        let mut seen = SeenPayloads::default();
        let schedulers = &self.core().root.schedulers;
        let flavours: Vec<_> = schedulers.hosts().map(|host| seen.look_at(host)).collect();
        let all = supervisor(lifetime).see(lifetime);
        let units = tree(&all, lifetime);
        Status {
            state: state(phase, drain.is_some()),
            state_age: drain.map_or_else(|| lifetime.phase_age(), |drain| drain.age),
            age: lifetime.age(),
            is_ready: matches!(supervisor(lifetime).all_ready(lifetime), Some(Ok(()))),
            drain,
            stop: stop_begun.map(|begun| stop(lifetime, begun, &all, &seen)),
            failures: lifetime.failures(),
            flavours,
            units,
            payloads: seen.into_list(),
        }
    }
}

fn state(phase: Phase, drains: bool) -> RuntimeState {
    match phase {
        Phase::Starting | Phase::Running if drains => RuntimeState::Draining,
        Phase::Idle => RuntimeState::Waiting,
        Phase::Starting => RuntimeState::Starting,
        Phase::Running => RuntimeState::Running,
        Phase::Stopping => RuntimeState::Stopping,
        Phase::Cancelling => RuntimeState::Cancelling,
        Phase::Over => RuntimeState::Over,
    }
}

fn drain(lifetime: &Lifetime) -> Option<DrainStatus> {
    let (since, due) = (lifetime.draining_since()?, lifetime.drain_deadline()?);
    let now = lifetime.settings.clock.now();
    Some(DrainStatus {
        age: now.saturating_duration_since(since),
        left: match due == never() {
            true => Duration::MAX,
            false => due.saturating_duration_since(now),
        },
    })
}

fn stop(
    lifetime: &Lifetime,
    (why, began): (StopReason, Instant),
    all: &[Seen],
    seen: &SeenPayloads,
) -> StopStatus {
    let cause = match why {
        StopReason::Call => StopCause::Call,
        StopReason::Signal(_) => StopCause::Signal(why.name().to_owned()),
        StopReason::Failure => {
            let line = lifetime.cause().map(|failure| failure.line());
            StopCause::Failure(line.unwrap_or_default())
        }
        StopReason::Service => StopCause::Service,
        StopReason::Idle => StopCause::Idle,
        StopReason::Dropped => StopCause::Dropped,
    };
    let now = lifetime.settings.clock.now();
    let units = all.iter().filter(|one| is_awaited(&one.unit));
    let units = units.map(|one| one.unit.name().to_string());
    let mut waits_for: Vec<_> = units.collect();
    // One that moved meanwhile may not have been seen.
    let number = waits_for.len() + seen.holders.max(holding_payloads(lifetime, all));
    waits_for.extend(seen.holding.iter().cloned());
    if lifetime.phase() == Phase::Over {
        waits_for.clear();
    }
    waits_for.truncate(NAMED);
    StopStatus {
        cause,
        age: now.saturating_duration_since(began),
        grace_left: match lifetime.phase() {
            Phase::Stopping => lifetime.grace_deadline().saturating_duration_since(now),
            _ => Duration::ZERO,
        },
        waits_for_more: match lifetime.phase() {
            Phase::Over => 0,
            _ => number - waits_for.len(),
        },
        waits_for,
    }
}

/// How many payloads hold a token that are no runs of services, by the counts that the stop itself goes by.
fn holding_payloads(lifetime: &Lifetime, all: &[Seen]) -> usize {
    let groups = all.iter().filter_map(|one| one.unit.members());
    let held = lifetime.held() + groups.map(|members| members.part().held()).sum::<usize>();
    let runs = all.iter().filter_map(|one| one.unit.task());
    let runs = runs.filter(|run| run.state().is_holder()).count();
    let services = usize::from(supervisor(lifetime).holds_grace());
    held.saturating_sub(runs + services)
}

/// Whether the stop waits for a service: not for a thread without a token, which is left behind, and not for one that waits
/// for the others itself.
fn is_awaited(unit: &UnitCore) -> bool {
    let state = unit.state();
    let is_begun = state != UnitState::Waiting && state != UnitState::Delayed;
    if unit.looks_on || unit.members().is_some() || !is_begun || state.is_over() {
        return false;
    }
    let is_deaf = |task: &Arc<Task>| {
        let state = task.state();
        state.is_blocking() && state.is_started() && !state.is_holder()
    };
    !unit.task().as_ref().is_some_and(is_deaf)
}

/// The units in the order of their tree.
fn tree(seen: &[Seen], lifetime: &Lifetime) -> Vec<UnitNode> {
    let listed: FxHashMap<u64, usize> = (seen.iter().enumerate())
        .filter(|(_, one)| !is_of_run(&one.unit))
        .map(|(index, one)| (one.unit.id.serial, index))
        .collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); seen.len()];
    let mut open = Vec::new();
    for (index, one) in seen.iter().enumerate() {
        if is_of_run(&one.unit) {
            continue;
        }
        let around = std::iter::successors(one.unit.parent.as_ref(), |one| one.parent.as_ref());
        let parent = around
            .into_iter()
            .find_map(|one| listed.get(&one.id.serial));
        match parent {
            Some(parent) => children[*parent].push(index),
            None => open.push((index, 0)),
        }
    }
    open.reverse();
    let mut nodes = Vec::new();
    while let Some((index, depth)) = open.pop() {
        nodes.push(node(&seen[index], depth, lifetime));
        let children = children[index].iter().rev();
        open.extend(children.map(|child| (*child, depth + 1)));
    }
    nodes
}

/// Whether it is the group of a unit's run, which is shown as that unit.
fn is_of_run(unit: &UnitCore) -> bool {
    unit.members()
        .is_some_and(|members| matches!(members.owner, Owner::Run))
}

fn node(seen: &Seen, depth: usize, lifetime: &Lifetime) -> UnitNode {
    let Seen {
        unit,
        waits_for,
        counted,
    } = seen;
    let (status, now) = (unit.status(), lifetime.settings.clock.now());
    let members = unit.members();
    let of_run = unit.children();
    let inside = members.or_else(|| of_run.as_ref()?.members());
    UnitNode {
        name: status.name().to_owned(),
        kind: match members.map(|members| &members.owner) {
            None => UnitKind::Service,
            Some(Owner::Payload(_)) => UnitKind::OfPayload,
            Some(_) => UnitKind::Group,
        },
        depth,
        flavour: members.is_none().then(|| status.flavour().to_owned()),
        state: status.state(),
        state_age: now.saturating_duration_since(status.since()),
        restarts: status.restarts(),
        counted: counted.map(|(starts, limit, window)| RestartCount {
            starts,
            limit,
            window,
        }),
        next_start: next_start(&status, lifetime),
        last_failure: status.last_failure().map(Failure::line),
        waits_for: waits_for.iter().map(|one| one.name().to_string()).collect(),
        may_fail: unit.may_fail,
        startable: unit.is_startable,
        payloads: inside.map_or(0, |members| members.count()),
        limit: members
            .and_then(|members| members.limit.as_deref())
            .map(limited),
    }
}

fn next_start(status: &UnitStatus, lifetime: &Lifetime) -> Option<Duration> {
    let next = status.next_restart()?;
    Some(next.saturating_duration_since(lifetime.settings.clock.now()))
}

fn stalled(stall: Stall) -> StallStatus {
    let payloads = stall.payloads.iter();
    StallStatus {
        is_whole: stall.is_whole,
        payloads: payloads.map(ToString::to_string).collect(),
        age: stall.age,
        threads: stall.threads,
    }
}

fn limited(gate: &Gate) -> Limited {
    Limited {
        limit: gate.limit(),
        taken: gate.taken(),
        waiting: gate.waiting(),
    }
}

/// Payloads, by what they have in common.
#[derive(Default)]
struct SeenPayloads {
    list: Vec<PayloadStatus>,
    /// Some of those that hold a token, and how many there are. Not of services.
    holding: Vec<String>,
    holders: usize,
}

impl SeenPayloads {
    fn look_at(&mut self, host: &Host) -> FlavourStatus {
        let (mut queued, mut on_threads) = (0, 0);
        for scheduler in host.schedulers() {
            queued += scheduler.unstarted();
            let mut seen = InScheduler::default();
            scheduler.visit(&mut |task, second| {
                let state = task.state();
                queued +=
                    usize::from(state.is_started() && state.is_queued() && !state.is_polling());
                on_threads += usize::from(state.is_started());
                if !state.is_observed() {
                    seen.count(task, second);
                    self.note_holder(task);
                }
            });
            self.enter(seen, &scheduler);
        }
        let is_blocking = host.is_blocking();
        FlavourStatus {
            name: host.identifier().to_string(),
            threads: match (is_blocking, host.is_up()) {
                (_, false) => 0,
                (true, true) => on_threads,
                (false, true) => host.width(),
            },
            alive: host.unended(),
            queued,
            stall: host.stall().map(stalled),
        }
    }

    fn note_holder(&mut self, task: &Arc<Task>) {
        let state = task.state();
        if state.is_holder() && !state.is_ending() {
            self.holders += 1;
            if self.holding.len() < NAMED {
                self.holding.push(task.origin().to_string());
            }
        }
    }

    fn enter(&mut self, seen: InScheduler, scheduler: &Scheduler) {
        let group = scheduler.part.group().map(|group| group.path.to_string());
        let places = seen.places.into_iter();
        let places = places.map(|(place, seen)| (place.to_string(), seen));
        for (name, seen) in seen.names.into_iter().chain(places) {
            self.list.push(PayloadStatus {
                name,
                group: group.clone(),
                flavour: scheduler.identifier().to_string(),
                count: seen.count,
                oldest: scheduler.host.since_second(seen.oldest),
            });
        }
    }

    fn into_list(mut self) -> Vec<PayloadStatus> {
        let key = |one: &PayloadStatus| (std::cmp::Reverse(one.count), one.name.clone());
        self.list.sort_by_cached_key(key);
        self.list
    }
}

/// The payloads of one scheduler.
#[derive(Default)]
struct InScheduler {
    places: FxHashMap<Place, Alike>,
    names: HashMap<String, Alike>,
}

/// Payloads that have their name or place in common.
#[derive(Default)]
struct Alike {
    count: usize,
    /// The second in which the first of them began to wait; 0 if none is known.
    oldest: u32,
}

impl Alike {
    fn add(&mut self, second: u32) {
        self.count += 1;
        if second > 0 && (self.oldest == 0 || second < self.oldest) {
            self.oldest = second;
        }
    }
}

impl InScheduler {
    fn count(&mut self, task: &Arc<Task>, second: u32) {
        match task.header().label() {
            Label::Place(place) => self.places.entry(place).or_default().add(second),
            Label::Name(name) => match self.names.get_mut(name) {
                Some(alike) => alike.add(second),
                None => {
                    let mut alike = Alike::default();
                    alike.add(second);
                    self.names.insert(name.to_owned(), alike);
                }
            },
        }
    }
}
