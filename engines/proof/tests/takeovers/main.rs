//! Replicas of which one writes at a time, under whatever may happen to them and to the way to their engine.
//!
//! `FOSTER_TAKEOVERS` says how often one takes over from another: ten times, unless it is set. `FOSTER_SEED` draws what happens.
#![cfg(target_os = "linux")]

mod proxy;
mod replica;
mod store;

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use foster_engine_testing::EtcdServer;
use nix::sys::signal::Signal;
use proxy::{Proxy, Way};
use replica::Replica;
use store::{Store, check};

/// The length of the lease, in seconds.
const LEASE: u64 = 3;
const LENGTH: Duration = Duration::from_secs(LEASE);
/// The longest time without a holder, while a replica and the engine live.
const LONGEST: Duration = Duration::from_secs(LEASE + 1);
/// The longest time without a holder after an ordinary stop, for half of them.
const QUICKLY: Duration = Duration::from_millis(200);
/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// What happens to the holder, or to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// `kill -9` of the holder.
    Kill,
    /// An ordinary stop.
    Terminate,
    /// It stands still for longer than the lease, and goes on.
    Pause,
    /// Its executor is blocked for ever, and nothing of it comes to the engine any more.
    Block,
    /// The engine stands still for longer than the lease, and goes on.
    EnginePause,
    /// Its way to the engine swallows all.
    Swallow,
    /// Its way to the engine is cut.
    Cut,
    /// Its way to the engine is slow, and then it is killed.
    Slow,
    /// Its wall clock jumps by an hour, there and back, which makes no difference; then it is killed.
    Jump,
}

const FAULTS: [Fault; 9] = [
    Fault::Kill,
    Fault::Terminate,
    Fault::Pause,
    Fault::Block,
    Fault::EnginePause,
    Fault::Swallow,
    Fault::Cut,
    Fault::Slow,
    Fault::Jump,
];

/// All that there is.
struct Stage {
    etcd: EtcdServer,
    store: Store,
    replicas: Vec<Replica>,
    /// Times in which nobody could hold the lease.
    excused: Vec<(Instant, Instant)>,
    started: usize,
}

impl Stage {
    fn start(&mut self) {
        self.started += 1;
        let name = format!("replica-{}", self.started);
        let proxy = Proxy::start(self.etcd.daemon().port());
        let replica = Replica::start(&name, proxy, self.store.address, LEASE);
        self.replicas.push(replica);
    }

