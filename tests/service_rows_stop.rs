//! The shares of the grace time, worked through by a manual clock, and whom the report blames. Row V11.
//!
//! A unit without a stop time of its own has what is left of the grace time when its turn comes, less the
//! costliest path of those that stop after it: own stop times in full, a second for each other, those seconds at
//! most half of what is left. One with a stop time of its own has that, in proportion where it does not fit.

mod common;

use std::time::Duration;

use common::services::*;
use common::*;
use foster::{Smol, Thread, Tokio, UnitState};

on_every_flavour!(
    v11_only_the_one_that_hangs_is_blamed,
    v11_one_that_overruns_its_own_time_and_grace_is_told_once,
    v11_a_unit_has_what_others_left_of_the_time,
);
on_async_flavours!(
    v11_its_own_stop_has_the_whole_grace_time_and_concerns_it_alone,
    v11_each_of_a_chain_has_its_share,
    v11_seconds_for_others_take_at_most_half,
    v11_own_times_count_in_full,
    v11_a_diamond_costs_its_costliest_path,
    v11_thirty_leaves_stop_at_once_and_count_once,
    v11_chains_beside_each_other_cost_each_other_nothing,
    v11_own_times_that_exceed_grace_are_shortened_in_proportion,
    v11_own_times_that_are_shortened_on_one_path_stay_whole_on_another,
    v11_a_coroutine_without_a_token_that_blocks_is_a_straggler,
);

const GRACE: Duration = Duration::from_secs(10);

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// `api` comes after `cache`, `log` and `database`, holds a token and hangs: it has 10 s less three seconds.
fn v11_only_the_one_that_hangs_is_blamed<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let database = stage.part(Smol, "database", &[], None, End::AtOnce);
    let log = stage.part(Thread, "log", &["database"], None, End::WhenTold);
    let cache = stage.part(Tokio, "cache", &["log"], None, End::AtOnce);
    let others = ["cache", "log", "database"];
    let api = stage.part(flavour, "api", &others, None, End::WhenTold);
    stage.stop();
    stage.come_first(&[&api]);
    stage.have_their_turn_at(&[&cache], 7 * SECOND);
    // Its flush takes a while, and has it.
    log.asked.expect("the turn of `log` is next");
    stage.move_to(7 * SECOND + milliseconds(50));
    assert!(!database.asked.has_happened());
    log.tell();
    database.asked.expect("the turn of `database` is the last");
    let runtime = stage.runtime.clone();
    let asked = stage.asked.clone();
    let error = stage.finish().unwrap_err();
    api.tell();
    assert_eq!(asked.read(), ["api", "cache", "log", "database"]);
    assert_eq!(overran(&error), ["api"], "{error}");
    assert_eq!(error.stragglers().len(), 1, "{error}");
    assert!(error.failures().is_empty(), "{error}");
    for name in others {
        let units = runtime.units();
        let unit = units.iter().find(|unit| unit.name() == name).unwrap();
        assert_eq!(unit.state(), UnitState::Ended, "{name}");
    }
}

/// 10 s less 3 s; 3 s less half of them, as two seconds would be more; 1.5 s less half; and what is left.
fn v11_each_of_a_chain_has_its_share<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let hangs =
        |name, after: &[&'static str]| stage.part(flavour, name, after, None, End::WhenTold);
    let database = hangs("database", &[]);
    let log = hangs("log", &["database"]);
    let cache = hangs("cache", &["log"]);
    let api = hangs("api", &["cache"]);
    stage.stop();
    stage.come_first(&[&api]);
    stage.have_their_turn_at(&[&cache], 7 * SECOND);
    stage.have_their_turn_at(&[&log], milliseconds(8_500));
    stage.have_their_turn_at(&[&database], milliseconds(9_250));
    stage.are_cut_at(&[&database], GRACE);
    let error = stage.finish().unwrap_err();
    // Each had its turn, and overran it.
    assert_eq!(overran(&error), ["api", "cache", "database", "log"]);
}

/// Twenty come before it in the order: a second for each would be more than there is.
fn v11_seconds_for_others_take_at_most_half<F: Host>(flavour: F) {
    const NAMES: [&str; 20] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t",
    ];
    let stage = Stage::new(GRACE);
    let first = stage.part(flavour, NAMES[0], &[], None, End::AtOnce);
    let chain = NAMES.windows(2);
    let mut chain: Vec<_> = chain
        .map(|pair| stage.part(flavour, pair[1], &[pair[0]], None, End::AtOnce))
        .collect();
    let api = stage.part(flavour, "api", &["t"], None, End::WhenTold);
    let next = chain.pop().unwrap();
    stage.stop();
    stage.come_first(&[&api]);
    stage.have_their_turn_at(&[&next], 5 * SECOND);
    first.asked.expect("all others have their turn at once");
    assert_eq!(overran(&stage.finish().unwrap_err()), ["api"]);
}

