//! The numbers of a runtime, for Prometheus and those who read the same text.
//!
//! Labels are names of units and flavours, and words of which there are a few: their number is that of the services, not
//! that of the payloads.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use foster_core::status::{Status, UnitKind, UnitNode};
use foster_core::{Failure, FailureKind, Runtime, UnitChange, UnitChanges, UnitState};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::http::response::Response;

/// How many changes are kept from one look to the next.
const CHANGES: usize = 1024;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;
type Counters = Family<Labels, Counter>;

/// What is counted from changes, as no status has it: failures by their kind, and how long starts and stops took.
///
/// It wakes nobody: changes wait until somebody looks, and of too many the oldest are lost.
pub(crate) struct Tally {
    changes: UnitChanges,
    units: HashMap<String, Tallied>,
}

#[derive(Default)]
struct Tallied {
    /// The last failure, kept so that another one is known by its place.
    failure: Option<Failure>,
    began: Option<Instant>,
    asked: Option<Instant>,
    ready: Option<Duration>,
    stopped: Option<Duration>,
    failures: HashMap<FailureKind, u64>,
}

impl Tally {
    pub(crate) fn new(runtime: &Runtime) -> Self {
        let changes = runtime.unit_changes(CHANGES);
        let mut units: HashMap<String, Tallied> = HashMap::new();
        for unit in runtime.units() {
            let tallied = units.entry(unit.name().to_owned()).or_default();
            tallied.note(unit.last_failure());
        }
        Self { changes, units }
    }

    /// Takes in what has changed; forgets units that nobody knows any more.
    fn catch_up(&mut self, status: &Status) {
        while let Some(change) = self.changes.try_recv() {
            let unit = self.units.entry(change.name().to_owned()).or_default();
            unit.take_in(&change);
        }
        let known: BTreeSet<_> = status.units.iter().map(|unit| &*unit.name).collect();
        self.units.retain(|name, _| known.contains(&**name));
    }
}

impl Tallied {
    fn take_in(&mut self, change: &UnitChange) {
        let at = change.at();
        match change.state() {
            UnitState::Starting => (self.began, self.asked) = (Some(at), None),
            state if state.is_ready() => {
                let took = self
                    .began
                    .take()
                    .map(|began| at.saturating_duration_since(began));
                self.ready = took.or(self.ready);
            }
            UnitState::Stopping => self.asked = Some(at),
            state if state.is_over() => {
                let took = self
                    .asked
                    .take()
                    .map(|asked| at.saturating_duration_since(asked));
                self.stopped = took.or(self.stopped);
            }
            _ => {}
        }
        self.note(change.failure());
    }

    /// Counts `failure`, if it is not the one that was counted last.
    fn note(&mut self, failure: Option<&Failure>) {
        let place = |failure: &Failure| failure.message().as_ptr();
        if let Some(failure) =
            failure.filter(|one| self.failure.as_ref().map(place) != Some(place(one)))
        {
            *self.failures.entry(failure.kind()).or_default() += 1;
            self.failure = Some(failure.clone());
        }
    }
}

/// The answer, in the text that `accept` asks for.
pub(crate) fn respond(status: &Status, tally: &mut Tally, accept: &str) -> Response {
    tally.catch_up(status);
    let mut registry = Registry::with_prefix("foster");
    of_runtime(&mut registry, status);
    of_flavours(&mut registry, status);
    of_units(&mut registry, status, tally);
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes all");
    match accept.contains("application/openmetrics-text") {
        true => Response::new(200, OPEN_METRICS, text),
        false => Response::new(200, PROMETHEUS, plain(&text)),
    }
}

fn of_runtime(registry: &mut Registry, status: &Status) {
    let state = gauges(
        registry,
        "runtime_state",
        "1 for how far the runtime has come",
    );
    set(&state, vec![("state", status.state.to_string())], 1.0);
    let age = seconds(
        registry,
        "runtime_age",
        "For how long there has been the runtime",
    );
    set(&age, vec![], status.age.as_secs_f64());
    let ready = gauges(
        registry,
        "runtime_ready",
        "Whether all services of the start have been ready",
    );
    set(&ready, vec![], f64::from(u8::from(status.is_ready)));
    let stop = seconds(
        registry,
        "runtime_stopping",
        "For how long it has been stopping",
    );
    let time = status.stop.as_ref().map_or(Duration::ZERO, |stop| stop.age);
    set(&stop, vec![], time.as_secs_f64());
    let failures = counters(
        registry,
        "runtime_failures",
        "Failures that are in the report, or will be",
    );
    count(&failures, vec![], status.failures as u64);
}

