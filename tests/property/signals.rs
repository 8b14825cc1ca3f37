//! Programs in which signals come: each is played in a child process, which is this test program.
//!
//! The child gets a seed and makes the same program of it as its parent. To make one that fails
//! shorter, the parent sends along which steps of `proptest`'s search to repeat.

use std::env;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use foster::Signals;
use proptest::strategy::{Strategy, ValueTree};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::program::Program;
use crate::strategy::programs_with_signals;
use crate::torture::{PATIENCE, SEED, number, runner, seed, sequences, within_patience};

/// The child's orders: the steps towards a shorter program, none at first.
const STEPS: &str = "FOSTER_TEST_STEPS";

/// One program in so many is played with signals: a process costs more than a runtime.
const RATE: u32 = 10;

/// How long the search for a shorter program may take.
const SHRINKING: Duration = Duration::from_secs(60);

fn tree(seed: u64) -> impl ValueTree<Value = Program> {
    let tree = programs_with_signals().new_tree(&mut runner(seed, 1));
    tree.expect("a program can always be made")
}

fn step(tree: &mut impl ValueTree, step: char) -> bool {
    match step {
        'c' => tree.complicate(),
        _ => tree.simplify(),
    }
}

/// The child's side; nothing without its orders.
pub fn be_child() {
    let (Ok(steps), Some(seed)) = (env::var(STEPS), number(SEED)) else {
        return;
    };
    let mut tree = tree(seed);
    steps.chars().for_each(|one| {
        step(&mut tree, one);
    });
    // A signal that comes after the runtime's end is the application's, and not to end it here.
    let late = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let registered = signal_hook::flag::register(signal, Arc::clone(&late));
        registered.expect("a handler can be had");
    }
    match within_patience(&tree.current(), Signals::Listen, PATIENCE) {
        Ok(()) => println!("accounted for"),
        Err(wrong) => println!("{wrong}"),
    }
    // What hangs must not keep the process.
    std::process::exit(0);
}

/// Plays one program in a child; what it says if that is not that all is well.
fn play(seed: u64, steps: &str) -> Result<(), String> {
    let program = env::current_exe().expect("a test has a program");
    let output = Command::new(program)
        .args(["as_child", "--exact", "--nocapture", "--test-threads=1"])
        .env(STEPS, steps)
        .env(SEED, seed.to_string())
        .output()
        .expect("a child can be had");
    let stdout = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && stdout.contains("accounted for") {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}\n{stdout}\n{stderr}", output.status))
}

/// The shortest program that still fails, and what is wrong with it.
fn shorten(seed: u64, mut wrong: String) -> String {
    let (mut tree, mut steps, start) = (tree(seed), String::new(), Instant::now());
    let mut shortest = tree.current();
    let mut next = 's';
    while start.elapsed() < SHRINKING && step(&mut tree, next) {
        steps.push(next);
        next = match play(seed, &steps) {
            Err(still) => {
                (wrong, shortest) = (still, tree.current());
                's'
            }
            Ok(()) => 'c',
        };
    }
    format!("{wrong}\n\n{shortest:?}\n\n{SEED}={seed}")
}

/// Plays as many as are asked for, several at once.
pub fn torture() -> Result<(), String> {
    let (first, start) = (seed(), Instant::now());
    let left = Mutex::new(0..u64::from(sequences().div_ceil(RATE)));
    let failed = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(index) = next() {
                    let seed = first.wrapping_add(index);
                    if let Err(wrong) = play(seed, "") {
                        *failed.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some((seed, wrong));
                        return;
                    }
                }
            });
        }
    });
    println!("with signals: {SEED}={first}, {:?}", start.elapsed());
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((seed, wrong)) => Err(shorten(seed, wrong)),
        None => Ok(()),
    }
}
