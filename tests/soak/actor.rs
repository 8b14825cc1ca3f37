//! The code of payloads, and how they are handed in.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use fastrand::Rng;
use foster::{Group, Payload, Ready, Reload, Runtime, Shutdown, Smol, Thread, Tokio, service};
use futures_lite::future::block_on;

use crate::deeds;
use crate::hand_in::MULTI;
use crate::program::On;
use crate::stage::{Inside, Stage, soon};
use crate::told;

/// How many payloads have begun, in all lives.
pub static BEGUN: AtomicU64 = AtomicU64::new(0);

/// How deep payloads hand in payloads.
const DEPTH: u8 = 2;

/// What a payload is to its runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Executed or called: somebody waits for it, so it ends soon.
    Leaf,
    /// Adopted into the runtime, where its failure is the runtime's.
    Root,
    /// Adopted elsewhere.
    Child,
    /// The run of a service.
    Run,
    /// As a root, and fails at once.
    Failing,
}

/// Where something is handed in.
pub enum Target {
    Runtime(Runtime),
    Group(Group),
}

/// Who does something: a hand outside, or a payload.
pub struct Actor {
    pub stage: Arc<Stage>,
    pub rng: Rng,
    pub role: Role,
    /// `None` outside.
    pub on: Option<On>,
    pub depth: u8,
    /// It has taken a token, so it has to end when it is asked.
    pub holds: bool,
}

pub type Living = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

impl Actor {
    pub fn outside(stage: &Arc<Stage>, rng: Rng) -> Self {
        Self {
            stage: Arc::clone(stage),
            rng,
            role: Role::Root,
            on: None,
            depth: 0,
            holds: false,
        }
    }

    /// A payload that this one hands in.
    pub fn next(&mut self, role: Role, on: On) -> Self {
        Self {
            stage: Arc::clone(&self.stage),
            rng: self.rng.fork(),
            role,
            on: Some(on),
            depth: self.depth + 1,
            holds: false,
        }
    }

    /// The same for another run.
    pub fn again(&self, run: u64) -> Self {
        Self {
            stage: Arc::clone(&self.stage),
            rng: Rng::with_seed(self.rng.get_seed().wrapping_add(run)),
            ..*self
        }
    }

    pub fn flavour(&mut self) -> On {
        On::ALL[self.rng.usize(..On::ALL.len())]
    }

