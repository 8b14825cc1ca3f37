//! Plays very many programs, makes one that fails shorter, and prints it.

use std::env;
use std::mem;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use foster::Signals;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::life::ASKED;
use crate::play::play;
use crate::program::Program;

/// How many programs are played.
const SEQUENCES: &str = "FOSTER_SEQUENCES";

/// The number from which all programs of a run are made, to make the same ones again.
pub const SEED: &str = "FOSTER_SEED";

/// How long one program may take; most take some milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// As [`PATIENCE`], where a shorter program is tried.
const LESS_PATIENCE: Duration = Duration::from_secs(5);

/// How long a failing program may be made shorter, and how often each shorter one is tried: what a
/// race decides need not come again at once.
const SHRINKING: Duration = Duration::from_secs(30);
const TRIES: usize = 20;

/// Programs that are played at the same time, which makes races likelier.
const AT_ONCE: u32 = 4;

pub fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not `{value}`"))
    })
}

pub fn sequences() -> u32 {
    let number = number(SEQUENCES).unwrap_or(200);
    number.try_into().expect("not so many")
}

/// A new seed for each run, as a race that was not met today may be met tomorrow.
pub fn seed() -> u64 {
    number(SEED).unwrap_or_else(|| {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH);
        u64::from(since.map_or(0, |since| since.subsec_nanos()))
    })
}

/// A runner whose programs depend on `seed` alone.
pub fn runner(seed: u64, cases: u32) -> TestRunner {
    let config = Config {
        cases,
        // Nothing is kept between runs: a failing program goes into `regressions.rs`.
        failure_persistence: None,
        max_shrink_time: u32::try_from(SHRINKING.as_millis()).expect("it is short"),
        max_shrink_iters: u32::MAX,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// The panics that no program has asked for, wherever they were caught.
static UNASKED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The panics that programs ask for say nothing on stderr, and all others are kept.
pub fn silence_asked_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let text = info.payload_as_str();
            if let Some(text) = text.filter(|text| !text.starts_with(ASKED)) {
                let mut unasked = UNASKED.lock().unwrap_or_else(PoisonError::into_inner);
                unasked.push(text.to_owned());
                drop(unasked);
                tell(info);
            }
        }));
    });
}

/// Plays `program`, and fails if it hangs. What hangs goes on hanging, on a thread of its own.
pub fn within_patience(
    program: &Program,
    signals: Signals,
    patience: Duration,
) -> Result<(), String> {
    let (sender, receiver) = channel();
    let (played, log) = (program.clone(), Arc::default());
    let its_log = Arc::clone(&log);
    thread::spawn(move || sender.send(play(&played, signals, &its_log)));
    match receiver.recv_timeout(patience) {
        Ok(result) => {
            let unasked = mem::take(&mut *UNASKED.lock().unwrap_or_else(PoisonError::into_inner));
            match unasked.first() {
                // Maybe of another program that is played at the same time.
                Some(text) => Err(format!("nobody has asked for a panic: {text}\n\n{log}")),
                None => result,
            }
        }
        Err(RecvTimeoutError::Timeout) => Err(format!("it hangs\n\n{log}")),
        Err(RecvTimeoutError::Disconnected) => Err("the harness panicked".to_owned()),
    }
}

/// Plays as many programs of `strategy` as are asked for; the text says what failed, and how.
pub fn torture<S: Strategy<Value = Program>>(
    strategy: impl Fn() -> S + Sync,
) -> Result<(), String> {
    let (seed, start) = (seed(), Instant::now());
    let played = AtomicU32::new(0);
    let cases = sequences().div_ceil(AT_ONCE);
    let failed = AtomicBool::new(false);
    let results: Vec<_> = thread::scope(|scope| {
        let workers = (0..AT_ONCE).map(|worker| {
            let (strategy, played, failed) = (&strategy, &played, &failed);
            scope.spawn(move || {
                let seed = seed.wrapping_add(u64::from(worker) << 32);
                work(&mut runner(seed, cases), &strategy(), played, failed)
            })
        });
        let workers: Vec<_> = workers.collect();
        workers.into_iter().map(|worker| worker.join()).collect()
    });
    println!(
        "{} programs in {:?}, {SEED}={seed}",
        played.into_inner(),
        start.elapsed()
    );
    for result in results {
        let result = result.unwrap_or_else(|panic| panic::resume_unwind(panic));
        result.map_err(|wrong| format!("{wrong}\n\n{SEED}={seed}"))?;
    }
    Ok(())
}

fn work<S: Strategy<Value = Program>>(
    runner: &mut TestRunner,
    strategy: &S,
    played: &AtomicU32,
    failed: &AtomicBool,
) -> Result<(), String> {
    // What was wrong with the shortest program that failed.
    let found = Mutex::new(None);
    let result = runner.run(strategy, |program| {
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.load(Relaxed) && found.is_none() {
            // Another worker has found something, and is about to make it shorter.
            return Ok(());
        }
        let (tries, patience) = match *found {
            Some(_) => (TRIES, LESS_PATIENCE),
            None => (1, PATIENCE),
        };
        for _ in 0..tries {
            played.fetch_add(1, Relaxed);
            if let Err(wrong) = within_patience(&program, Signals::Leave, patience) {
                *found = Some(wrong);
                failed.store(true, Relaxed);
                return Err(TestCaseError::fail("see its log"));
            }
        }
        Ok(())
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Fail(_, program)) => {
            Err(format!("{}\n\n{program:?}", found.unwrap_or_default()))
        }
        Err(TestError::Abort(reason)) => Err(format!("no program could be made: {reason}")),
    }
}
