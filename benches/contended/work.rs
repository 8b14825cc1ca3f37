//! What is counted: four payloads, one on each worker of a pool, hand in further ones.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use foster::{Runtime, Signals, TokioHandle, TokioMultiThread};
use tokio::runtime::{Builder, Handle};

use crate::WORKERS;

/// After how many payloads one thread lets the next one go on: valgrind runs one at a time, else for much longer.
const TURN: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Foster's flavour with its own runtime of tokio.
    Pool,
    /// Foster's flavour on a runtime of tokio that is there.
    Borrowed,
    /// Tokio alone.
    Raw,
}

impl Side {
    pub(crate) const ALL: [Self; 3] = [Self::Pool, Self::Borrowed, Self::Raw];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Borrowed => "borrowed",
            Self::Raw => "raw",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Pool => "Foster, `TokioMultiThread`",
            Self::Borrowed => "Foster, `TokioHandle`",
            Self::Raw => "tokio, `tokio::spawn`",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.name() == name)
    }
}

/// Has each worker hand in `number` payloads, and returns when all are over.
pub(crate) fn run(side: Side, number: usize) {
    let foster = Runtime::builder().quiet().signals(Signals::Leave).build();
    foster.start().expect("the runtime starts");
    let tokio = (side != Side::Pool).then(|| {
        let mut tokio = Builder::new_multi_thread();
        tokio.worker_threads(WORKERS).enable_all();
        tokio.build().expect("tokio starts")
    });
    let on = On {
        side,
        foster,
        tokio: tokio.as_ref().map(|tokio| tokio.handle().clone()),
    };
    let met = Arc::new(Barrier::new(WORKERS));
    // Not counted by references: their count would be a line that all threads write.
    let over: &'static [Counter; WORKERS] = Box::leak(Box::default());
    for own in over {
        let (inside, met) = (on.clone(), Arc::clone(&met));
        on.hand_in(async move {
            // Blocks the thread, so that each worker has one of these.
            met.wait();
            for n in 0..number {
                if n % TURN == 0 {
                    thread::yield_now();
                }
                inside.hand_in(async move {
                    own.0.fetch_add(1, SeqCst);
                });
            }
        });
    }
    let are_over = || over.iter().map(|one| one.0.load(SeqCst)).sum::<usize>();
    while are_over() < WORKERS * number {
        thread::sleep(Duration::from_millis(1));
    }
    on.foster.shutdown();
    on.foster.wait().expect("nothing fails");
}

/// How many are over of those that one worker has handed in: in a line of its own, and not in that of a neighbour.
#[repr(align(128))]
#[derive(Default)]
struct Counter(AtomicUsize);

#[derive(Clone)]
struct On {
    side: Side,
    foster: Runtime,
    tokio: Option<Handle>,
}

impl On {
    fn hand_in(&self, payload: impl Future<Output = ()> + Send + 'static) {
        const POOL: TokioMultiThread = TokioMultiThread.worker_threads(WORKERS);
        let handle = || self.tokio.clone().expect("this side has tokio's");
        let adopted = match self.side {
            Side::Pool => self.foster.adopt(POOL, || payload),
            Side::Borrowed => self.foster.adopt(TokioHandle::new(handle()), || payload),
            Side::Raw => {
                drop(handle().spawn(payload));
                Ok(())
            }
        };
        adopted.expect("the runtime runs");
    }
}
