//! Executors that are held up, noticed while they are. Row I3.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::services::expect;
use common::*;
use foster::status::StallStatus;
use foster::{
    BoxError, Clock, Flavour, Identifier, Key, Reporter, Runtime, Shutdown, Smol, Thread, Tokio,
    TokioHandle, TokioMultiThread,
};
use futures_lite::future::yield_now;

/// How long a stall lasts here until it is told.
const LIMIT: Duration = Duration::from_millis(300);

const POOL: TokioMultiThread = TokioMultiThread::new().worker_threads(2);

on_async_flavours!(
    i3_a_payload_that_blocks_is_named_while_it_does,
    i3_many_short_turns_are_none,
    i3_a_stall_by_a_manual_clock,
    i3_a_stall_that_outlasts_its_runtime_keeps_nothing_of_it,
);

once!(
    i3_what_blocks_need_not_be_a_payload,
    i3_of_a_pool_all_threads_are_a_stall_and_one_is_worth_knowing,
    i3_threads_that_may_block_hold_nobody_up,
    i3_the_runtime_of_a_handle_is_watched,
    i3_a_payload_that_is_woken_later_is_seen_as_well,
    i3_nobody_is_accused_where_it_is_switched_off,
    i3_by_a_manual_clock_nobody_looks_unless_told_to,
    i3_stalls_in_the_grace_time_are_seen,
);

fn watched() -> Runtime {
    let runtime = builder().stall_after(LIMIT).build();
    runtime.start().unwrap();
    runtime
}

fn stall(runtime: &Runtime, flavour: &str) -> Option<StallStatus> {
    let flavours = runtime.status().flavours;
    let flavour = flavours.into_iter().find(|one| one.name == flavour)?;
    flavour.stall
}

#[track_caller]
fn expect_stall(runtime: &Runtime, flavour: &str, is_whole: bool) -> StallStatus {
    let is_it = |stall: &StallStatus| stall.is_whole == is_whole;
    expect("it is noticed", || {
        stall(runtime, flavour).as_ref().is_some_and(is_it)
    });
    stall(runtime, flavour).expect("it lasts")
}

#[track_caller]
fn expect_none(runtime: &Runtime, flavour: &str) {
    expect("it is over", || stall(runtime, flavour).is_none());
}

/// Watches for some time that nobody is accused.
fn nobody_is_accused(runtime: &Runtime) {
    let until = Instant::now() + 4 * LIMIT;
    while Instant::now() < until {
        for flavour in runtime.status().flavours {
            assert_eq!(flavour.stall, None, "{}", flavour.name);
        }
        std::thread::sleep(LIMIT / 10);
    }
}

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i3_a_payload_that_blocks_is_named_while_it_does<F: AsyncFlavour>(flavour: F) {
    let runtime = watched();
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    let block = move || {
        blocks.block();
    };
    flavour.adopt_named(&runtime, "greedy", block).unwrap();
    blocker.expect_blocked();
    // More and more comes in meanwhile.
    expect("it is noticed", || {
        flavour.adopt(&runtime, || ()).unwrap();
        stall(&runtime, F::NAME).is_some()
    });
    let stall = expect_stall(&runtime, F::NAME, true);
    assert_eq!(stall.payloads.len(), 1, "{stall:?}");
    assert!(stall.payloads[0].contains("payload `greedy`"), "{stall:?}");
    assert!(stall.age >= LIMIT, "{stall:?}");
    if cfg!(target_os = "linux") {
        assert_eq!(stall.threads.len(), 1, "{stall:?}");
        assert!(stall.threads[0].contains("`foster "), "{stall:?}");
        assert!(stall.threads[0].contains("asleep in futex"), "{stall:?}");
    }
    blocker.go_on();
    expect_none(&runtime, F::NAME);
    end(&runtime);
}

