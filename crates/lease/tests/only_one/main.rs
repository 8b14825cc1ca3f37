//! Services and groups that run on one process at a time; here each process is a runtime, on one engine inside the process.

mod ends;
mod engine_fails;
mod overruns;
mod takes_turns;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use foster::{Clock, Runtime, Shutdown, Signals, Smol, Unit, UnitState, service};
use foster_lease::{Fence, Lease, Local, OnlyOne, OnlyOneBuilder};

const SOON: Duration = Duration::from_secs(20);
const LENGTH: Duration = Duration::from_secs(15);

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// What happened, over all replicas.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    #[track_caller]
    fn expect(&self, expected: &[&str]) {
        until(&format!("{expected:?}, not {:?}", self.read()), || {
            self.read() == expected
        });
    }
}

/// Looks at a fact until it is one.
#[track_caller]
fn until(what: &str, is_it: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_it() {
        assert!(Instant::now() < deadline, "did not happen: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// An engine and those who ask it, on one clock.
struct Stage {
    clock: Clock,
    engine: Local,
    log: Log,
}

impl Stage {
    fn new(clock: Clock) -> Self {
        Self {
            engine: Local::new(&clock),
            log: Log::default(),
            clock,
        }
    }

    fn runtime(&self) -> Runtime {
        let builder = Runtime::builder().quiet().signals(Signals::Leave);
        let runtime = builder.clock(self.clock.clone()).build();
        runtime.start().unwrap();
        runtime
    }

    fn lease(&self, holder: &str) -> Arc<dyn Lease> {
        self.engine.lease("billing", holder, LENGTH)
    }

    /// A replica whose work writes when it begins and ends.
    fn replica(&self, name: &'static str) -> Replica {
        self.replica_with(name, |gated| gated)
    }

    fn replica_with(
        &self,
        name: &'static str,
        with: impl FnOnce(OnlyOneBuilder<'_>) -> OnlyOneBuilder<'_>,
    ) -> Replica {
        let (runtime, log) = (self.runtime(), self.log.clone());
        let work = service(Smol, move || {
            let log = log.clone();
            async move {
                let token = Shutdown::current();
                log.write(format!("{name} begins with {}", Fence::current()));
                token.requested().await;
                log.write(format!("{name} ends"));
            }
        });
        let gated = with(runtime.unit().only_one(self.lease(name)));
        let unit = gated.serve(work).unwrap();
        Replica { runtime, unit }
    }

    /// Moves a manual clock until `is_it`.
    #[track_caller]
    fn pass_until(&self, what: &str, is_it: impl Fn() -> bool) {
        until(what, || {
            self.clock.advance(Duration::from_millis(100));
            is_it()
        });
    }

    /// Moves a manual clock, in steps between which those who wait for it may act.
    fn pass(&self, time: Duration) {
        let step = Duration::from_millis(100);
        for _ in 0..time.as_millis() / step.as_millis() {
            self.clock.advance(step);
        }
    }
}

struct Replica {
    runtime: Runtime,
    unit: Unit,
}

impl Replica {
    #[track_caller]
    fn expect(&self, state: UnitState) {
        let is = self.unit.state();
        until(&format!("{state}; it is {is}"), || {
            self.unit.state() == state
        });
    }

    fn end(self) {
        self.runtime.shutdown();
        let waits = self.runtime.clone();
        let waiting = std::thread::spawn(move || waits.wait());
        // On a manual clock an answer that does not come is waited for until that moves.
        until("it ends", || {
            self.runtime.clock().advance(Duration::from_millis(100));
            waiting.is_finished()
        });
        waiting.join().unwrap().unwrap();
    }
}
