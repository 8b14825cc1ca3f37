//! Cases about floods of adopts: SPAWN-4, and the rows A1 and F3.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use foster_core::Runtime;

use crate::bench::{Bench, Finding};
use crate::cases::context::tell;
use crate::echo::Echo;
use crate::kind::{Kind, Subject};
use crate::setup::Errand;
use crate::tools::{Gate, Log, after_turns, becomes, once};
use crate::verdict::Verdict;

/// F3, SPAWN-4: a payload that runs goes on while new ones come without a break.
pub(crate) fn running_payloads_go_on_under_a_flood<K: Subject>(bench: &Bench<K>) -> Finding {
    if K::Payload::INLINE {
        return Ok(Verdict::DoesNotApply("its payloads share no thread"));
    }
    let runtime = bench.started()?;
    let flood = Flood::start(bench, &runtime)?;
    bench.expect(
        &["F3", "SPAWN-4"],
        "a payload that runs already goes on, though new ones come without a break",
    );
    let done = Gate::default();
    let ends = done.clone();
    bench.adopt(&runtime, "runs", after_turns(100, move || ends.open()))?;
    let in_time = bench.until(&done, "it did not get a hundred turns");
    flood.stop(bench, in_time, &runtime)
}

/// F3, SPAWN-4: timers ring while payloads come without a break.
pub(crate) fn timers_ring_under_a_flood<K: Subject>(bench: &Bench<K>) -> Finding {
    let Some(sleep) = bench.setup.sleep.clone() else {
        return Ok(Verdict::DoesNotApply("the setup knows no timer"));
    };
    errands_end_under_a_flood(bench, "timers of 2 ms", move || {
        sleep(Duration::from_millis(2))
    })
}

/// F3, SPAWN-4: bytes come and go while payloads come without a break.
pub(crate) fn sockets_go_on_under_a_flood<K: Subject>(bench: &Bench<K>) -> Finding {
    let Some(socket) = bench.setup.socket.clone() else {
        return Ok(Verdict::DoesNotApply("the setup knows no socket"));
    };
    let echo = Echo::start(bench)?;
    let address = echo.address();
    errands_end_under_a_flood(bench, "round trips", move || socket(address))
}

/// Ten errands, one after the other, under a flood.
fn errands_end_under_a_flood<K: Subject>(
    bench: &Bench<K>,
    what: &str,
    make: impl Fn() -> Errand + Send + 'static,
) -> Finding {
    const MANY: usize = 10;
    let runtime = bench.started()?;
    let flood = Flood::start(bench, &runtime)?;
    bench.expect(
        &["F3", "SPAWN-4"],
        format!("{MANY} {what} come to their end, though new payloads come without a break"),
    );
    let (done, failed) = (Gate::default(), Log::default());
    let (ends, fails) = (done.clone(), failed.clone());
    let (mut left, mut errand) = (MANY, None);
    bench.adopt(&runtime, "waits", move |context: &mut Context<'_>| {
        while left > 0 {
            let waits = errand.get_or_insert_with(&make);
            let Poll::Ready(result) = waits.as_mut().poll(context) else {
                return Poll::Pending;
            };
            tell(&fails, result);
            errand = None;
            left -= 1;
        }
        ends.open();
        Poll::Ready(())
    })?;
    let in_time = bench
        .until(&done, "they did not")
        .and_then(|()| bench.check(failed.read().is_empty(), || format!("{:?}", failed.read())));
    flood.stop(bench, in_time, &runtime)
}

/// Payloads without a break: each running one hands in the next, and two threads hand in more. The number of
/// waiting payloads is bounded: the case tests starving, not memory.
struct Flood {
    ends: Ends,
    threads: Vec<thread::JoinHandle<()>>,
}

/// The shared state of a flood's payloads.
#[derive(Clone, Default)]
struct Ends {
    over: Gate,
    /// Opens if a payload runs inside the `spawn` that takes it.
    nested: Gate,
    /// How many payloads of chains are about to adopt the next.
    adopting: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
    ran: Arc<AtomicUsize>,
}