fn i3_many_short_turns_are_none<F: AsyncFlavour>(flavour: F) {
    let runtime = watched();
    for _ in 0..300 {
        let spin = || async {
            loop {
                yield_now().await;
            }
        };
        runtime.adopt(flavour, spin).unwrap();
    }
    nobody_is_accused(&runtime);
    end(&runtime);
}

fn i3_a_stall_by_a_manual_clock<F: AsyncFlavour>(flavour: F) {
    let clock = Clock::manual();
    let runtime = builder()
        .clock(clock.clone())
        .stall_after(LIMIT)
        .quiet()
        .build();
    runtime.start().unwrap();
    runtime.execute(flavour, || async {}).unwrap();
    clock.advance(Duration::from_secs(3600));
    assert_eq!(
        stall(&runtime, F::NAME),
        None,
        "it has answered all the time"
    );
    let go = busy(&runtime, flavour);
    clock.advance(LIMIT * 2);
    let told = stall(&runtime, F::NAME).expect("it is seen as the clock is moved");
    assert!(told.is_whole && told.payloads.len() == 1, "{told:?}");
    go.happen();
    runtime.execute(flavour, || async {}).unwrap();
    clock.advance(LIMIT * 2);
    assert_eq!(stall(&runtime, F::NAME), None);
    end(&runtime);
}

/// A key that is dropped when nothing is left of its flavour.
#[derive(Clone, Debug, PartialEq)]
struct Kept<K>(K, Arc<()>);

impl<K: Key> Key for Kept<K> {
    type Payload = K::Payload;

    fn identifier(&self) -> Identifier {
        self.0.identifier()
    }

    fn start(
        &self,
        reporter: Reporter,
    ) -> Result<Arc<dyn Flavour<Payload = K::Payload>>, BoxError> {
        self.0.start(reporter)
    }
}

fn i3_a_stall_that_outlasts_its_runtime_keeps_nothing_of_it<F: AsyncFlavour>(flavour: F) {
    let runtime = builder()
        .stall_after(LIMIT)
        .quiet()
        .grace(Duration::ZERO)
        .cancel_timeout(LIMIT)
        .build();
    runtime.start().unwrap();
    let (kept, blocker) = (Arc::new(()), Blocker::new());
    let blocks = blocker.clone();
    let block = move || async move {
        blocks.block();
    };
    let key = Kept(flavour, Arc::clone(&kept));
    runtime.adopt(key, block).unwrap();
    blocker.expect_blocked();
    expect_stall(&runtime, F::NAME, true);
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.stragglers().len(), 1, "{error:?}");
    drop(runtime);
    blocker.go_on();
    expect("nothing is left", || Arc::strong_count(&kept) == 1);
}

fn i3_what_blocks_need_not_be_a_payload() {
    let runtime = watched();
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    let spawn = move || async move {
        tokio::task::spawn_local(async move {
            blocks.block();
        });
    };
    runtime.adopt(Tokio, spawn).unwrap();
    blocker.expect_blocked();
    // Somebody is woken there, as in every daemon that does something.
    runtime.adopt(Tokio, || async {}).unwrap();
    let stall = expect_stall(&runtime, "tokio", true);
    assert!(stall.payloads.is_empty(), "{stall:?}");
    blocker.go_on();
    expect_none(&runtime, "tokio");
    end(&runtime);
}

fn block_in_pool(runtime: &Runtime, name: &'static str) -> Blocker {
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    let block = move || async move {
        blocks.block();
    };
    runtime.named(name).adopt(POOL, block).unwrap();
    blocker.expect_blocked();
    blocker
}

fn i3_of_a_pool_all_threads_are_a_stall_and_one_is_worth_knowing() {
    const NAME: &str = "tokio::multi_thread";
    let runtime = watched();
    let first = block_in_pool(&runtime, "first");
    let stall = expect_stall(&runtime, NAME, false);
    assert!(
        stall.payloads.len() == 1 && stall.payloads[0].contains("`first`"),
        "{stall:?}"
    );
    let second = block_in_pool(&runtime, "second");
    let stall = expect_stall(&runtime, NAME, true);
    assert_eq!(stall.payloads.len(), 2, "{stall:?}");
    first.go_on();
    let stall = expect_stall(&runtime, NAME, false);
    assert!(stall.payloads[0].contains("`second`"), "{stall:?}");
    second.go_on();
    expect_none(&runtime, NAME);
    end(&runtime);
}

