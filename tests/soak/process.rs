//! What this process holds: threads, descriptors, memory, timers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::future::block_on;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// How long the process may take to come to rest: idle threads end after a second, and a machine may be busy.
const REST: Duration = Duration::from_secs(30);

/// Bytes that are allocated.
pub fn allocated() -> usize {
    ALLOCATOR.current_usage()
}

/// Has the process get what it keeps as long as it lives: async-io's reactor with its thread, and tokio's pipe for signals.
pub fn warm_up() {
    wake_reactor();
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    drop(tokio.expect("there are descriptors"));
}

/// What a process has that does nothing.
#[derive(Clone, Debug)]
pub struct Held {
    /// By their numbers, with their names.
    pub threads: BTreeMap<String, String>,
    /// By their numbers, with what they are.
    pub descriptors: BTreeMap<String, String>,
}

impl Held {
    pub fn now() -> Self {
        Self {
            threads: entries("/proc/self/task", |path| {
                fs::read_to_string(path.join("comm"))
                    .ok()
                    .map(|name| name.trim().to_owned())
            }),
            // The one that lists them is gone when it is asked what it was.
            descriptors: entries("/proc/self/fd", |path| {
                let target = fs::read_link(path).ok()?.to_string_lossy().into_owned();
                // A socket or a pipe has a number of its own.
                let kind = target.split(":[").next().unwrap_or(&target);
                Some(kind.to_owned())
            }),
        }
    }

    /// The names of the threads that were not there `before`.
    fn threads_since(&self, before: &Self) -> Vec<&str> {
        let new = (self.threads.iter()).filter(|(number, _)| !before.threads.contains_key(*number));
        new.map(|(_, name)| name.as_str()).collect()
    }
}

fn entries(
    folder: impl AsRef<Path>,
    what: impl Fn(PathBuf) -> Option<String>,
) -> BTreeMap<String, String> {
    let listed = fs::read_dir(folder).expect("soaks run on Linux");
    let entries = listed.flatten().filter_map(|entry| {
        let number = entry.file_name().to_string_lossy().into_owned();
        Some((number, what(entry.path())?))
    });
    entries.collect()
}

/// Waits until the process is at rest, and returns what it holds then: no thread is left that was not there `before`,
/// no timer of async-io's reactor is set, and no thread wakes up for `quiet`.
pub fn rest(before: &Held, quiet: Duration) -> Result<Held, String> {
    let deadline = Instant::now() + REST;
    until(deadline, || {
        let held = Held::now();
        match held.threads_since(before).as_slice() {
            [] => Ok(()),
            more => Err(format!("{} threads are left: {more:?}", more.len())),
        }
    })?;
    wake_reactor();
    until(deadline, || {
        let earlier = sleeps();
        thread::sleep(quiet);
        let woken = woken_since(&earlier, &sleeps());
        if !woken.is_empty() {
            return Err(format!("threads wake up again and again: {woken:?}"));
        }
        // Only of a reactor that sleeps: while it wakes none is set.
        match timers_set() {
            0 => Ok(()),
            set => {
                wake_reactor();
                Err(format!("{set} timers are set in async-io's reactor"))
            }
        }
    })?;
    Ok(Held::now())
}

fn until(deadline: Instant, mut is_so: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    loop {
        match is_so() {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            result => return result,
        }
    }
}

/// Only when it wakes does the reactor learn of timers that were dropped.
fn wake_reactor() {
    block_on(Timer::after(Duration::from_millis(1)));
}

/// How many timers the kernel has to wake this process for, of those that have a descriptor: async-io's reactor has one
/// for the first of all its timers, an executor of tokio's is not there any more.
fn timers_set() -> usize {
    let infos = entries("/proc/self/fdinfo", |path| fs::read_to_string(path).ok());
    let is_set = |info: &&String| {
        let value = info.lines().find_map(|line| line.strip_prefix("it_value:"));
        value.is_some_and(|value| value.trim() != "(0, 0)")
    };
    infos.values().filter(is_set).count()
}

/// How often each thread but this one has gone to sleep.
fn sleeps() -> BTreeMap<String, String> {
    let own = fs::read_link("/proc/thread-self").expect("soaks run on Linux");
    let own = own.file_name().unwrap_or_default().to_string_lossy();
    let mut sleeps = entries("/proc/self/task", |path| {
        let status = fs::read_to_string(path.join("status")).ok()?;
        let name = status.lines().find_map(|line| line.strip_prefix("Name:"))?;
        let times = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        Some(format!("{}: {}", name.trim(), times.trim()))
    });
    sleeps.remove(&*own);
    sleeps
}

/// The threads that are not as they were, or are new.
fn woken_since(earlier: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let changed = now
        .iter()
        .filter(|(number, times)| earlier.get(*number) != Some(times));
    changed.map(|(_, times)| times.clone()).collect()
}

/// The number of each kind of descriptor.
pub fn kinds(held: &Held) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for kind in held.descriptors.values() {
        *kinds.entry(kind.as_str()).or_default() += 1;
    }
    kinds
}