fn of_flavours(registry: &mut Registry, status: &Status) {
    let threads = gauges(registry, "flavour_threads", "Threads that run payloads");
    let alive = gauges(
        registry,
        "flavour_payloads",
        "Payloads, runs of services included",
    );
    let queued = gauges(
        registry,
        "flavour_queued",
        "Payloads that wait for their turn",
    );
    let stalled = gauges(
        registry,
        "flavour_stalled",
        "1 if nothing runs any more, 0.5 if some threads are held up, else 0",
    );
    let stall = seconds(
        registry,
        "flavour_stall",
        "For how long threads have been held up",
    );
    for flavour in &status.flavours {
        let labels = || vec![("flavour", flavour.name.clone())];
        set(&threads, labels(), flavour.threads as f64);
        set(&alive, labels(), flavour.alive as f64);
        set(&queued, labels(), flavour.queued as f64);
        let degree = flavour
            .stall
            .as_ref()
            .map_or(0.0, |stall| match stall.is_whole {
                true => 1.0,
                false => 0.5,
            });
        set(&stalled, labels(), degree);
        let time = flavour
            .stall
            .as_ref()
            .map_or(Duration::ZERO, |stall| stall.age);
        set(&stall, labels(), time.as_secs_f64());
    }
}

fn of_units(registry: &mut Registry, status: &Status, tally: &Tally) {
    let state = gauges(
        registry,
        "unit_state",
        "1 for what the service or group is doing",
    );
    let age = seconds(
        registry,
        "unit_state_age",
        "For how long it has been doing that",
    );
    let restarts = counters(
        registry,
        "unit_restarts",
        "How often the service was started again",
    );
    let payloads = gauges(
        registry,
        "unit_payloads",
        "Payloads in it, beside its services",
    );
    let limit = gauges(registry, "unit_places", "Places of a group with a limit");
    let taken = gauges(
        registry,
        "unit_places_taken",
        "Places of a group with a limit that are taken",
    );
    let waiting = gauges(
        registry,
        "unit_places_waiting",
        "Who waits for a place of a group with a limit",
    );
    let failures = counters(
        registry,
        "unit_failures",
        "Failures of the service by kind: the last one before the first look, and all since",
    );
    let ready = seconds(
        registry,
        "unit_ready",
        "The time from the last start until the service was ready",
    );
    let stopped = seconds(
        registry,
        "unit_stop",
        "The time from the last request to end until the service was over",
    );
    // That of a payload has the place of that in its name, and there may be many.
    let named = status
        .units
        .iter()
        .filter(|unit| unit.kind != UnitKind::OfPayload);
    for unit in named {
        set(
            &state,
            labels(unit, Some(("state", unit.state.to_string()))),
            1.0,
        );
        set(&age, labels(unit, None), unit.state_age.as_secs_f64());
        set(&payloads, labels(unit, None), unit.payloads as f64);
        if unit.kind == UnitKind::Service {
            count(&restarts, labels(unit, None), unit.restarts);
        }
        if let Some(limited) = unit.limit {
            set(&limit, labels(unit, None), limited.limit as f64);
            set(&taken, labels(unit, None), limited.taken as f64);
            set(&waiting, labels(unit, None), limited.waiting as f64);
        }
        let Some(tallied) = tally.units.get(&unit.name) else {
            continue;
        };
        for (kind, number) in &tallied.failures {
            count(
                &failures,
                labels(unit, Some(("kind", kind.to_string()))),
                *number,
            );
        }
        if let Some(time) = tallied.ready {
            set(&ready, labels(unit, None), time.as_secs_f64());
        }
        if let Some(time) = tallied.stopped {
            set(&stopped, labels(unit, None), time.as_secs_f64());
        }
    }
}

fn labels(unit: &UnitNode, more: Option<(&'static str, String)>) -> Labels {
    let mut labels = vec![("unit", unit.name.clone())];
    labels.extend(unit.flavour.clone().map(|flavour| ("flavour", flavour)));
    labels.extend(more);
    labels
}

fn gauges(registry: &mut Registry, name: &str, help: &str) -> Gauges {
    let family = Gauges::default();
    registry.register(name, help, family.clone());
    family
}

fn seconds(registry: &mut Registry, name: &str, help: &str) -> Gauges {
    let family = Gauges::default();
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

fn counters(registry: &mut Registry, name: &str, help: &str) -> Counters {
    let family = Counters::default();
    registry.register(name, help, family.clone());
    family
}

fn set(family: &Gauges, labels: Labels, value: f64) {
    family.get_or_create(&labels).set(value);
}

fn count(family: &Counters, labels: Labels, number: u64) {
    family.get_or_create(&labels).inc_by(number);
}

/// The older text, which those read who do not ask for OpenMetrics: there a counter is declared by its whole name, and
/// units and the end are not said.
fn plain(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let counters = lines
        .iter()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"));
    let counters: BTreeSet<_> = counters.collect();
    let mut plain = String::with_capacity(text.len());
    for line in lines {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let declared = ["# HELP ", "# TYPE "].iter().find_map(|word| {
            let (name, rest) = line.strip_prefix(word)?.split_once(' ')?;
            counters
                .contains(name)
                .then(|| format!("{word}{name}_total {rest}"))
        });
        plain += declared.as_deref().unwrap_or(line);
        plain.push('\n');
    }
    plain
}
