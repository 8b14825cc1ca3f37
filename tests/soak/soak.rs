//! Rounds of lives, and a look at the process between them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::actor::BEGUN;
use crate::process::{self, Held};
use crate::programs::Programs;
use crate::torture::{self, SEED};
use crate::{random, told};

/// For how many minutes there are lives.
const MINUTES: &str = "FOSTER_SOAK";

/// Runtimes that are alive at the same time, but for those inside of programs.
const AT_ONCE: u64 = 6;

/// Every so many-th life is a program of `property`.
const PROGRAMS: u64 = 4;

/// How long nothing wakes up between two rounds, and after the last.
const QUIET: Duration = Duration::from_millis(300);
const QUIET_AT_LAST: Duration = Duration::from_secs(3);

/// How long the end of any one life may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// How much more may be allocated in the later half of the rounds than in the earlier, in bytes, however many lives there
/// are. Mostly it is the same to the byte; buffers that live as long as the process have the size of the busiest moment so
/// far, and one of 16 KiB was seen to come late.
const SLACK: usize = 32 * 1_024;

/// More than there are, in hours.
const MOST_ROUNDS: usize = 10_000;

/// How many rounds of how many lives, or for how long.
#[derive(Clone, Copy)]
enum Length {
    Rounds(usize),
    Time(Duration),
}

fn length() -> (Length, u64) {
    match torture::number(MINUTES) {
        Some(minutes) => (Length::Time(Duration::from_secs(60 * minutes)), 1_000),
        None => (Length::Rounds(5), 60),
    }
}

/// Lives all lives. The text says what is wrong, and how to see it again.
pub fn all() -> Result<(), String> {
    torture::silence_asked_panics();
    tracing::subscriber::set_global_default(told::Listener).map_err(|error| error.to_string())?;
    process::warm_up();
    let (length, of_each) = length();
    let (seed, begin, before) = (torture::seed(), Instant::now(), Held::now());
    // Made before anything is counted, so that these numbers are no growth.
    let (mut allocated, mut lives) = (Vec::with_capacity(MOST_ROUNDS), 0);
    println!("soak: {SEED}={seed}");
    loop {
        let is_last = match length {
            Length::Rounds(rounds) => allocated.len() + 1 >= rounds,
            Length::Time(time) => begin.elapsed() > time,
        };
        round(seed, lives..lives + of_each)?;
        lives += of_each;
        let quiet = if is_last { QUIET_AT_LAST } else { QUIET };
        let held = process::rest(&before, quiet)
            .map_err(|wrong| format!("{wrong}\nafter {lives} lives, {SEED}={seed}"))?;
        allocated.push(process::allocated());
        println!(
            "soak: {lives} lives, {} s: {} threads, {} descriptors, {} bytes",
            begin.elapsed().as_secs(),
            held.threads.len(),
            held.descriptors.len(),
            process::allocated(),
        );
        let [now, earlier] = [&held, &before].map(process::kinds);
        if now != earlier {
            return Err(format!(
                "the descriptors are {now:?}, and were {earlier:?}, after {lives} lives, {SEED}={seed}"
            ));
        }
        if is_last {
            let [begun, failures] = [&BEGUN, &told::LAST].map(|count| count.load(Relaxed));
            // Less than this would say that lives do next to nothing.
            if begun < lives || failures < lives / 10 {
                return Err(format!(
                    "{lives} lives had {begun} payloads, and {failures} failures"
                ));
            }
            let bytes = judge(&allocated).map_err(|wrong| format!("{wrong}, {SEED}={seed}"))?;
            println!(
                "soak: over: {lives} lives, {begun} payloads and {failures} failures in {} s: {} threads, {} before; {} descriptors, {} before; {bytes}",
                begin.elapsed().as_secs(),
                held.threads.len(),
                before.threads.len(),
                held.descriptors.len(),
                before.descriptors.len(),
            );
            return Ok(());
        }
    }
}

