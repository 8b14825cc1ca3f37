//! Services that take part in reloads, and asking for one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use foster::{
    Ready, Reload, ReloadError, ReloadErrorKind, ReloadOutcome, ReloadReport, Reloading, Runtime,
    ServeError, Shutdown, Smol, Thread, Tokio, Unit, service,
};
use futures_lite::future::{block_on, or};

use crate::hand_in::MULTI;
use crate::log::{Doing, Settled, Told, What};
use crate::play::LONG;
use crate::player::Player;
use crate::program::{On, Program, Reply, ServicePlan};
use crate::world::World;

/// How long a hand waits for a reload.
const SHORTLY: Duration = Duration::from_millis(5);

/// The name of a service of the program.
pub fn name_of(index: usize) -> String {
    format!("s{index}")
}

/// Hands in the services of a program.
pub fn serve(world: &Arc<World>, program: &Program, runtime: &Runtime) {
    for (index, plan) in program.services.iter().enumerate() {
        if let Err(error) = serve_one(world, plan, index, runtime) {
            world.wrong(format!("a service was refused: {error}"));
        }
    }
}

fn serve_one(
    world: &Arc<World>,
    plan: &ServicePlan,
    index: usize,
    runtime: &Runtime,
) -> Result<Unit, ServeError> {
    // A restart for a reload is given up only when the runtime stops.
    let mut unit = runtime.unit().name(name_of(index)).stop_time(LONG);
    if let Some(other) = index.checked_sub(1).filter(|_| plan.is_after) {
        unit = unit.after(name_of(other));
    }
    if plan.reply == Reply::Restarts {
        unit = unit.restart_on_reload().notifies_ready();
    }
    let (world, reply) = (Arc::clone(world), plan.reply);
    let run = move || run(Arc::clone(&world), index, reply);
    match plan.on {
        On::Smol => unit.serve(service(Smol, run)),
        On::Tokio => unit.serve(service(Tokio, run)),
        On::Multi => unit.serve(service(MULTI, run)),
        On::Thread => unit.serve(service(Thread, move || block_on(run()))),
    }
}

fn run(world: Arc<World>, index: usize, reply: Reply) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let log = |doing| world.log.write(None, What::Service(index, doing));
        let token = Shutdown::current();
        if reply == Reply::Restarts {
            log(Doing::Begins);
            Ready::current().notify();
            token.requested().await;
            return log(Doing::Ends);
        }
        let (reload, mut kept) = (Reload::current(), Vec::new());
        log(Doing::Begins);
        while let Some(request) = reload.requested().await {
            log(Doing::IsAsked);
            log(Doing::Answers);
            match reply {
                Reply::Refuses => request.failed("it does not suit"),
                Reply::Drops => drop(request),
                Reply::Keeps => kept.push(request),
                Reply::Leaves => return log(Doing::Ends),
                Reply::Reloads | Reply::Restarts => request.done(),
            }
        }
        log(Doing::Ends);
    })
}

impl Player {
    /// Asks for a reload, whose end is looked at later.
    pub fn ask_for_reload(&self) {
        drop(self.begin_reload());
    }

    pub async fn await_reload(&self) {
        let Some(mut asked) = self.begin_reload() else {
            return;
        };
        let Some(reload) = &mut asked.reload else {
            return;
        };
        let told = match self.me {
            Some(_) => {
                let gives_up = async {
                    self.world.closing.wait().await;
                    None
                };
                or(async { Some(reload.await) }, gives_up).await
            }
            None => Some(reload.wait(SHORTLY)).filter(|told| !is_late(told)),
        };
        if let Some(told) = told {
            asked.reload = None;
            self.log(What::ReloadTold(asked.number, told_of(&told)));
        }
    }

    fn begin_reload(&self) -> Option<Asked<'_>> {
        let runtime = self.world.runtime()?;
        let number = self.world.next_reload();
        self.log(What::ReloadBegun(number));
        let reload = Some(runtime.reload());
        self.log(What::ReloadAsked(number));
        let world = &self.world;
        Some(Asked {
            world,
            number,
            reload,
        })
    }
}

/// A reload that was asked for. It is kept in the world when whoever asked does not wait for it any more.
struct Asked<'a> {
    world: &'a World,
    number: usize,
    reload: Option<Reloading>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(reload) = self.reload.take() {
            self.world.keep_reload(self.number, reload);
        }
    }
}

/// Looks at the reloads that nobody waits for. Each is to be known within this time.
pub fn look_at_all(world: &World, time: Duration) {
    for (number, reload) in world.take_reloads() {
        let told = reload.wait(time);
        if is_late(&told) {
            world.wrong(format!("R1: nobody ever hears of reload {number}"));
        }
        let told = What::ReloadTold(number, told_of(&told));
        world.log.write(None, told);
    }
}

fn is_late(told: &Result<ReloadReport, ReloadError>) -> bool {
    let error = told.as_ref().err();
    error.is_some_and(|error| error.kind() == ReloadErrorKind::Late)
}

fn told_of(told: &Result<ReloadReport, ReloadError>) -> Told {
    let (kind, report) = match told {
        Ok(report) => (None, report),
        Err(error) => (Some(error.kind()), error.report()),
    };
    let services = report.services().iter();
    let services = services.map(|one| {
        let settled = match one.outcome() {
            ReloadOutcome::Done => Settled::Done,
            ReloadOutcome::Failed(_) => Settled::Failed,
            ReloadOutcome::Unanswered => Settled::Unanswered,
            ReloadOutcome::Late => Settled::Late,
            _ => Settled::Other,
        };
        (one.name().to_owned(), settled)
    });
    Told {
        kind,
        services: services.collect(),
    }
}