impl Flood {
    const CHAINS: usize = 8;
    const WAITING: usize = 2_000;

    fn start<K: Subject>(bench: &Bench<K>, runtime: &Runtime) -> Finding<Self> {
        bench.expect(&["A1"], "payloads are accepted without a break");
        let ends = Ends::default();
        for _ in 0..Self::CHAINS {
            chain::<K>(runtime, bench.key(), &ends);
        }
        let threads = (0..2)
            .map(|_| {
                let (runtime, key, ends) = (runtime.clone(), bench.key(), ends.clone());
                thread::spawn(move || pour::<K>(&runtime, &key, &ends))
            })
            .collect();
        Ok(Self { ends, threads })
    }

    fn stop<K: Subject>(
        self,
        bench: &Bench<K>,
        in_time: Finding<()>,
        runtime: &Runtime,
    ) -> Finding {
        self.ends.over.open();
        for thread in self.threads {
            // Nothing here could panic.
            let _ = thread.join();
        }
        bench.expect(
            &["SPAWN-2"],
            "a payload does not run inside the `spawn` that takes it",
        );
        bench.check(!self.ends.nested.is_open(), || {
            "a payload that adopts the next one runs inside of its `spawn`".to_owned()
        })?;
        in_time?;
        bench.expect(
            &["SPAWN-1"],
            "every payload that was accepted runs, also in a flood",
        );
        let count = || (self.ends.accepted.load(SeqCst), self.ends.ran.load(SeqCst));
        let all = becomes(bench.patience(), || count().0 == count().1);
        bench.check(all, || {
            let (accepted, ran) = count();
            format!("of {accepted} that were accepted, {ran} ran")
        })?;
        bench.stop_well(runtime)?;
        Ok(Verdict::Kept)
    }
}

/// Adopts payloads while not too many wait.
fn pour<K: Subject>(runtime: &Runtime, key: &K, ends: &Ends) {
    while !ends.over.is_open() {
        // A payload may run before it is counted as accepted.
        let (ran, accepted) = (ends.ran.load(SeqCst), ends.accepted.load(SeqCst));
        if accepted.saturating_sub(ran) >= Flood::WAITING {
            thread::yield_now();
            continue;
        }
        let ran = Arc::clone(&ends.ran);
        let step = once(move || {
            ran.fetch_add(1, SeqCst);
        });
        let adopted = runtime.adopt(key.clone(), K::Payload::payload(step));
        if adopted.is_err() {
            return;
        }
        ends.accepted.fetch_add(1, SeqCst);
    }
}

thread_local! {
    /// Whether this thread is about to adopt the next payload of a chain.
    static ADOPTING: Cell<bool> = const { Cell::new(false) };
}

/// Adopts a payload that adopts the next one.
fn chain<K: Subject>(runtime: &Runtime, key: K, ends: &Ends) {
    /// More payloads than this adopt at the same time only if each waits for the next.
    const DEEP: usize = 200;
    let (inner, its_key, its_ends) = (runtime.clone(), key.clone(), ends.clone());
    let step = once(move || {
        its_ends.ran.fetch_add(1, SeqCst);
        if ADOPTING.get() || its_ends.adopting.load(SeqCst) > DEEP {
            // The chain ends here, as it would go on until the stack or the threads are used up.
            its_ends.nested.open();
        } else if !its_ends.over.is_open() {
            chain::<K>(&inner, its_key, &its_ends);
        }
    });
    ADOPTING.set(true);
    ends.adopting.fetch_add(1, SeqCst);
    // Refused when the runtime has ended, and then there is no flood to keep up.
    if runtime.adopt(key, K::Payload::payload(step)).is_ok() {
        ends.accepted.fetch_add(1, SeqCst);
    }
    ends.adopting.fetch_sub(1, SeqCst);
    ADOPTING.set(false);
}
