//! Shards on leases of Kubernetes; each process is a runtime with a client of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use foster::{Runtime, Shutdown, Signals, Thread, service};
use foster_engine_testing::DEADLINE;
use foster_lease::{Acquired, Fence, Shards};

use crate::calls::acquire;
use crate::fake::Fake;

const SHARDS: usize = 4;
const LENGTH: Duration = Duration::from_secs(4);

/// Which replica runs each shard, and with which fence.
#[derive(Clone, Default)]
struct Board(Arc<Mutex<BTreeMap<usize, (&'static str, u64)>>>);

impl Board {
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<usize, (&'static str, u64)>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until each of these has so many shards.
    fn settles(&self, sizes: &[(&'static str, usize)]) {
        let expected: BTreeMap<_, _> = sizes.iter().copied().collect();
        let deadline = Instant::now() + DEADLINE;
        loop {
            let now = self.change(|board| board.clone());
            let mut sizes = BTreeMap::new();
            for (name, _) in now.values() {
                *sizes.entry(*name).or_insert(0) += 1;
            }
            if sizes == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{now:?}, not {expected:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Work on its shards until its end is asked for.
fn replica(fake: &Fake, name: &'static str, board: &Board) -> Runtime {
    let builder = Runtime::builder().quiet().signals(Signals::Leave);
    let runtime = builder.build();
    runtime.start().expect("it starts");
    let board = board.clone();
    let make = move |shard| {
        let board = board.clone();
        service(Thread, move || {
            let (token, fence) = (Shutdown::current(), Fence::current().number());
            let before = board.change(|board| board.insert(shard, (name, fence)));
            assert_eq!(before, None, "shard {shard} runs twice");
            while !token.wait_timeout(DEADLINE) {}
            board.change(|board| board.remove(&shard));
        })
    };
    let leases = fake.kube().leases(name, LENGTH);
    let unit = runtime.unit().shards(SHARDS, Arc::new(leases));
    let unit = unit
        .lease_name("queue")
        .stop_time(Duration::from_millis(500));
    unit.serve(make).expect("it is served");
    runtime
}

#[test]
fn shards_move_from_who_is_gone_to_who_is_there() {
    let fake = Fake::start();
    let gone = fake.kube();
    for name in [
        "shards/0",
        "shards/1",
        "shards/2",
        "shards/3",
        "members/gone",
    ] {
        let lease = gone.lease(format!("queue/{name}"), "gone", LENGTH);
        assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    }
    let board = Board::default();
    let first = replica(&fake, "first", &board);
    board.settles(&[("first", 4)]);
    let fences = board.change(|board| board.values().map(|(_, fence)| *fence).collect::<Vec<_>>());
    assert!(fences.iter().all(|fence| *fence > 1), "{fences:?}");

    let second = replica(&fake, "second", &board);
    board.settles(&[("first", 2), ("second", 2)]);
    for (runtime, left) in [(first, &[("second", 4)][..]), (second, &[])] {
        runtime.shutdown();
        runtime.wait().unwrap_or_else(|error| panic!("{error}"));
        board.settles(left);
    }
}
