//! Services, which are watched one by one: beside what other crates have for it, and beside payloads.

use std::convert::Infallible;
use std::future::Future;
use std::time::{Duration, Instant};

use foster::{Restart, Settings, Shutdown, Smol, Tokio, service};
use futures_lite::future::block_on;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use task_supervisor::{SupervisedTask, SupervisorBuilder, TaskResult};
use tokio_graceful_shutdown::{SubsystemBuilder, SubsystemHandle, Toplevel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::alone::{ask, tell};
use super::executors::{self, RUNS};
use super::idle::{Idle, Life};
use super::measure::{Measure, Plan, Row};
use super::payloads::{Counter, Guard, nanoseconds};
use super::table::grouped;

/// Units that run until they are asked to end, and count both.
#[derive(Clone, Copy)]
struct Units {
    number: usize,
    running: Counter,
    ended: Counter,
}

impl Units {
    /// Nanoseconds until all run that `start` starts, for each; and until all is over, once what
    /// it returned is called.
    fn live<E: FnOnce()>(self, start: impl FnOnce() -> E) -> Vec<f64> {
        self.running.set(self.number);
        self.ended.set(self.number);
        let begin = Instant::now();
        let end = start();
        self.running.wait();
        let started = nanoseconds(begin) / self.number as f64;
        let begin = Instant::now();
        end();
        let stopped = nanoseconds(begin);
        self.ended.wait();
        vec![started, stopped]
    }

    async fn until(self, asked: impl Future<Output = ()>) {
        let _guard = Guard(self.ended);
        self.running.count();
        asked.await;
    }

    async fn until_requested(self) {
        let token = Shutdown::current();
        self.until(token.requested()).await;
    }
}

/// How many are started, and stopped, before a sample: whatever starts but once is there then.
const BEFORE: usize = 1000;

/// All on tokio, on one thread, and started from that thread. Peers are asked from it as well: from any
/// other, each of their wake-ups would be a system call.
///
/// Each sample is a process of its own, as a daemon starts its services once: in one that has run other sides, up to
/// a fifth of the time depends on which thread gets which of their memory.
pub(crate) fn units(plan: &Plan) -> Vec<Row> {
    let number = plan.number(100_000, 3_000);
    let of = format!("{} units (start: one, stop: all)", grouped(number));
    let measure = Measure::new("units", of).figures(&["-start", "-stop"]);
    let sides = SIDES.iter().map(|(side, _)| *side);
    let add = |measure: Measure<'static>, side| {
        measure.side_of_many(side, move || ask(&format!("units-{side}"), number))
    };
    sides.fold(measure, add).compare(plan)
}

/// What a side starts; and what ends it.
type Start = fn(Units) -> Box<dyn FnOnce()>;

const SIDES: &[(&str, Start)] = &[
    ("foster", |units| Box::new(services(units))),
    ("tokio-util", |units| Box::new(tracker(units))),
    ("task-supervisor", |units| Box::new(supervisor(units))),
    ("tokio-graceful-shutdown", |units| {
        Box::new(subsystems(units))
    }),
    ("ractor", |units| Box::new(actors(units))),
];

/// Takes a sample of `side`, if it is one of these.
pub(crate) fn sample_of(side: &str, number: usize) -> bool {
    let is_it = |(name, _): &&(&str, Start)| side.strip_prefix("units-") == Some(name);
    let Some((_, start)) = SIDES.iter().find(is_it) else {
        return false;
    };
    let sample = |number| {
        let units = Units {
            number,
            running: Counter::new(),
            ended: Counter::new(),
        };
        units.live(|| start(units))
    };
    sample(BEFORE);
    tell(&sample(number));
    true
}

fn services(units: Units) -> impl FnOnce() {
    let runtime = executors::started();
    let inside = runtime.clone();
    let payload = move || async move {
        for _ in 0..units.number {
            inside
                .serve(service(Tokio, move || units.until_requested()))
                .expect(RUNS);
        }
    };
    runtime.adopt(Tokio, payload).expect(RUNS);
    move || executors::stop(&runtime)
}

/// A token for each, so that each could be ended alone, as the others here can.
fn tracker(units: Units) -> impl FnOnce() {
    let raw = executors::tokio();
    let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
    let (inside, parent) = (tracker.clone(), token.clone());
    drop(raw.executor.spawn(async move {
        for _ in 0..units.number {
            let token = parent.child_token();
            inside.spawn(units.until(token.cancelled_owned()));
        }
    }));
    move || {
        let over = raw.executor.spawn(async move {
            token.cancel();
            tracker.close();
            tracker.wait().await;
        });
        block_on(over).expect("nothing panics");
        raw.stop();
    }
}

impl SupervisedTask for Units {
    async fn run(self, cancel: CancellationToken) -> TaskResult {
        self.until(cancel.cancelled()).await;
        Ok(())
    }
}

