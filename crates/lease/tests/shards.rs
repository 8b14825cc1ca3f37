//! Shards spread over processes; here each process is a runtime, on one engine inside the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use foster::{Clock, Runtime, Shutdown, Signals, Smol, Unit, UnitState, service};
use foster_lease::{Delivery, Fence, Local, Shards};

const SOON: Duration = Duration::from_secs(30);
const LENGTH: Duration = Duration::from_secs(15);

/// Which replica runs each shard, and with which fence.
#[derive(Clone, Default)]
struct Board(Arc<Mutex<BTreeMap<usize, (&'static str, u64)>>>);

impl Board {
    fn begin(&self, shard: usize, name: &'static str, fence: u64) {
        let before = self.0.lock().unwrap().insert(shard, (name, fence));
        assert_eq!(before, None, "shard {shard} runs twice");
    }

    fn end(&self, shard: usize) {
        self.0.lock().unwrap().remove(&shard);
    }

    fn read(&self) -> BTreeMap<usize, (&'static str, u64)> {
        self.0.lock().unwrap().clone()
    }

    /// How many shards each replica has.
    fn sizes(&self) -> BTreeMap<&'static str, usize> {
        let mut sizes = BTreeMap::new();
        for (name, _) in self.read().values() {
            *sizes.entry(*name).or_default() += 1;
        }
        sizes
    }
}

struct Stage {
    clock: Clock,
    engine: Local,
    board: Board,
    shards: usize,
}

struct Replica {
    runtime: Runtime,
    unit: Unit,
}

impl Stage {
    fn new(shards: usize) -> Self {
        let clock = Clock::manual();
        Self {
            engine: Local::new(&clock),
            board: Board::default(),
            clock,
            shards,
        }
    }

    fn replica(&self, name: &'static str) -> Replica {
        let builder = Runtime::builder().quiet().signals(Signals::Leave);
        let runtime = builder.clock(self.clock.clone()).build();
        runtime.start().unwrap();
        let (leases, board) = (self.engine.leases(name, LENGTH), self.board.clone());
        let make = move |shard| {
            let board = board.clone();
            service(Smol, move || {
                let board = board.clone();
                async move {
                    let token = Shutdown::current();
                    board.begin(shard, name, Fence::current().number());
                    token.requested().await;
                    board.end(shard);
                }
            })
        };
        let unit = runtime.unit().name("queue").shards(self.shards, leases);
        let unit = unit.lease_name("queue").serve(make).unwrap();
        Replica { runtime, unit }
    }

    /// Moves the clock until each of these has so many shards.
    #[track_caller]
    fn settle(&self, sizes: &[(&'static str, usize)]) {
        let expected: BTreeMap<_, _> = sizes.iter().copied().collect();
        let deadline = Instant::now() + SOON;
        while self.board.sizes() != expected {
            assert!(
                Instant::now() < deadline,
                "{:?}, not {expected:?}",
                self.board.sizes()
            );
            self.clock.advance(Duration::from_millis(100));
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Replica {
    fn end(self) {
        self.runtime.shutdown();
        let waits = self.runtime.clone();
        let waiting = std::thread::spawn(move || waits.wait());
        let deadline = Instant::now() + SOON;
        while !waiting.is_finished() {
            assert!(Instant::now() < deadline, "it does not end");
            self.runtime.clock().advance(Duration::from_millis(100));
            std::thread::sleep(Duration::from_millis(1));
        }
        waiting.join().unwrap().unwrap();
    }
}

#[test]
fn each_replica_has_its_share_and_hands_over_to_one_that_joins() {
    let stage = Stage::new(12);
    let first = stage.replica("first");
    stage.settle(&[("first", 12)]);
    assert_eq!(first.unit.state(), UnitState::Held);
    let second = stage.replica("second");
    stage.settle(&[("first", 6), ("second", 6)]);
    let third = stage.replica("third");
    stage.settle(&[("first", 4), ("second", 4), ("third", 4)]);
    second.end();
    stage.settle(&[("first", 6), ("third", 6)]);
    first.end();
    stage.settle(&[("third", 12)]);
    third.end();
}

#[test]
fn when_one_is_lost_only_its_shards_move_and_with_a_greater_fence() {
    let stage = Stage::new(12);
    let all = ["first", "second", "third"].map(|name| stage.replica(name));
    stage.settle(&[("first", 4), ("second", 4), ("third", 4)]);
    let before = stage.board.read();
    // Nothing of the third reaches the engine any more, nor comes back.
    stage
        .engine
        .on_call(|request| match request.holder.as_str() {
            "third" => Delivery::Swallow,
            _ => Delivery::Now,
        });
    stage.settle(&[("first", 6), ("second", 6)]);
    for (shard, (name, fence)) in stage.board.read() {
        let (was, had) = before[&shard];
        match was {
            "third" => assert!(fence > had, "shard {shard}: {had}, then {fence}"),
            _ => assert_eq!((name, fence), (was, had), "shard {shard} moved"),
        }
    }
    assert!(all.iter().all(|replica| !replica.runtime.is_stopping()));
    for replica in all {
        replica.end();
    }
}

#[test]
fn no_shards_are_refused() {
    let runtime = Runtime::new();
    let engine = Local::new(runtime.clock());
    let none = runtime.unit().shards(0, engine.leases("one", LENGTH));
    let none = none.serve(|_| service(Smol, || async {}));
    assert!(none.unwrap_err().to_string().contains("0 shards"));
}

#[test]
fn one_without_a_shard_stands_by() {
    let stage = Stage::new(1);
    let first = stage.replica("first");
    stage.settle(&[("first", 1)]);
    let second = stage.replica("second");
    let deadline = Instant::now() + SOON;
    while second.unit.state() != UnitState::Standby {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert!(second.unit.state().is_ready());
    first.end();
    stage.settle(&[("second", 1)]);
    assert_eq!(second.unit.state(), UnitState::Held);
    second.end();
}