    pub fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(..100) < percent
    }

    /// A time of the clock that is short, or would be.
    pub fn time(&mut self) -> Duration {
        Duration::from_micros(self.rng.u64(..4_000))
    }

    /// This one, which does nothing but fail.
    pub fn that_fails(self) -> Self {
        Self {
            role: Role::Failing,
            ..self
        }
    }

    /// All that a payload does. Boxed, as it hands in others.
    pub fn live(self) -> Living {
        Box::pin(self.do_live())
    }

    async fn do_live(mut self) -> Result<(), String> {
        BEGUN.fetch_add(1, SeqCst);
        let on = self.on.unwrap_or(On::Thread);
        let _inside = (on != On::Thread).then(|| Inside::new(&self.stage));
        if self.stage.over.load(SeqCst) && on != On::Thread {
            self.stage.wrong("code runs after the end".to_owned());
        }
        if self.role == Role::Failing {
            return Err(self.failure());
        }
        // A thread without a token has all of its time, which may be long.
        self.holds = self.role == Role::Run && !self.stage.drawn.may_overrun();
        if self.role == Role::Run && self.chance(80) {
            let _ = Ready::try_current().map(|ready| ready.notify());
        }
        for _ in 0..self.rng.u8(..5) {
            if self.role == Role::Leaf || self.depth > DEPTH {
                deeds::small(&mut self).await;
            } else {
                deeds::any(&mut self).await;
            }
        }
        match self.rng.u8(..100) {
            0..6 => Err(self.failure()),
            6..9 => panic!("{}", self.failure()),
            9..50 => Ok(()),
            _ if self.role == Role::Leaf || self.stage.drawn.brief => Ok(()),
            50..65 if !self.holds => {
                if on == On::Thread {
                    // It is left behind, if nobody lets it go before.
                    while !self.stage.released.happens_within(Duration::from_secs(1)) {}
                    return Ok(());
                }
                pending().await
            }
            65..68 if on != On::Thread && self.stage.drawn.may_overrun() => {
                let _token = Shutdown::current();
                pending().await
            }
            68..78 => self.serve_reloads().await,
            _ => {
                let token = Shutdown::current();
                if on == On::Thread {
                    while !token.wait_timeout(Duration::from_secs(3600)) {}
                } else {
                    token.requested().await;
                }
                Ok(())
            }
        }
    }

    fn failure(&self) -> String {
        if self.role == Role::Leaf {
            // It is its caller's, if there still is one.
            return told::make().1;
        }
        let is_thread = self.on == Some(On::Thread);
        // A thread that nobody waits for may fail after the end, which standard error alone hears of.
        let token = Shutdown::try_current();
        if is_thread && (token.is_none() || self.stage.may_be_cut_short()) {
            return told::make().1;
        }
        let payload = Payload::try_current();
        let name = payload.map(|payload| payload.name().to_owned());
        let by = format!("{:?} {name:?} on {:?}", self.role, self.on);
        let is_root = matches!(self.role, Role::Root | Role::Failing);
        self.stage.fail(is_root && !is_thread, by)
    }

    /// Takes part in reloads until it is to end.
    async fn serve_reloads(&mut self) -> Result<(), String> {
        let token = Shutdown::current();
        let Some(reload) = Reload::try_current() else {
            token.requested().await;
            return Ok(());
        };
        while let Some(Some(request)) = token.until_requested(reload.requested()).await {
            match self.rng.u8(..4) {
                0 => request.failed("it cannot"),
                1 => drop(request),
                _ => request.done(),
            }
        }
        Ok(())
    }
}

/// `$scope.$verb` with a payload of `$actor`.
#[macro_export]
macro_rules! give {
    ($scope:expr, $verb:ident, $on:expr, $actor:expr) => {{
        let (scope, actor) = ($scope, $actor);
        match $on {
            On::Smol => scope.$verb(foster::Smol, move || actor.live()),
            On::Tokio => scope.$verb(foster::Tokio, move || actor.live()),
            On::Multi => scope.$verb($crate::hand_in::MULTI, move || actor.live()),
            On::Thread => scope.$verb(foster::Thread, move || {
                futures_lite::future::block_on(actor.live())
            }),
        }
    }};
}

/// As [`give`], with or without a name, to the runtime or to a group.
#[macro_export]
macro_rules! hand {
    ($target:expr, $name:expr, $verb:ident, $on:expr, $actor:expr) => {
        match ($target, $name) {
            (Target::Runtime(to), None) => $crate::give!(to, $verb, $on, $actor),
            (Target::Runtime(to), Some(name)) => $crate::give!(to.named(name), $verb, $on, $actor),
            (Target::Group(to), None) => $crate::give!(to, $verb, $on, $actor),
            (Target::Group(to), Some(name)) => $crate::give!(to.named(name), $verb, $on, $actor),
        }
    };
}

/// Serves a service whose runs are those of `actor`.
pub fn serve(
    unit: foster::UnitBuilder<'_>,
    actor: Actor,
    on: On,
) -> Result<foster::Unit, foster::ServeError> {
    let runs = AtomicU64::new(0);
    let run = move || actor.again(runs.fetch_add(1, SeqCst)).live();
    match on {
        On::Smol => unit.serve(service(Smol, run)),
        On::Tokio => unit.serve(service(Tokio, run)),
        On::Multi => unit.serve(service(MULTI, run)),
        On::Thread => unit.serve(service(Thread, move || block_on(run()))),
    }
}

/// Blocks the thread, as code of others would, for some time that is short enough for nobody to be a straggler.
pub fn block(time: Duration) {
    let by = Instant::now() + time;
    while Instant::now() < by {
        std::thread::sleep(by.saturating_duration_since(Instant::now()));
    }
}

/// Gives the executor a turn.
pub async fn turn() {
    let _ = soon(futures_lite::future::yield_now()).await;
}
