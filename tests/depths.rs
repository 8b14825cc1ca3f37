//! Groups and runs many levels deep, and failures at the bottom. Rows G1 to G3.
//!
//! What needs a call inside a call for each level overflows a stack, which ends the process: so those with very many levels
//! are in a child.

mod common;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use common::child::{Played, be_child, play};
use common::services::*;
use common::*;
use foster::flavour::Manual;
use foster::{Coroutine, Group, Key, Shutdown, Smol, UnitState, service_once};
use futures_lite::future::yield_now;

once!(
    g3_ten_groups_deep_the_stop_begins_inside_the_failing_poll,
    g3_ten_services_deep_the_stop_begins_inside_the_failing_poll,
    g3_ten_payloads_deep_the_stop_begins_inside_the_failing_poll,
    g1_two_thousand_groups_deep_all_end,
    g2_two_thousand_payloads_deep_all_end,
    g2_two_hundred_services_deep_all_end,
    g3_a_failure_is_heard_of_many_levels_above,
);

#[test]
fn as_child() {
    be_child(|scenario| {
        let (level, end) = scenario.split_once(' ').expect("a level, and an end");
        let level = LEVELS.into_iter().find(|one| format!("{one:?}") == level);
        let end = ENDS.into_iter().find(|one| format!("{one:?}") == end);
        ends(level.expect("a level"), end.expect("an end"))
    });
}

/// What a level of a tree is, below the first one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Level {
    /// A group, with a payload in the innermost one.
    Group,
    /// A service in the group of the one above it.
    Service,
    /// An adopted payload in the group of the one above it.
    Payload,
}

const LEVELS: [Level; 3] = [Level::Group, Level::Service, Level::Payload];

impl Level {
    /// How many runs there are in so many levels.
    fn number(self, depth: usize) -> usize {
        match self {
            Self::Group => 1,
            Self::Service | Self::Payload => depth,
        }
    }
}

/// What runs at each level of a tree.
#[derive(Clone)]
struct Tree<F> {
    flavour: F,
    level: Level,
    /// Those above the bottom do not wait until they are asked to end.
    returns: bool,
    held: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    /// Lets the run at the bottom end, before anybody asks it to.
    go: Event,
    fails: bool,
    /// It is polled for the last time.
    gone: Event,
}

type Running = Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>>;

impl<F: Key<Payload = Coroutine> + Clone> Tree<F> {
    fn new(flavour: F, level: Level) -> Self {
        Self {
            flavour,
            level,
            returns: false,
            held: Arc::default(),
            ended: Arc::default(),
            go: Event::new(),
            fails: false,
            gone: Event::new(),
        }
    }

    /// Makes so many levels in `group`.
    fn grow(&self, group: &Group, depth: usize) -> Vec<Group> {
        let mut groups = vec![group.clone()];
        if self.level != Level::Group {
            self.begin(group, depth);
            return groups;
        }
        for _ in 0..depth {
            let inner = groups[groups.len() - 1].group("n").create().unwrap();
            groups.push(inner);
        }
        self.begin(&groups[depth], 1);
        groups
    }

    /// Hands the next level in.
    fn begin(&self, group: &Group, left: usize) {
        let next = self.clone();
        let run = move || next.run(left);
        match self.level {
            Level::Service => {
                let unit = group.unit().name("n");
                let run = service_once(self.flavour.clone(), run);
                drop(unit.serve(run).unwrap());
            }
            _ => group.named("n").adopt(self.flavour.clone(), run).unwrap(),
        }
    }

    fn run(self, left: usize) -> Running {
        Box::pin(async move {
            let ended = Arc::clone(&self.ended);
            let _ended = OnDrop(move || {
                ended.fetch_add(1, SeqCst);
            });
            let token = Shutdown::current();
            self.held.fetch_add(1, SeqCst);
            if left > 1 {
                self.begin(&Group::current(), left - 1);
                if !self.returns {
                    token.requested().await;
                }
                return Ok(());
            }
            while !self.go.has_happened() && !token.is_requested() {
                yield_now().await;
            }
            self.gone.happen();
            match self.fails {
                true => Err("at the bottom"),
                false => Ok(()),
            }
        })
    }
}

