//! What a program and everything in it can reach.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use foster::{Group, Reloading, Runtime};
use futures_lite::future::block_on;
use tokio::sync::watch;

use crate::log::{Log, What};
use crate::player::Player;
use crate::program::{Act, Policy, Program};

/// What a program and everything in it can reach.
pub struct World {
    pub log: Arc<Log>,
    pub gates: [Gate; 3],
    /// Opens with all gates: nobody waits any more.
    pub closing: Gate,
    /// Opens when the runtime is over and looked at: what was left behind may end.
    pub over: Gate,
    /// Hands wait for nothing, as flavours may be blocked.
    pub keeps_threads: bool,
    /// The one lasting handle.
    runtime: Mutex<Option<Runtime>>,
    /// One lasting handle of each group.
    groups: Vec<Mutex<Option<Group>>>,
    /// How many places there were.
    places: AtomicUsize,
    /// How many reloads were asked for.
    reloads: AtomicUsize,
    /// Those that nobody waits for, until they are looked at.
    kept: Mutex<Vec<(usize, Reloading)>>,
    /// What hands do aside, as it may not end before the runtime does.
    asides: Mutex<Vec<JoinHandle<()>>>,
}

impl World {
    /// A world with the groups of `program`.
    pub fn new(program: &Program, runtime: Runtime, log: &Arc<Log>) -> Arc<Self> {
        let mut groups: Vec<Group> = Vec::new();
        for (index, plan) in program.groups.iter().enumerate() {
            let name = format!("g{index}");
            let mut builder = match program.parent_of(index) {
                Some(parent) => groups[parent].group(name),
                None => runtime.group(name),
            };
            if let Some(limit) = plan.limit {
                builder = builder.limit(limit);
            }
            builder = match plan.policy {
                Policy::Passes => builder,
                Policy::MayFail => builder.may_fail(),
                Policy::EachMayFail => builder.each_may_fail(),
            };
            groups.push(builder.create().expect("a runtime that waits takes groups"));
        }
        Arc::new(Self {
            log: Arc::clone(log),
            gates: Default::default(),
            closing: Gate::default(),
            over: Gate::default(),
            keeps_threads: program.keeps_threads(),
            runtime: Mutex::new(Some(runtime)),
            groups: groups.into_iter().map(Some).map(Mutex::new).collect(),
            places: AtomicUsize::new(0),
            reloads: AtomicUsize::new(0),
            kept: Mutex::default(),
            asides: Mutex::default(),
        })
    }

    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Group `index`, unless its lasting handle was dropped.
    pub fn group(&self, index: usize) -> Option<Group> {
        lock(&self.groups[index]).clone()
    }

    pub fn take_group(&self, index: usize) -> Option<Group> {
        lock(&self.groups[index]).take()
    }

    /// The number of a new place.
    pub fn next_place(&self) -> usize {
        self.places.fetch_add(1, Relaxed)
    }

    /// The number of a new reload.
    pub fn next_reload(&self) -> usize {
        self.reloads.fetch_add(1, Relaxed)
    }

    /// Nobody waits for this reload by now.
    pub fn keep_reload(&self, number: usize, reload: Reloading) {
        lock(&self.kept).push((number, reload));
    }

    /// The reloads that nobody waits for.
    pub fn take_reloads(&self) -> Vec<(usize, Reloading)> {
        std::mem::take(&mut *lock(&self.kept))
    }

    /// Opens all gates.
    pub fn open(&self) {
        self.gates.iter().for_each(Gate::open);
        self.closing.open();
    }

    pub fn runtime(&self) -> Option<Runtime> {
        lock(&self.runtime).clone()
    }

    pub fn take_runtime(&self) -> Option<Runtime> {
        lock(&self.runtime).take()
    }

    pub fn wrong(&self, text: String) {
        self.log.write(None, What::Wrong(text));
    }

    /// Does `act` on a thread of its own, which is joined after the runtime's end.
    pub fn aside(self: &Arc<Self>, act: &Act) {
        let (world, act) = (Arc::clone(self), act.clone());
        let thread = thread::spawn(move || block_on(Player::outside(&world).act(&act)));
        lock(&self.asides).push(thread);
    }

    pub fn join_asides(&self) {
        let asides = std::mem::take(&mut *lock(&self.asides));
        for aside in asides {
            self.expect_no_panic(aside);
        }
    }

    pub fn expect_no_panic<R>(&self, thread: JoinHandle<R>) -> Option<R> {
        let joined = thread.join();
        if joined.is_err() {
            self.wrong("a panic went where it does not belong".to_owned());
        }
        joined.ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that opens once, to be awaited in any executor.
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Gate {
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub async fn wait(&self) {
        // An error would mean that the sender, which is here, is gone.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}
