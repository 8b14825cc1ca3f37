//! The end of a runtime with many idle payloads, and what one costs as they become more.

use std::future::pending;
use std::time::Instant;

use foster::{Shutdown, Smol, Tokio};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::executors::{self, RUNS};
use super::measure::{Measure, Plan, Row, median_of};
use super::payloads::{Counter, Guard, nanoseconds};
use super::table::grouped;

/// Payloads that idle, and count that they have been polled, and that they have been dropped.
#[derive(Clone, Copy)]
struct Idle {
    number: usize,
    polled: Counter,
    dropped: Counter,
}

/// Nanoseconds from when the first payload is handed in, and from when the end begins with all of them
/// idle, until all is over.
struct Times {
    whole: f64,
    end: f64,
}

impl Idle {
    fn new(number: usize) -> Self {
        let (polled, dropped) = (Counter::new(), Counter::new());
        Self {
            number,
            polled,
            dropped,
        }
    }

    /// Hands in as many payloads as there are to be, lets them idle, and ends `side` with them.
    fn live<S>(self, side: S, hand_in: impl Fn(&S), end: impl FnOnce(S)) -> Times {
        self.polled.set(self.number);
        self.dropped.set(self.number);
        let whole = Instant::now();
        for _ in 0..self.number {
            hand_in(&side);
        }
        self.polled.wait();
        let begin = Instant::now();
        end(side);
        let times = Times {
            whole: nanoseconds(whole),
            end: nanoseconds(begin),
        };
        // Over by now; one that is left would show as a bench that hangs.
        self.dropped.wait();
        times
    }

    async fn idle(self) {
        let _guard = Guard(self.dropped);
        self.polled.count();
        pending().await
    }

    async fn until_asked(self) {
        let _guard = Guard(self.dropped);
        let token = Shutdown::current();
        self.polled.count();
        token.requested().await;
    }

    async fn until_cancelled(self, token: CancellationToken) {
        let _guard = Guard(self.dropped);
        self.polled.count();
        token.cancelled().await;
    }

    fn raw_smol(self) -> Times {
        let idle = |raw: &executors::RawSmol| raw.executor.spawn(self.idle()).detach();
        self.live(executors::smol(), idle, executors::Raw::stop)
    }

    fn raw_tokio(self) -> Times {
        let idle = |raw: &executors::RawTokio| drop(raw.executor.spawn(self.idle()));
        self.live(executors::tokio(), idle, executors::Raw::stop)
    }

    /// tokio-util's tracker, all tasks with the same token. It is cancelled on tokio's own thread: from
    /// any other, each wake-up would be a system call.
    fn tracker(self) -> Times {
        let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
        let idle = |raw: &executors::RawTokio| {
            let task = self.until_cancelled(token.clone());
            drop(tracker.spawn_on(task, &raw.executor));
        };
        let end = |raw: executors::RawTokio| {
            let (tracker, token) = (tracker.clone(), token.clone());
            let over = raw.executor.spawn(async move {
                token.cancel();
                tracker.close();
                tracker.wait().await;
            });
            futures_lite::future::block_on(over).expect("nothing panics");
            raw.stop();
        };
        self.live(executors::tokio(), idle, end)
    }
}

/// What of `idle`, adopted by `key`, until the end of Foster's runtime.
macro_rules! foster {
    ($idle:expr, $payload:ident, $key:expr) => {{
        let idle: Idle = $idle;
        idle.live(
            executors::started(),
            |runtime| runtime.adopt($key, move || idle.$payload()).expect(RUNS),
            |runtime| executors::stop(&runtime),
        )
    }};
}

/// Payloads that nobody asks are dropped.
pub(crate) fn hard(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, number) in numbers(plan, "stop-hard") {
        let idle = Idle::new(number);
        let of = |flavour: &str| format!("{} idle, {flavour}", grouped(number));
        rows.extend(
            Measure::new(&name, of("smol"))
                .side("foster", || foster!(idle, idle, Smol).end)
                .side("async-executor", || idle.raw_smol().end)
                .compare(plan),
        );
        rows.extend(
            Measure::new(&name, of("tokio"))
                .side("foster", || foster!(idle, idle, Tokio).end)
                .side("tokio", || idle.raw_tokio().end)
                .compare(plan),
        );
    }
    rows
}

/// Payloads that hold a token are asked, and end by themselves.
pub(crate) fn graceful(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, number) in numbers(plan, "stop-graceful") {
        let idle = Idle::new(number);
        let of = |flavour: &str| format!("{} with tokens, {flavour}", grouped(number));
        rows.extend(
            Measure::new(&name, of("smol"))
                .side("foster", || foster!(idle, until_asked, Smol).end)
                // It has no tokens: what it does is drop.
                .side("async-executor", || idle.raw_smol().end)
                .compare(plan),
        );
        rows.extend(
            Measure::new(&name, of("tokio"))
                .side("foster", || foster!(idle, until_asked, Tokio).end)
                .side("tokio-util", || idle.tracker().end)
                .compare(plan),
        );
    }
    rows
}

/// How many idle payloads, under which names. In a hurry the name of the million goes to fewer.
fn numbers(plan: &Plan, name: &str) -> Vec<(String, usize)> {
    if plan.quick {
        return vec![(name.to_owned(), 100_000)];
    }
    vec![
        (format!("{name}-100k"), 100_000),
        (name.to_owned(), 1_000_000),
    ]
}

/// What one idle payload costs, from being handed in to the end, among ever more of them: beside the
/// same among a thousand, which shows whether the whole stays linear, and beside the raw executor.
pub(crate) fn growth(plan: &Plan) -> Vec<Row> {
    const FEW: usize = 1_000;
    let most = plan.number(1_000_000, 100_000);
    let sizes = [FEW, 10_000, 100_000, 1_000_000];
    let mut rows = Vec::new();
    for number in sizes.into_iter().take_while(|size| *size <= most) {
        let (few, many) = (Idle::new(FEW), Idle::new(number));
        let each = |idle: Idle, live: &dyn Fn() -> Times| {
            // The fewer, the shorter, and so the rougher.
            let times = (20_000 / idle.number).max(1);
            median_of(times, || live().whole / idle.number as f64)
        };
        let of = format!("1 of {} idle", grouped(number));
        rows.extend(
            Measure::new(format!("growth-smol-{number}"), of.clone())
                .side("foster", || each(many, &|| foster!(many, idle, Smol)))
                .side("foster-1000", || each(few, &|| foster!(few, idle, Smol)))
                .side("async-executor", || each(many, &|| many.raw_smol()))
                .compare(plan),
        );
        rows.extend(
            Measure::new(format!("growth-tokio-{number}"), of)
                .side("foster", || each(many, &|| foster!(many, idle, Tokio)))
                .side("foster-1000", || each(few, &|| foster!(few, idle, Tokio)))
                .side("tokio", || each(many, &|| many.raw_tokio()))
                .compare(plan),
        );
    }
    rows
}
