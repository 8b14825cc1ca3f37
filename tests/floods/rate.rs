//! Adopts without end into a group with a limit, and a timer beside them. Rows F3 and G5.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use foster::{AdoptError, AdoptErrorKind, Group, Outcome, Runtime, Shutdown};
use foster::{Smol, Tokio, TokioMultiThread};

use crate::common::child::{Played, play as play_child};
use crate::common::memory;
use crate::{BEGUN, expect_row, number, patient};

/// How many may be alive, and so wait for their first turn.
const LIMIT: usize = 10_000;
/// What the process may grow by once it has been flooded for a while, in KiB.
const GROWTH: u64 = 5_000;
/// How late the timer may be in 99 of 100 turns, in a flood.
const LATEST: Duration = Duration::from_millis(50);
/// How often adopts are handed in, and how long the timer sleeps.
const TICK: Duration = Duration::from_millis(1);
const TICKS: u32 = 1_000;

/// How late a timer was each time until the end.
async fn lateness<S: Future>(sleep: impl Fn(Duration) -> S) -> Vec<Duration> {
    let token = Shutdown::current();
    // What grows here would count as a growth.
    let mut all = Vec::with_capacity(200_000);
    while !token.is_requested() {
        let begin = Instant::now();
        sleep(TICK).await;
        all.push(begin.elapsed() - TICK);
    }
    all
}

/// Has the payload `adopted` in the group, and the timer of the flavour beside it.
macro_rules! flood {
    ($key:expr, $sleep:expr) => {
        run(
            |group| {
                group.adopt($key, || async {
                    BEGUN.one_more();
                })
            },
            |runtime, tell| {
                let timer = move || async move { tell(lateness($sleep).await) };
                runtime.adopt($key, timer).unwrap();
            },
        )
    };
}

pub(super) fn play(flavour: &str) -> Played {
    let (flooded, played) = match flavour {
        "smol" => flood!(Smol, async_io::Timer::after),
        "tokio" => flood!(Tokio, tokio::time::sleep),
        "pool" => flood!(TokioMultiThread, tokio::time::sleep),
        _ => unreachable!("there is no such flavour"),
    };
    flooded.judge(flavour);
    played
}

/// What became of a flood.
struct Flooded {
    /// A second.
    rate: u32,
    is_flood: bool,
    seconds: f64,
    adopted: usize,
    refused: usize,
    /// By how many KiB the process has grown in the last three quarters.
    grew: u64,
    late: Vec<Duration>,
}

fn run<T: Outcome>(
    adopt: impl Fn(&Group) -> Result<T, AdoptError>,
    beside: impl FnOnce(&Runtime, Box<dyn FnOnce(Vec<Duration>) + Send>),
) -> (Flooded, Played) {
    let (rate, is_flood) = number("FOSTER_RATE", 20_000_u32);
    let (seconds, _) = number("FOSTER_SECONDS", if is_flood { 60 } else { 1 });
    let runtime = patient();
    let group = runtime.group("flooded").limit(LIMIT).create().unwrap();
    let (sender, receiver) = channel();
    beside(&runtime, Box::new(move |late| sender.send(late).unwrap()));
    let (mut adopted, mut refused, mut before) = (0, 0, 0);
    let begin = Instant::now();
    let over = begin + Duration::from_secs(seconds);
    let ticks = TICKS * u32::try_from(seconds).unwrap();
    for tick in 0..ticks {
        // Behind time it goes on without a pause.
        thread::sleep((begin + TICK * tick).saturating_duration_since(Instant::now()));
        if Instant::now() > over {
            break;
        }
        for _ in 0..rate / TICKS {
            match adopt(&group) {
                Ok(_) => adopted += 1,
                Err(error) if error.kind() == AdoptErrorKind::Full => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        if before == 0 && begin.elapsed() * 4 > Duration::from_secs(seconds) {
            before = memory("VmHWM:");
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let grew = memory("VmHWM:") - before;
    runtime.shutdown();
    let played = runtime.wait();
    let flooded = Flooded {
        rate,
        is_flood,
        seconds,
        adopted,
        refused,
        grew,
        late: receiver.recv().unwrap(),
    };
    (flooded, played)
}

impl Flooded {
    fn judge(mut self, flavour: &str) {
        self.late.sort();
        let late = |part: f64| self.late[(self.late.len() as f64 * part) as usize];
        let (p50, p99) = (late(0.5), late(0.99));
        let handed_in = (self.adopted + self.refused) as f64 / self.seconds;
        println!(
            "row | rate, {flavour} | {handed_in:.0} a second for {:.0} s | {} adopted | {} refused | {} KiB | {p50:.1?} | {p99:.1?} |",
            self.seconds, self.adopted, self.refused, self.grew,
        );
        assert_eq!(BEGUN.number(), self.adopted, "what was taken in has run");
        assert!(self.grew < GROWTH, "it grew by {} KiB", self.grew);
        if self.is_flood {
            assert!(p99 < LATEST, "the timer was {p99:?} late");
            // Other load on the machine may take most of the cores.
            let least = f64::from(self.rate) / 10.0;
            assert!(handed_in > least, "{handed_in} were handed in a second");
        }
    }
}

fn flood(flavour: &str) {
    expect_row(play_child(&format!("rate {flavour}")));
}

#[test]
fn f3_a_timer_goes_on_in_a_flood_of_adopts_on_smol() {
    flood("smol");
}

#[test]
fn f3_a_timer_goes_on_in_a_flood_of_adopts_on_tokio() {
    flood("tokio");
}

#[test]
fn f3_a_timer_goes_on_in_a_flood_of_adopts_on_a_pool() {
    flood("pool");
}
