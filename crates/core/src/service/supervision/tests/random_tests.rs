//! Random events against a plain model.

use super::*;

/// A program of so many random events at most; prints what happened if it fails.
fn play(seed: u64, chance: Chance, events: usize) {
    struct Shown<'a>(&'a mut World, u64);
    impl Drop for Shown<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("seed {}\n{}", self.1, self.0.log.join("\n"));
            }
        }
    }
    let mut world = World::new(seed, chance);
    let shown = Shown(&mut world, seed);
    for _ in 0..events {
        if shown.0.chance.is_used_up() {
            break;
        }
        shown.0.step();
        if shown.0.stop.is_some() && !shown.0.play.all.is_stopping() {
            // The shell tells of the stop before anything else.
            let stops = shown.0.stop.unwrap_or_default();
            shown.0.tell(Happening::Stops(stops));
        }
    }
    shown.0.finish();
}

/// A program that bytes choose: the first one is the seed of the supervision.
pub(crate) fn play_bytes(bytes: &[u8]) {
    let (seed, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let chance = Chance::Bytes(Vec::from(bytes).into_iter());
    play(u64::from(*seed), chance, usize::MAX);
}

fn seed() -> u64 {
    match std::env::var("FOSTER_SEED") {
        Ok(seed) => seed.parse().expect("FOSTER_SEED is a number"),
        Err(_) => fastrand::u64(..),
    }
}

/// `FOSTER_SUPERVISIONS` says how many programs are tried, and `FOSTER_SEED` which is the first.
#[test]
fn random_events_never_ask_for_what_must_not_be() {
    let read = |name| std::env::var(name).ok().map(|text| text.parse());
    let number = match read("FOSTER_SUPERVISIONS") {
        Some(number) => number.expect("FOSTER_SUPERVISIONS is a number"),
        None if cfg!(miri) => 2,
        None => 10_000,
    };
    let first = seed();
    for seed in (0..number).map(|program| first.wrapping_add(program)) {
        play(seed, Chance::Seed(fastrand::Rng::with_seed(seed)), 80);
    }
}

/// What the fuzzer runs. `FOSTER_BYTES` names a file that it has found, to see what happens there.
#[test]
fn random_events_may_be_chosen_by_bytes() {
    if let Some(file) = std::env::var_os("FOSTER_BYTES") {
        return play_bytes(&std::fs::read(file).expect("FOSTER_BYTES is a file"));
    }
    play_bytes(&[]);
    let number = if cfg!(miri) { 1 } else { 500 };
    let mut chance = fastrand::Rng::with_seed(seed());
    for _ in 0..number {
        let length = chance.usize(..600);
        let bytes: Vec<_> = (0..length).map(|_| chance.u8(..)).collect();
        play_bytes(&bytes);
    }
}