/// What is left when its turn comes, and not what there was at first.
fn v11_a_unit_has_what_others_left_of_the_time<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let database = stage.part(Smol, "database", &[], None, End::AtOnce);
    let log = stage.part(Tokio, "log", &["database"], None, End::WhenTold);
    let api = stage.part(flavour, "api", &["log"], None, End::WhenTold);
    stage.stop();
    stage.come_first(&[&api]);
    stage.move_to(3 * SECOND);
    assert!(!log.asked.has_happened());
    api.tell();
    log.asked.expect("`api` has ended");
    // Of 7 s, one is for `database`.
    stage.have_their_turn_at(&[&database], 9 * SECOND);
    let error = stage.finish().unwrap_err();
    assert_eq!(overran(&error), ["log"], "{error}");
    assert_eq!(error.stragglers().len(), 1, "{error}");
}

/// `api` has 10 s less 4 s of `log` and a second for `database`.
fn v11_own_times_count_in_full<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let database = stage.part(flavour, "database", &[], None, End::WhenTold);
    let log = stage.part(
        flavour,
        "log",
        &["database"],
        Some(4 * SECOND),
        End::WhenTold,
    );
    let api = stage.part(flavour, "api", &["log"], None, End::WhenTold);
    // Its own time is all that it has, although more is there.
    let door = stage.part(flavour, "door", &["api"], Some(SECOND / 2), End::WhenTold);
    stage.stop();
    stage.come_first(&[&door]);
    stage.have_their_turn_at(&[&api], milliseconds(500));
    stage.have_their_turn_at(&[&log], 5 * SECOND);
    stage.have_their_turn_at(&[&database], 9 * SECOND);
    stage.are_cut_at(&[&database], GRACE);
    let error = stage.finish().unwrap_err();
    assert_eq!(overran(&error), ["api", "database", "door", "log"]);
}

/// By `left`, half a second and one for `base`; by `right`, two: `top` has 8 s. `left` then has its own time, and
/// `right` the 2 s that are left but for one.
fn v11_a_diamond_costs_its_costliest_path<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let base = stage.part(flavour, "base", &[], None, End::WhenTold);
    let left = stage.part(flavour, "left", &["base"], Some(SECOND / 2), End::WhenTold);
    let right = stage.part(flavour, "right", &["base"], None, End::WhenTold);
    let top = stage.part(flavour, "top", &["left", "right"], None, End::WhenTold);
    stage.stop();
    stage.come_first(&[&top]);
    stage.have_their_turn_at(&[&left, &right], 8 * SECOND);
    stage.are_cut_at(&[&left], milliseconds(8_500));
    stage.have_their_turn_at(&[&base], 9 * SECOND);
    right.over.expect("it is cut before `base` has its turn");
    stage.are_cut_at(&[&base], GRACE);
    let error = stage.finish().unwrap_err();
    assert_eq!(overran(&error), ["base", "left", "right", "top"]);
}

/// `front` has 10 s less one for the leaves and one for `base`; each leaf has the 2 s that are left, less one.
fn v11_thirty_leaves_stop_at_once_and_count_once<F: Host>(flavour: F) {
    let names: Vec<&'static str> = (0..30)
        .map(|number| &*format!("leaf {number:02}").leak())
        .collect();
    let stage = Stage::new(GRACE);
    let base = stage.part(Thread, "base", &[], None, End::AtOnce);
    let leaves: Vec<_> = names
        .iter()
        .map(|name| stage.part(flavour, name, &["base"], None, End::WhenTold))
        .collect();
    let front = stage.part(flavour, "front", &names, None, End::WhenTold);
    stage.stop();
    stage.come_first(&[&front]);
    let all: Vec<_> = leaves.iter().collect();
    stage.have_their_turn_at(&all, 8 * SECOND);
    // A quick one changes nothing for the others.
    leaves[7].tell();
    assert!(leaves[7].unit.wait_stopped(SOON), "it was told to end");
    stage.have_their_turn_at(&[&base], 9 * SECOND);
    let error = stage.finish().unwrap_err();
    let mut blamed = vec!["front"];
    blamed.extend(names.iter().filter(|name| **name != "leaf 07"));
    assert_eq!(overran(&error), blamed);
    assert_eq!(error.stragglers().len(), blamed.len(), "{error}");
}