/// Compares what was allocated after the last rounds with what was after the early ones, but for the first: the least of
/// each, as what is remembered for a while is not always forgotten.
fn judge(allocated: &[usize]) -> Result<String, String> {
    let [_, rounds @ ..] = allocated else {
        return Err("there were too few rounds to compare".to_owned());
    };
    let (early, late) = rounds.split_at(rounds.len() / 2);
    let least = |rounds: &[usize]| rounds.iter().min().copied();
    let (Some(early), Some(late)) = (least(early), least(late)) else {
        return Err("there were too few rounds to compare".to_owned());
    };
    match late.saturating_sub(early) {
        more if more > SLACK => Err(format!(
            "{late} bytes are allocated, and {early} were earlier, which is {more} more"
        )),
        _ => Ok(format!("{late} bytes, {early} earlier")),
    }
}

/// Lives so many lives, on some threads that take one after the other.
fn round(seed: u64, numbers: std::ops::Range<u64>) -> Result<(), String> {
    let next = AtomicU64::new(numbers.start);
    let (sender, receiver) = channel();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            let (next, numbers, sender) = (&next, numbers.clone(), sender.clone());
            scope.spawn(move || work(seed, next, numbers.end, &sender));
        }
        drop(sender);
        watch(seed, &receiver, &next, numbers.end)
    })
}

enum Told {
    Begun(u64),
    Over(u64, Result<(), String>),
}

fn work(seed: u64, next: &AtomicU64, end: u64, sender: &Sender<Told>) {
    let programs = Programs::new();
    loop {
        let number = next.fetch_add(1, Relaxed);
        if number >= end || sender.send(Told::Begun(number)).is_err() {
            return;
        }
        let its_seed = seed.wrapping_add(number);
        // Which of them it is depends on the seed as well, so that the life of a seed is the same wherever it stands.
        let result = match its_seed % PROGRAMS {
            0 => programs.live(its_seed),
            _ => random::live(its_seed),
        };
        if sender.send(Told::Over(number, result)).is_err() {
            return;
        }
    }
}

fn watch(seed: u64, receiver: &Receiver<Told>, next: &AtomicU64, end: u64) -> Result<(), String> {
    let mut under_way = BTreeMap::new();
    let again = |number: u64| format!("{SEED}={} begins with it", seed.wrapping_add(number));
    loop {
        match receiver.recv_timeout(Duration::from_secs(1)) {
            Ok(Told::Begun(number)) => drop(under_way.insert(number, Instant::now())),
            Ok(Told::Over(number, result)) => {
                under_way.remove(&number);
                if let Err(wrong) = result {
                    next.store(end, Relaxed);
                    return Err(format!("life {number}: {wrong}\n\n{}", again(number)));
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let hangs = under_way
            .iter()
            .find(|(_, begun)| begun.elapsed() > PATIENCE);
        if let Some((number, _)) = hangs {
            // It would hold up the end of the round as well.
            println!("soak: wrong: life {number} hangs\n\n{}", again(*number));
            std::process::exit(1);
        }
    }
}

#[test]
fn what_stays_is_growth() {
    const KEPT: usize = 200_000;
    let grown = KEPT + SLACK + 1;
    let rows: [(&[usize], bool); 7] = [
        (&[0, KEPT, KEPT], true),
        (&[0, KEPT, grown], false),
        (&[0, grown, KEPT], true),
        // What is forgotten later, and what comes and goes.
        (&[0, KEPT, KEPT, grown, KEPT], true),
        (&[0, grown, KEPT, grown, grown], false),
        (&[0, KEPT, grown, grown + 1, grown + 2], false),
        // Nothing to compare with.
        (&[0, KEPT], false),
    ];
    for (index, (allocated, is_well)) in rows.into_iter().enumerate() {
        assert_eq!(judge(allocated).is_ok(), is_well, "row {index}");
    }
}
