//! Shards over processes: none above its share once they have settled, and when one is killed only its shards move.
//!
//! `FOSTER_SHARDS` over `FOSTER_WORKERS` processes: 60 over 4, unless they are set.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use foster_engine_testing::EtcdServer;

/// The length of the leases, in seconds.
const LEASE: u64 = 10;
/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(240);

/// Who has which shard, and with which fence.
type Owners = BTreeMap<usize, (String, u64)>;

/// What the workers tell.
#[derive(Clone, Default)]
struct Board(Arc<Mutex<Owners>>);

impl Board {
    fn start() -> (Self, SocketAddr) {
        let (board, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let told = board.clone();
        thread::spawn(move || {
            for worker in listener.incoming().flatten() {
                let board = told.clone();
                thread::spawn(move || {
                    for line in BufReader::new(worker).lines().map_while(Result::ok) {
                        board.take(&line);
                    }
                });
            }
        });
        (board, address)
    }

    fn take(&self, line: &str) {
        let parts: Vec<_> = line.split_whitespace().collect();
        let [what, shard, fence, name] = parts[..] else {
            panic!("`{line}` is nothing that a worker tells")
        };
        let (shard, fence) = (
            shard.parse().expect("a shard"),
            fence.parse().expect("a fence"),
        );
        let mut owners = self.0.lock().unwrap();
        if what == "end" {
            // Its next owner may have told first, on another connection.
            if owners
                .get(&shard)
                .is_some_and(|(_, present)| *present == fence)
            {
                owners.remove(&shard);
            }
            return;
        }
        let before = owners.insert(shard, (name.to_owned(), fence));
        if let Some((_, before)) = before {
            assert!(fence > before, "shard {shard}: {before}, then {fence}");
        }
    }

    fn read(&self) -> Owners {
        self.0.lock().unwrap().clone()
    }

    /// Waits until all shards are had by these, and none has more than its share.
    #[track_caller]
    fn settle(&self, shards: usize, workers: &[Worker]) -> Owners {
        let share = shards.div_ceil(workers.len());
        let deadline = Instant::now() + DEADLINE;
        loop {
            let owners = self.read();
            let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
            for (name, _) in owners.values() {
                *sizes.entry(name).or_default() += 1;
            }
            let are_known = sizes
                .keys()
                .all(|name| workers.iter().any(|one| one.name == *name));
            if owners.len() == shards && are_known && sizes.values().all(|size| *size <= share) {
                return owners;
            }
            assert!(Instant::now() < deadline, "{sizes:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Killed when it is dropped.
struct Worker {
    name: String,
    child: Child,
}

impl Worker {
    fn start(number: usize, etcd: &EtcdServer, board: SocketAddr, shards: usize) -> Self {
        let name = format!("worker-{number}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command.args([name.as_str(), &etcd.endpoint(), &board.to_string()]);
        command.args([shards.to_string(), LEASE.to_string()]);
        let child = command.stdin(Stdio::null()).spawn().expect("it starts");
        Self { name, child }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number(name: &str, default: usize) -> usize {
    let given = env::var(name).ok();
    given.map_or(default, |given| given.parse().expect("a number"))
}

#[test]
fn when_a_worker_is_killed_only_its_shards_move() {
    let Some(etcd) = EtcdServer::start() else {
        return;
    };
    let (shards, workers) = (number("FOSTER_SHARDS", 60), number("FOSTER_WORKERS", 4));
    let (board, address) = Board::start();
    let began = Instant::now();
    let start = |number| Worker::start(number, &etcd, address, shards);
    let mut all: Vec<_> = (0..workers).map(start).collect();
    let before = board.settle(shards, &all);
    println!(
        "{shards} shards over {workers} workers settle in {:?}",
        began.elapsed()
    );
    let lost = all.remove(workers / 2);
    let (name, killed) = (lost.name.clone(), Instant::now());
    drop(lost);
    let after = board.settle(shards, &all);
    let took = killed.elapsed();
    println!("the shards of one that was killed have moved in {took:?}");
    for (shard, (owner, fence)) in &before {
        match *owner == name {
            true => assert!(after[shard].1 > *fence, "shard {shard}"),
            false => assert_eq!(after[shard], (owner.clone(), *fence), "shard {shard} moved"),
        }
    }
    // A machine that builds at the same time is not what the times are promised on.
    let longest = if shards > 60 { LEASE + 2 } else { LEASE * 3 };
    assert!(took <= Duration::from_secs(longest), "{took:?}");
    // One more gets its share.
    all.push(start(workers));
    let joined = Instant::now();
    board.settle(shards, &all);
    println!("one more has its share after {:?}", joined.elapsed());
}