/// What comes after nobody, and before nobody, has all of it; a path costs those on it alone.
fn v11_chains_beside_each_other_cost_each_other_nothing<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let alone = stage.part(flavour, "alone", &[], None, End::WhenTold);
    let short = stage.part(flavour, "short", &[], None, End::AtOnce);
    let after_short = stage.part(flavour, "after short", &["short"], None, End::WhenTold);
    let long = stage.part(flavour, "long", &[], Some(3 * SECOND), End::AtOnce);
    let after_long = stage.part(flavour, "after long", &["long"], None, End::WhenTold);
    stage.stop();
    stage.come_first(&[&alone, &after_short, &after_long]);
    stage.have_their_turn_at(&[&long], 7 * SECOND);
    stage.have_their_turn_at(&[&short], 9 * SECOND);
    stage.are_cut_at(&[&alone], GRACE);
    let error = stage.finish().unwrap_err();
    assert_eq!(overran(&error), ["after long", "after short", "alone"]);
}

/// 40 s in 10 s: a quarter of each.
fn v11_own_times_that_exceed_grace_are_shortened_in_proportion<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let last = stage.part(flavour, "last", &[], Some(20 * SECOND), End::WhenTold);
    let middle = stage.part(flavour, "middle", &["last"], Some(GRACE), End::WhenTold);
    let first = stage.part(flavour, "first", &["middle"], Some(GRACE), End::WhenTold);
    stage.stop();
    stage.come_first(&[&first]);
    stage.have_their_turn_at(&[&middle], milliseconds(2_500));
    stage.have_their_turn_at(&[&last], 5 * SECOND);
    stage.are_cut_at(&[&last], GRACE);
    let error = stage.finish().unwrap_err();
    assert_eq!(overran(&error), ["first", "last", "middle"]);
}

fn v11_own_times_that_are_shortened_on_one_path_stay_whole_on_another<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let last = stage.part(flavour, "last", &[], Some(15 * SECOND), End::AtOnce);
    // 20 s in 10 s: half of each.
    let first = stage.part(flavour, "first", &["last"], Some(5 * SECOND), End::WhenTold);
    let other = stage.part(flavour, "other", &[], Some(5 * SECOND), End::WhenTold);
    stage.stop();
    stage.come_first(&[&first, &other]);
    stage.have_their_turn_at(&[&last], milliseconds(2_500));
    stage.are_cut_at(&[&other], 5 * SECOND);
    let error = stage.finish().unwrap_err();
    assert_eq!(overran(&error), ["first", "other"]);
}

/// A thread stays behind, a coroutine is cut; either is named once, and by its time.
fn v11_one_that_overruns_its_own_time_and_grace_is_told_once<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let base = stage.part(Smol, "base", &[], None, End::AtOnce);
    let slow = stage.part(flavour, "slow", &["base"], Some(SECOND), End::WhenTold);
    stage.stop();
    stage.come_first(&[&slow]);
    stage.have_their_turn_at(&[&base], SECOND);
    let error = stage.finish().unwrap_err();
    slow.tell();
    assert_eq!(overran(&error), ["slow"], "{error}");
    assert_eq!(error.stragglers().len(), 1, "{error}");
    assert!(error.left_behind().is_empty(), "{error}");
    assert_eq!(error.to_string().matches("`slow`").count(), 1, "{error}");
}

/// No share is taken off: nobody else stops.
fn v11_its_own_stop_has_the_whole_grace_time_and_concerns_it_alone<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let base = stage.part(flavour, "base", &[], None, End::AtOnce);
    let middle = stage.part(flavour, "middle", &["base"], None, End::WhenTold);
    let front = stage.part(flavour, "front", &["middle"], None, End::AtOnce);
    middle.unit.stop();
    middle.asked.expect("it is asked");
    stage.are_cut_at(&[&middle], GRACE);
    assert!(middle.unit.wait_stopped(SOON));
    for other in [base, front] {
        assert_eq!(other.unit.state(), UnitState::Running);
        assert!(!other.asked.has_happened());
    }
    // It is no straggler of the runtime's, which stops later.
    stage.runtime.shutdown();
    stage.finish().unwrap();
}

/// It is cancelled when its turn comes, which it does not notice. Those before it have their turn.
fn v11_a_coroutine_without_a_token_that_blocks_is_a_straggler<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let base = stage.part(Thread, "base", &[], None, End::AtOnce);
    let (begun, go) = (Event::new(), Event::new());
    let (begins, goes) = (begun.clone(), go.clone());
    let unit = stage.runtime.unit().name("deaf").after("base");
    let deaf = move || blocks(begins.clone(), goes.clone());
    flavour.serve(unit.stop_time(SECOND), deaf).unwrap();
    begun.expect("it runs");
    stage.stop();
    stage.have_their_turn_at(&[&base], SECOND);
    go.happen();
    let error = stage.finish().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("{error}")
    };
    assert_eq!(straggler.payload(), Some("deaf"));
    assert!(error.failures().is_empty(), "{error}");
}

async fn blocks(begun: Event, go: Event) {
    // A first poll is waited for by itself.
    futures_lite::future::yield_now().await;
    begun.happen();
    block_until(&go);
    // Cancelled, it is dropped where it awaits.
    std::future::pending::<()>().await;
}