/// All polls are this thread's. When the one returns in which the failure came, the runtime stops: nobody else had to do
/// anything for that.
#[track_caller]
fn fails_at_once(level: Level) {
    const DEPTH: usize = 10;
    let runtime = started();
    let group = runtime.group("top").create().unwrap();
    let manual = Manual::new();
    let mut tree = Tree::new(manual.clone(), level);
    tree.fails = true;
    let groups = tree.grow(&group, DEPTH);
    let number = level.number(DEPTH);
    expect("all run", || {
        manual.step();
        tree.held.load(SeqCst) == number
    });
    assert!(!runtime.is_stopping());
    tree.go.happen();
    let mut stops = None;
    expect("it fails", || {
        manual.step();
        stops = tree.gone.has_happened().then(|| runtime.is_stopping());
        stops.is_some()
    });
    assert_eq!(stops, Some(true), "at once");
    drop(groups);
    let (over, waiter) = wait_apart(runtime);
    expect("all end", || {
        manual.step();
        over.has_happened()
    });
    let report = waiter.join().unwrap().unwrap_err();
    let [failure] = report.failures() else {
        panic!("one failure: {report}");
    };
    assert_eq!(failure.message(), "at the bottom");
    let levels = if level == Level::Group {
        DEPTH + 1
    } else {
        DEPTH
    };
    assert_eq!(failure.payload(), format!("top{}", "/n".repeat(levels)));
    assert!(report.stragglers().is_empty(), "{report}");
    assert_eq!(tree.ended.load(SeqCst), number);
}

fn g3_ten_groups_deep_the_stop_begins_inside_the_failing_poll() {
    fails_at_once(Level::Group);
}

fn g3_ten_services_deep_the_stop_begins_inside_the_failing_poll() {
    fails_at_once(Level::Service);
}

fn g3_ten_payloads_deep_the_stop_begins_inside_the_failing_poll() {
    fails_at_once(Level::Payload);
}

/// How a deep tree comes to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// With the runtime.
    Runtime,
    /// By a shutdown of the outermost group.
    Outermost,
    /// By a cancel of that.
    Cancel,
    /// All but the run at the bottom have returned, and then it does.
    Itself,
    /// With a failure of the run at the bottom.
    Failure,
}

const ENDS: [End; 5] = [
    End::Runtime,
    End::Outermost,
    End::Cancel,
    End::Itself,
    End::Failure,
];

/// Very many levels.
fn ends(level: Level, end: End) -> Played {
    let depth = match level {
        Level::Group | Level::Payload => 2_000,
        // Each has a part of the time of the one above it, and those far below have none.
        Level::Service => 200,
    };
    let runtime = builder().build();
    runtime.start()?;
    let group = runtime.group("top").create()?;
    let mut tree = Tree::new(Smol, level);
    tree.returns = end == End::Itself;
    tree.fails = end == End::Failure;
    let mut groups = tree.grow(&group, depth);
    let number = level.number(depth);
    expect("all run", || tree.held.load(SeqCst) == number);
    match end {
        End::Runtime => runtime.shutdown(),
        End::Outermost => group.shutdown(),
        End::Cancel => group.cancel(),
        End::Itself => {
            // The innermost is the last of which there is a handle.
            let innermost = groups.pop();
            groups.clear();
            drop(innermost);
            tree.go.happen();
            expect("they end", || tree.ended.load(SeqCst) == number);
            expect("no group is left", || {
                runtime.group_named("top/n").is_none() && group.running() == 0
            });
            assert_eq!(group.state(), UnitState::Running);
            group.shutdown();
        }
        End::Failure => tree.go.happen(),
    }
    assert!(group.wait_stopped(SOON));
    assert_eq!(group.state(), UnitState::Ended);
    assert_eq!(tree.ended.load(SeqCst), number);
    runtime.shutdown();
    let failures = match runtime.wait() {
        Ok(()) => Vec::new(),
        // Or those that had no time are named.
        Err(report) => report.failures().to_vec(),
    };
    let seen: Vec<_> = failures.iter().map(foster::Failure::message).collect();
    match end {
        End::Failure => assert_eq!(seen, ["at the bottom"]),
        _ => assert!(seen.is_empty(), "{seen:?}"),
    }
    Ok(())
}

#[track_caller]
fn ends_in_child(level: Level, end: End) {
    let mut child = play(&format!("{level:?} {end:?}"));
    let (status, stdout, stderr) = child.end();
    assert!(
        status.success(),
        "{level:?} {end:?}: {status}\n{stdout}\n{stderr}"
    );
}

#[track_caller]
fn all_end(level: Level) {
    for end in &ENDS[..4] {
        ends_in_child(level, *end);
    }
}

fn g1_two_thousand_groups_deep_all_end() {
    all_end(Level::Group);
}

fn g2_two_thousand_payloads_deep_all_end() {
    all_end(Level::Payload);
}

fn g2_two_hundred_services_deep_all_end() {
    all_end(Level::Service);
}

fn g3_a_failure_is_heard_of_many_levels_above() {
    for level in LEVELS {
        ends_in_child(level, End::Failure);
    }
}