/// With all tasks when it starts, which spares them the way through its queue.
fn supervisor(units: Units) -> impl FnOnce() {
    let raw = executors::tokio();
    let supervisor = raw.executor.spawn(async move {
        (0..units.number)
            .fold(SupervisorBuilder::new(), |builder, unit| {
                builder.with_task(&unit.to_string(), units)
            })
            .spawn()
    });
    let supervisor = block_on(supervisor).expect("nothing panics");
    move || {
        let over = raw
            .executor
            .spawn(async move { supervisor.shutdown().await });
        let outcome = block_on(over).expect("nothing panics");
        outcome.expect("nothing fails");
        raw.stop();
    }
}

fn subsystems(units: Units) -> impl FnOnce() {
    let raw = executors::tokio();
    let token = CancellationToken::new();
    let asked = token.clone();
    let over = raw.executor.spawn(async move {
        let all = async move |system: &mut SubsystemHandle| {
            for _ in 0..units.number {
                let unit = async move |system: &mut SubsystemHandle| {
                    units.until(system.on_shutdown_requested()).await;
                    Ok::<(), Infallible>(())
                };
                system.start(SubsystemBuilder::new("unit", unit));
            }
        };
        Toplevel::new_with_shutdown_token(all, asked)
            .handle_shutdown_requests(Duration::from_secs(600))
            .await
    });
    move || {
        drop(raw.executor.spawn(async move { token.cancel() }));
        let outcome = block_on(over).expect("nothing panics");
        outcome.expect("nothing fails");
        raw.stop();
    }
}

/// An actor of ractor's that does nothing, and lives from its start to its stop as units do.
struct Unit;

impl Actor for Unit {
    type Msg = ();
    type State = Guard;
    type Arguments = Units;

    async fn pre_start(&self, _: ActorRef<()>, units: Units) -> Result<Guard, ActorProcessingErr> {
        units.running.count();
        Ok(Guard(units.ended))
    }
}

/// Starts the others, and lets them end.
struct Parent;

impl Actor for Parent {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<()>,
        _: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

fn actors(units: Units) -> impl FnOnce() {
    let raw = executors::tokio();
    let parent = raw.executor.spawn(async move {
        let (parent, over) = Actor::spawn(None, Parent, ()).await.expect(RUNS);
        for _ in 0..units.number {
            parent.spawn_linked(None, Unit, units).await.expect(RUNS);
        }
        (parent, over)
    });
    let (parent, over) = block_on(parent).expect("nothing panics");
    move || {
        let over = raw.executor.spawn(async move {
            parent.stop_children_and_wait(None, None).await;
            parent.stop(None);
            over.await
        });
        let outcome = block_on(over).expect("nothing panics");
        outcome.expect("nothing panics");
        raw.stop();
    }
}

/// What a service costs beside a payload, from its start to the end of the runtime: with tokens and
/// without, with what may be asked of the supervisor, and handed in before the start.
pub(crate) fn serve(plan: &Plan) -> Vec<Row> {
    let number = plan.number(10_000, 2_000);
    let idle = Idle::new(number);
    let mut rows = Vec::new();
    macro_rules! compare {
        ($name:literal, $key:expr, $idle:ident, $life:expr $(, $settings:expr)?) => {
            let live = |hand_in: &dyn Fn(&foster::Runtime)| {
                let life: fn(Idle, &dyn Fn(&foster::Runtime)) -> f64 = $life;
                life(idle, hand_in) / number as f64
            };
            let measure = Measure::new($name, format!("1 of {} services", grouped(number)))
                .side("foster", || {
                    live(&|runtime| {
                        let service = service($key, move || idle.$idle())$(.with($settings))?;
                        runtime.serve(service).expect(RUNS);
                    })
                })
                .side("adopt", || {
                    live(&|runtime| {
                        let payload = move || idle.$idle();
                        runtime.adopt($key, payload).expect(RUNS);
                    })
                });
            rows.extend(measure.compare(plan));
        };
    }
    compare!("serve-smol", Smol, idle, running);
    compare!("serve-smol-token", Smol, until_asked, running);
    compare!("serve-tokio", Tokio, idle, running);
    compare!("serve-tokio-token", Tokio, until_asked, running);
    compare!("serve-early-smol", Smol, idle, early);
    compare!("serve-early-tokio", Tokio, idle, early);
    let restarted = Settings::new().restart(Restart::on_failure());
    compare!("serve-restart", Smol, idle, running, restarted.clone());
    let timed = Settings::new().stop_time(Duration::from_secs(60));
    compare!("serve-stop-time", Smol, idle, running, timed.clone());
    rows
}

/// Nanoseconds of all that is handed in while the runtime runs.
fn running(idle: Idle, hand_in: &dyn Fn(&foster::Runtime)) -> f64 {
    let end = |runtime| executors::stop(&runtime);
    whole(&idle.live(executors::started(), hand_in, end))
}

/// The same, if it is handed in before that.
fn early(idle: Idle, hand_in: &dyn Fn(&foster::Runtime)) -> f64 {
    let start = |runtime: &foster::Runtime| runtime.start().expect("a new runtime starts");
    let end = |runtime| executors::stop(&runtime);
    whole(&idle.live_once(executors::unstarted(), hand_in, start, end))
}

fn whole(life: &Life) -> f64 {
    life.start + life.end
}
