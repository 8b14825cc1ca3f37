//! Runtimes in one process, each with a payload, and all ended by one thread.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use foster::{Runtime, Smol, Thread, Tokio};

use super::super::alone::give_up;
use super::super::executors;
use super::super::idle::{Idle, Life};
use super::{Kind, kind};

/// Each has one thread, and as many more as its flavours have; each of tokio's has four descriptors. What the system gives
/// a process ends above this: 65,530 mappings, of which a thread has four, and often 20,000 descriptors.
const MOST: usize = 10_000;
const MOST_OF_TWO_THREADS: usize = 4_000;

pub(super) const RUNTIMES: &[Kind] = &[
    // Without a flavour.
    kind("runtimes-bare", MOST, |idle| {
        live(idle, |_| {
            idle.nothing();
            Ok(())
        })
    })
    .beside("std", threads),
    kind("runtimes-thread", MOST_OF_TWO_THREADS, |idle| {
        live(idle, |runtime| {
            runtime.adopt(Thread, move || idle.block_until_asked())
        })
    }),
    kind("runtimes-smol", MOST_OF_TWO_THREADS, |idle| {
        live(idle, |runtime| {
            runtime.adopt(Smol, move || idle.until_asked())
        })
    }),
    kind("runtimes-tokio", MOST_OF_TWO_THREADS, |idle| {
        live(idle, |runtime| {
            runtime.adopt(Tokio, move || idle.until_asked())
        })
    }),
];

fn live(idle: Idle, adopt: impl Fn(&Runtime) -> Result<(), foster::AdoptError>) -> Life {
    let alive = |all: &RefCell<Vec<Runtime>>| all.borrow().len();
    let start = |all: &RefCell<Vec<Runtime>>| {
        let runtime = executors::unstarted();
        let started = runtime.start().map_err(|error| error.to_string());
        let started = started.and_then(|()| adopt(&runtime).map_err(|error| error.to_string()));
        if let Err(error) = started {
            give_up(format!("{} are alive when {error}", alive(all)));
        }
        all.borrow_mut().push(runtime);
    };
    let end = |all: RefCell<Vec<Runtime>>| {
        let all = all.into_inner();
        all.iter().for_each(Runtime::shutdown);
        all.iter().for_each(executors::wait);
    };
    idle.live(RefCell::default(), start, end)
}

/// One thread each, as a runtime has.
fn threads(idle: Idle) -> Life {
    let (ask, asked) = (Arc::new(AtomicBool::new(false)), Cell::new(Vec::new()));
    let start = |(): &()| {
        let is_asked = Arc::clone(&ask);
        let thread = thread::spawn(move || {
            idle.nothing();
            while !is_asked.load(SeqCst) {
                thread::park();
            }
        });
        let mut all = asked.take();
        all.push(thread);
        asked.set(all);
    };
    let end = |()| {
        ask.store(true, SeqCst);
        let all = asked.take();
        all.iter().for_each(|one| one.thread().unpark());
        for one in all {
            one.join().expect("nothing panics");
        }
    };
    idle.live((), start, end)
}
