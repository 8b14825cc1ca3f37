//! Services on every flavour alike, and a stage on which they end in order by a clock that a test moves.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foster::{
    Answer, Clock, RunError, Runtime, ServeError, Shutdown, Smol, StragglerReason, Thread, Tokio,
    TokioMultiThread, Unit, UnitBuilder, UnitState, service,
};
use futures_lite::future::{Boxed, block_on};
use tokio::sync::Notify;

use super::{AnyFlavour, Event, Log, Odd, OnDrop, SOON, builder, wait_apart};

pub const SECOND: Duration = Duration::from_secs(1);
/// Below and above a moment: how a share is rounded is nobody's business.
const NEARLY: Duration = Duration::from_millis(1);

/// A unit, with what tests want of it.
#[derive(Clone, Debug)]
pub struct Served(Unit);

impl Deref for Served {
    type Target = Unit;

    fn deref(&self) -> &Unit {
        &self.0
    }
}

impl Served {
    /// Waits until it is in `state`, and for nothing else that would be over first.
    #[track_caller]
    pub fn expect(&self, state: UnitState) {
        expect(&format!("`{}` is {state}", self.name()), || {
            self.state() == state
        });
    }
}

/// Waits until `is_it`, and fails the test if it does not come soon.
#[track_caller]
pub fn expect(what: &str, mut is_it: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_it() {
        assert!(Instant::now() < deadline, "did not happen: {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A flavour on which services run that are written as a future: a thread blocks on it.
pub trait Host: AnyFlavour + Serve {}

impl<F: AnyFlavour + Serve> Host for F {}

/// The key of such a flavour.
pub trait Serve: Sized {
    #[track_caller]
    fn serve<R>(
        self,
        unit: UnitBuilder<'_>,
        run: impl Fn() -> R + Send + Sync + 'static,
    ) -> Result<Served, ServeError>
    where
        R: Future<Output: Answer + 'static> + Send + 'static;

    /// With a new value for each run: what `make` makes.
    #[track_caller]
    fn serve_with<R, M>(
        self,
        unit: UnitBuilder<'_>,
        make: impl Fn() -> M + Send + Sync + 'static,
    ) -> Result<Served, ServeError>
    where
        R: Future<Output: Answer + 'static> + Send + 'static,
        M: Fn() -> R + Send + Sync + 'static;
}

type BoxedRuns<T> = Box<dyn Fn() -> Boxed<T> + Send + Sync>;

/// One type for all services with the same answer, as what is compiled for each type takes long.
fn boxed<R>(run: impl Fn() -> R + Send + Sync + 'static) -> BoxedRuns<R::Output>
where
    R: Future + Send + 'static,
{
    Box::new(move || Box::pin(run()))
}

#[allow(clippy::clone_on_copy, reason = "not all keys are `Copy`")]
macro_rules! host {
    ($key:ty, |$run:ident| $code:expr) => {
        impl Serve for $key {
            fn serve<R>(
                self,
                unit: UnitBuilder<'_>,
                $run: impl Fn() -> R + Send + Sync + 'static,
            ) -> Result<Served, ServeError>
            where
                R: Future<Output: Answer + 'static> + Send + 'static,
            {
                let $run = boxed($run);
                unit.serve(service(self, $code)).map(Served)
            }

            fn serve_with<R, M>(
                self,
                unit: UnitBuilder<'_>,
                make: impl Fn() -> M + Send + Sync + 'static,
            ) -> Result<Served, ServeError>
            where
                R: Future<Output: Answer + 'static> + Send + 'static,
                M: Fn() -> R + Send + Sync + 'static,
            {
                let make: Box<dyn Fn() -> BoxedRuns<R::Output> + Send + Sync> =
                    Box::new(move || boxed(make()));
                unit.serve_with(move || {
                    let $run = make();
                    service(self.clone(), $code)
                })
                .map(Served)
            }
        }
    };
}

host!(Odd, |run| run);
host!(Smol, |run| run);
host!(Tokio, |run| run);
host!(TokioMultiThread, |run| run);
host!(Thread, |run| move || block_on(run()));

/// A runtime with a manual clock, on which services stop in order.
pub struct Stage {
    pub clock: Clock,
    pub runtime: Runtime,
    begin: Instant,
    /// Who was asked, in order.
    pub asked: Log<&'static str>,
}

/// How a part ends that is asked to.
#[derive(Clone, Copy, PartialEq)]
pub enum End {
    AtOnce,
    WhenTold,
}

/// A service that holds a token.
pub struct Part {
    pub unit: Served,
    pub asked: Event,
    /// Its run is over, however it ended.
    pub over: Event,
    end: End,
    go: Arc<Notify>,
}

impl Stage {
    pub fn new(grace: Duration) -> Self {
        let clock = Clock::manual();
        let runtime = builder().clock(clock.clone()).grace(grace).build();
        runtime.start().unwrap();
        Self {
            begin: clock.now(),
            clock,
            runtime,
            asked: Log::new(),
        }
    }

    /// Serves a part that comes after others, and has a stop time of its own or none. Returns when it holds
    /// its token.
    #[track_caller]
    pub fn part(
        &self,
        flavour: impl Host,
        name: &'static str,
        after: &[&'static str],
        stop_time: Option<Duration>,
        end: End,
    ) -> Part {
        let mut unit = self.runtime.unit().name(name);
        for other in after {
            unit = unit.after(*other);
        }
        if let Some(time) = stop_time {
            unit = unit.stop_time(time);
        }
        let (held, asked, over) = (Event::new(), Event::new(), Event::new());
        let go = Arc::new(Notify::new());
        let run = {
            let (held, asked, over) = (held.clone(), asked.clone(), over.clone());
            let (go, log) = (Arc::clone(&go), self.asked.clone());
            move || {
                let (held, asked, over) = (held.clone(), asked.clone(), over.clone());
                let (go, log) = (Arc::clone(&go), log.clone());
                async move {
                    let _over = OnDrop(|| over.happen());
                    let token = Shutdown::current();
                    held.happen();
                    token.requested().await;
                    log.write(name);
                    asked.happen();
                    if end == End::WhenTold {
                        go.notified().await;
                    }
                }
            }
        };
        let unit = flavour.serve(unit, run).unwrap();
        held.expect("it holds its token");
        assert!(unit.wait_ready(SOON));
        Part {
            unit,
            asked,
            over,
            end,
            go,
        }
    }

    /// Begins the stop: the clock's next moments count from here.
    pub fn stop(&self) {
        assert_eq!(self.clock.now(), self.begin);
        self.runtime.shutdown();
    }

    /// Moves the clock to `time` after the beginning.
    pub fn move_to(&self, time: Duration) {
        let now = self.clock.now() - self.begin;
        self.clock.advance(time.saturating_sub(now));
    }

    /// `parts` have their turn first of all.
    #[track_caller]
    pub fn come_first(&self, parts: &[&Part]) {
        for part in parts {
            part.expect_asked();
        }
    }

    /// Moves the clock to just before `time`, when `parts` have not had their turn, and to just behind it, when
    /// they have.
    #[track_caller]
    pub fn have_their_turn_at(&self, parts: &[&Part], time: Duration) {
        self.move_to(time - NEARLY);
        for part in parts {
            let name = part.unit.name();
            assert_eq!(part.unit.state(), UnitState::Running, "`{name}` too early");
            assert!(!part.asked.has_happened(), "`{name}` is asked too early");
        }
        self.move_to(time + NEARLY);
        for part in parts {
            part.expect_asked();
        }
    }

    /// Moves the clock to just before `time`, when `parts` still run, and to just behind it, when they have been
    /// cut short.
    #[track_caller]
    pub fn are_cut_at(&self, parts: &[&Part], time: Duration) {
        self.move_to(time - NEARLY);
        for part in parts {
            let name = part.unit.name();
            assert!(part.asked.has_happened(), "`{name}` had its turn");
            assert!(!part.over.has_happened(), "`{name}` is cut too early");
        }
        self.move_to(time + NEARLY);
        for part in parts {
            part.over.expect(&format!("`{}` is cut", part.unit.name()));
        }
    }

    /// Lets the time pass until the runtime is over.
    #[track_caller]
    pub fn finish(self) -> Result<(), RunError> {
        finish(&self.clock, &self.runtime)
    }
}

/// Lets the time of a manual clock pass until the runtime is over.
#[track_caller]
pub fn finish(clock: &Clock, runtime: &Runtime) -> Result<(), RunError> {
    let (over, waiter) = wait_apart(runtime.clone());
    expect("the runtime is over", || {
        over.happens_within(Duration::from_millis(5)) || !clock.advance(SECOND)
    });
    waiter.join().unwrap()
}

impl Part {
    /// It has its turn. Where it ends at once it has, so that the clock does not run away from it.
    #[track_caller]
    fn expect_asked(&self) {
        let name = self.unit.name();
        self.asked.expect(&format!("`{name}` has its turn"));
        let has_time = self.end == End::WhenTold;
        assert!(has_time || self.unit.wait_stopped(SOON), "`{name}` ends");
    }

    /// Lets it end that was asked.
    pub fn tell(&self) {
        self.go.notify_one();
    }
}

/// Who is blamed for having overrun its time.
pub fn overran(error: &RunError) -> Vec<&str> {
    let stragglers = error.stragglers().iter();
    let mut names: Vec<_> = stragglers
        .filter(|one| one.reason() == StragglerReason::Overran)
        .map(|one| one.payload().expect("it is a payload"))
        .collect();
    names.sort_unstable();
    names
}