    /// Waits for a write of a greater fence than `fence`. Returns when it came, and with which fence.
    fn next_turn(&self, fence: u64) -> (Instant, u64) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(last) = self.store.last().filter(|last| last.write.fence > fence) {
                let fence = last.write.fence;
                let history = self.store.history();
                let first = history.iter().find(|entry| entry.write.fence == fence);
                return (first.expect("it is there").at, fence);
            }
            assert!(
                Instant::now() < deadline,
                "nobody takes over from fence {fence}"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The present holder: its number among the replicas, and its fence.
    fn holder(&self) -> (usize, u64) {
        let last = self.store.last().expect("somebody has written");
        let is_it = |replica: &Replica| replica.name == last.write.replica;
        let holder = self.replicas.iter().position(is_it);
        (holder.expect("it is one of these"), last.write.fence)
    }

    /// Does this to the holder, and waits until another one has taken over. Returns how long nobody wrote.
    fn suffer(&mut self, fault: Fault) -> Duration {
        let (holder, fence) = self.holder();
        match fault {
            Fault::Kill => self.replicas.remove(holder).kill(),
            Fault::Terminate => {
                self.replicas[holder].signal(Signal::SIGTERM);
                let ended = self.replicas.remove(holder).end();
                assert_eq!(ended, Some(0), "an ordinary stop");
            }
            Fault::Pause => {
                self.replicas[holder].signal(Signal::SIGSTOP);
                self.next_turn(fence);
                self.replicas[holder].signal(Signal::SIGCONT);
            }
            Fault::Block => {
                self.replicas[holder].proxy.set(Way::Swallows);
                self.replicas[holder].order("block");
                let ended = self.replicas.remove(holder).end();
                assert_eq!(ended, Some(70), "what cannot be cancelled ends the process");
            }
            Fault::EnginePause => {
                let from = Instant::now();
                self.etcd.daemon().stop();
                thread::sleep(LENGTH + Duration::from_secs(1));
                self.etcd.daemon().go_on();
                self.excused.push((from, Instant::now()));
            }
            Fault::Swallow | Fault::Cut => {
                let way = match fault {
                    Fault::Cut => Way::Cut,
                    _ => Way::Swallows,
                };
                self.replicas[holder].proxy.set(way);
                self.next_turn(fence);
                self.replicas[holder].proxy.set(Way::Open);
            }
            Fault::Jump => {
                for seconds in [3_600, -3_600, 0] {
                    self.replicas[holder].jump(seconds);
                    thread::sleep(LENGTH / 2);
                    assert_eq!(self.holder(), (holder, fence), "after a jump of the clock");
                }
                self.replicas.remove(holder).kill();
            }
            Fault::Slow => {
                self.replicas[holder].proxy.set(Way::Slow);
                thread::sleep(LENGTH);
                let (holder, fence) = self.holder();
                self.replicas.remove(holder).kill();
                // It may have been another one by then.
                for replica in &self.replicas {
                    replica.proxy.set(Way::Open);
                }
                self.next_turn(fence);
            }
        }
        self.next_turn(fence);
        self.pause_of(fence)
    }

    /// How long nobody wrote after the last write of a fence.
    fn pause_of(&self, fence: u64) -> Duration {
        let history = self.store.history();
        let accepted: Vec<_> = history.iter().filter(|entry| entry.is_accepted).collect();
        let last = accepted
            .iter()
            .rposition(|entry| entry.write.fence == fence);
        let last = last.expect("it has written");
        accepted[last + 1].at - accepted[last].at
    }
}

#[test]
fn nobody_writes_beside_the_holder_and_somebody_always_does() {
    let Some(etcd) = EtcdServer::start() else {
        return;
    };
    let number = env::var("FOSTER_TAKEOVERS").ok();
    let number = number.map_or(10, |number| number.parse().expect("a number of takeovers"));
    let seed = env::var("FOSTER_SEED").ok();
    let seed: u64 = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a seed"));
    println!("FOSTER_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let mut stage = Stage {
        etcd,
        store: Store::start(),
        replicas: Vec::new(),
        excused: Vec::new(),
        started: 0,
    };
    for _ in 0..3 {
        stage.start();
    }
    if !Replica::can_jump() {
        println!("SKIPPED: faketime is not installed, so no clock jumps");
    }
    stage.next_turn(0);
    let (mut killed, mut stopped) = (Vec::new(), Vec::new());
    for round in 0..number {
        // Each of them, in short proofs as well.
        let fault = match FAULTS.get(round) {
            Some(fault) => *fault,
            None => FAULTS[rng.usize(..FAULTS.len())],
        };
        let pause = stage.suffer(fault);
        println!("{round}: {fault:?}, nobody wrote for {pause:?}");
        match fault {
            Fault::Kill => killed.push(pause),
            Fault::Terminate => stopped.push(pause),
            _ => {}
        }
        while stage.replicas.len() < 3 {
            stage.start();
        }
        // Not always as soon as it has begun.
        thread::sleep(Duration::from_millis(rng.u64(200..800)));
    }
    for replica in stage.replicas.drain(..) {
        replica.signal(Signal::SIGTERM);
        let ended = replica.end();
        assert_eq!(ended, Some(0), "none has failed");
    }
    // A machine that builds at the same time is not what the times are promised on.
    let longest = if number > 10 { LONGEST } else { LONGEST * 3 };
    check(&stage.store.history(), longest, &stage.excused);
    stopped.sort_unstable();
    let median = stopped.get(stopped.len() / 2).copied().unwrap_or_default();
    let quickly = if number > 10 { QUICKLY } else { longest };
    assert!(median <= quickly, "after an ordinary stop: {stopped:?}");
    assert!(
        killed.iter().all(|pause| *pause <= longest),
        "after a kill: {killed:?}"
    );
}