fn i3_threads_that_may_block_hold_nobody_up() {
    let runtime = watched();
    let (thread, pool) = (Blocker::new(), Blocker::new());
    let blocks = thread.clone();
    runtime.adopt(Thread, move || blocks.block()).unwrap();
    // The other worker takes the place of the one that blocks.
    let blocks = pool.clone();
    let in_place = move || async move {
        tokio::task::block_in_place(|| blocks.block());
    };
    runtime.adopt(POOL, in_place).unwrap();
    thread.expect_blocked();
    pool.expect_blocked();
    let until = Instant::now() + 4 * LIMIT;
    while Instant::now() < until {
        let is_stalled = |one: &foster::status::FlavourStatus| {
            one.stall.as_ref().is_some_and(|stall| stall.is_whole)
        };
        assert!(!runtime.status().flavours.iter().any(is_stalled));
        assert_eq!(stall(&runtime, "std::thread"), None);
        std::thread::sleep(LIMIT / 10);
    }
    thread.go_on();
    pool.go_on();
    end(&runtime);
}

fn i3_the_runtime_of_a_handle_is_watched() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let runtime = watched();
    let key = TokioHandle::new(tokio.handle().clone());
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    let block = move || async move {
        blocks.block();
    };
    runtime.named("greedy").adopt(key, block).unwrap();
    blocker.expect_blocked();
    let stall = expect_stall(&runtime, "tokio::runtime::handle", true);
    assert!(stall.payloads[0].contains("`greedy`"), "{stall:?}");
    blocker.go_on();
    expect_none(&runtime, "tokio::runtime::handle");
    end(&runtime);
}

/// When nobody looked any more, as all slept.
fn i3_a_payload_that_is_woken_later_is_seen_as_well() {
    let runtime = watched();
    let (wake, woken) = flume::bounded::<()>(1);
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    let sleeper = move || async move {
        woken.recv_async().await.unwrap();
        blocks.block();
    };
    runtime.named("late").adopt(Smol, sleeper).unwrap();
    nobody_is_accused(&runtime);
    wake.send(()).unwrap();
    blocker.expect_blocked();
    let stall = expect_stall(&runtime, "smol", true);
    assert!(stall.payloads[0].contains("`late`"), "{stall:?}");
    blocker.go_on();
    end(&runtime);
}

fn i3_nobody_is_accused_where_it_is_switched_off() {
    let runtime = builder().stall_after(Duration::MAX).build();
    runtime.start().unwrap();
    let go = busy(&runtime, Smol);
    nobody_is_accused(&runtime);
    go.happen();
    end(&runtime);
}

fn i3_by_a_manual_clock_nobody_looks_unless_told_to() {
    let (clock, runtime) = manual();
    let go = busy(&runtime, Smol);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(stall(&runtime, "smol"), None);
    go.happen();
    end(&runtime);
}

fn i3_stalls_in_the_grace_time_are_seen() {
    let runtime = builder()
        .stall_after(LIMIT)
        .quiet()
        .grace(Duration::from_secs(60))
        .build();
    runtime.start().unwrap();
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    let holder = move || async move {
        Shutdown::current().requested().await;
        blocks.block();
    };
    runtime.named("last").adopt(Smol, holder).unwrap();
    runtime.execute(Smol, || async {}).unwrap();
    runtime.shutdown();
    blocker.expect_blocked();
    let stall = expect_stall(&runtime, "smol", true);
    assert!(stall.payloads[0].contains("`last`"), "{stall:?}");
    blocker.go_on();
    runtime.wait().unwrap();
}
