//! Tokio's own time, moved with Foster's manual clock. Row T6.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::services::*;
use common::*;
use foster::{Clock, Instance, Restart, Runtime, Smol, Tokio, TokioMultiThread};
use tokio::time;

once!(
    t6_tokios_timers_fire_in_order_as_the_clock_moves,
    t6_tokios_time_stands_still_by_itself,
    t6_both_clocks_agree,
    t6_one_move_passes_through_both_clocks,
    t6_one_move_passes_through_restarts,
    t6_a_restart_comes_between_tokios_timers,
    t6_a_flavour_that_starts_late_follows_from_there,
    t6_each_instance_follows,
    t6_a_time_limit_of_a_library_needs_no_real_time,
    t6_a_payload_on_tokio_moves_the_clock,
    t6_other_flavours_go_on_in_real_time,
    t6_a_plain_manual_clock_leaves_tokio_alone,
    t6_for_ever_is_far_enough,
    t6_a_runtime_that_ends_on_the_way_is_not_waited_for,
);

fn leading() -> (Clock, Runtime) {
    let clock = Clock::manual_with_executors();
    let runtime = builder().clock(clock.clone()).build();
    runtime.start().unwrap();
    (clock, runtime)
}

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Returns when all that was adopted before has had its first poll.
fn settle(runtime: &Runtime) {
    runtime.execute(Tokio, || async {}).unwrap();
}

fn t6_tokios_timers_fire_in_order_as_the_clock_moves() {
    let (clock, runtime) = leading();
    let (log, real) = (Log::new(), Instant::now());
    for pause in [7, 2, 3] {
        let written = log.clone();
        let sleeper = move || async move {
            let begin = time::Instant::now();
            for _ in 0..2 {
                time::sleep(pause * SECOND).await;
                written.write((pause, begin.elapsed().as_secs()));
            }
        };
        runtime.adopt(Tokio, sleeper).unwrap();
    }
    settle(&runtime);
    clock.advance(SECOND);
    assert_eq!(log.read(), []);
    clock.advance(59 * SECOND);
    assert_eq!(
        log.read(),
        [(2, 2), (3, 3), (2, 4), (3, 6), (7, 7), (7, 14)]
    );
    assert!(real.elapsed() < SOON);
    end(&runtime);
}

/// Tokio would move paused time by itself, as it has nothing else to do.
fn t6_tokios_time_stands_still_by_itself() {
    let (clock, runtime) = leading();
    let woken = Event::new();
    let is_woken = woken.clone();
    let sleeper = || async move {
        time::sleep(SECOND).await;
        is_woken.happen();
    };
    runtime.adopt(Tokio, sleeper).unwrap();
    settle(&runtime);
    for _ in 0..10 {
        settle(&runtime);
        assert!(!woken.happens_within(Duration::from_millis(20)));
        clock.advance(SECOND / 20);
    }
    clock.advance(SECOND / 2);
    assert!(woken.has_happened());
    end(&runtime);
}

/// Has a payload sleep on both clocks in turn, while `moves` moves them; what it sees on them as it wakes.
fn sleeps_on_both(moves: impl FnOnce(&Clock)) -> Vec<(u64, u64)> {
    let (clock, runtime) = leading();
    let log = Log::new();
    let (begin, written) = (clock.now(), log.clone());
    let sleeper = move || async move {
        let (clock, tokio) = (Clock::current(), time::Instant::now());
        for turn in 0..6 {
            match turn % 2 {
                0 => time::sleep(3 * SECOND).await,
                _ => clock.sleep(2 * SECOND).await,
            }
            let foster = (clock.now() - begin).as_secs();
            written.write((foster, tokio.elapsed().as_secs()));
        }
    };
    runtime.adopt(Tokio, sleeper).unwrap();
    settle(&runtime);
    moves(&clock);
    end(&runtime);
    log.read()
}

/// What [`sleeps_on_both`] sees where the clocks agree.
fn agreed() -> [(u64, u64); 6] {
    [3, 5, 8, 10, 13, 15].map(|second| (second, second))
}

fn t6_both_clocks_agree() {
    let seen = sleeps_on_both(|clock| {
        for _ in 0..60 {
            clock.advance(SECOND);
        }
    });
    assert_eq!(seen, agreed());
}

/// A sleep that begins at a timer of tokio's ends before the timers after that, and the other way around.
fn t6_one_move_passes_through_both_clocks() {
    let seen = sleeps_on_both(|clock| assert!(clock.advance(60 * SECOND)));
    assert_eq!(seen, agreed());
}

fn t6_one_move_passes_through_restarts() {
    let (clock, runtime) = leading();
    let log = Log::new();
    let (begin, written) = (clock.now(), log.clone());
    let run = move || {
        let written = written.clone();
        async move {
            written.write((Clock::current().now() - begin).as_secs());
            time::sleep(89 * SECOND).await;
        }
    };
    let restart = Restart::always().delay(SECOND).max_delay(SECOND);
    let unit = runtime.unit().restart(restart.jitter(0.0));
    let unit = Tokio.serve(unit, run).unwrap();
    assert!(unit.wait_ready(SOON));
    settle(&runtime);
    clock.advance(3_600 * SECOND);
    let starts: Vec<u64> = (0..=40).map(|run| run * 90).collect();
    assert_eq!(log.read(), starts);
    end(&runtime);
}

fn t6_a_restart_comes_between_tokios_timers() {
    let (clock, runtime) = leading();
    let log = Log::new();
    let (begin, written) = (clock.now(), log.clone());
    let run = move || {
        let written = written.clone();
        async move {
            written.write((Clock::current().now() - begin).as_secs());
            time::sleep(2 * SECOND).await;
            Err::<(), _>("again")
        }
    };
    let restart = Restart::on_failure().delay(SECOND).max_delay(SECOND);
    let unit = runtime.unit().restart(restart.jitter(0.0));
    let unit = Tokio.serve(unit, run).unwrap();
    assert!(unit.wait_ready(SOON));
    settle(&runtime);
    // Until after the failure, and until after the restart.
    for _ in 0..3 {
        clock.advance(2 * SECOND);
        clock.advance(SECOND);
    }
    assert_eq!(log.read(), [0, 3, 6, 9]);
    assert_eq!(unit.restarts(), 3);
    end(&runtime);
}

fn t6_a_flavour_that_starts_late_follows_from_there() {
    let (clock, runtime) = leading();
    clock.advance(1_000 * SECOND);
    let (count, counted) = (Arc::new(AtomicUsize::new(0)), Event::new());
    let (counter, is_counted) = (Arc::clone(&count), counted.clone());
    let ticker = move || async move {
        let mut ticks = time::interval(SECOND);
        loop {
            ticks.tick().await;
            counter.fetch_add(1, SeqCst);
            is_counted.happen();
        }
    };
    runtime.adopt(Tokio, ticker).unwrap();
    counted.expect("the first tick");
    settle(&runtime);
    clock.advance(100 * SECOND);
    assert_eq!(count.load(SeqCst), 101);
    end(&runtime);
}

fn t6_each_instance_follows() {
    const OTHER: Instance<Tokio> = Instance::new(Tokio, "other");
    let (clock, runtime) = leading();
    let count = Arc::new(AtomicUsize::new(0));
    let sleeper = || {
        let count = Arc::clone(&count);
        move || async move {
            time::sleep(SECOND).await;
            count.fetch_add(1, SeqCst);
        }
    };
    runtime.adopt(Tokio, sleeper()).unwrap();
    runtime.adopt(OTHER, sleeper()).unwrap();
    settle(&runtime);
    runtime.execute(OTHER, || async {}).unwrap();
    clock.advance(SECOND);
    assert_eq!(count.load(SeqCst), 2);
    end(&runtime);
}

fn t6_a_time_limit_of_a_library_needs_no_real_time() {
    let (clock, runtime) = leading();
    let late = Event::new();
    let is_late = late.clone();
    let request = || async move {
        // Nobody answers.
        let answer = time::timeout(30 * SECOND, std::future::pending::<()>());
        assert!(answer.await.is_err());
        is_late.happen();
    };
    runtime.adopt(Tokio, request).unwrap();
    settle(&runtime);
    clock.advance(29 * SECOND);
    assert!(!late.has_happened());
    clock.advance(SECOND);
    assert!(late.has_happened());
    end(&runtime);
}

fn t6_a_payload_on_tokio_moves_the_clock() {
    let (clock, runtime) = leading();
    let over = Event::new();
    let is_over = over.clone();
    let mover = || async move {
        let real = Instant::now();
        let sleep = time::sleep(20 * SECOND);
        for _ in 0..20 {
            Clock::current().advance(SECOND);
        }
        sleep.await;
        assert!(real.elapsed() < 10 * SECOND);
        is_over.happen();
    };
    runtime.adopt(Tokio, mover).unwrap();
    over.expect("the time passes");
    drop(clock);
    end(&runtime);
}

fn t6_other_flavours_go_on_in_real_time() {
    const SHORT: Duration = Duration::from_millis(20);
    let (clock, runtime) = leading();
    let slept = || async move {
        let begin = time::Instant::now();
        time::sleep(SHORT).await;
        begin.elapsed() >= SHORT
    };
    assert!(runtime.execute(TokioMultiThread, slept).unwrap());
    runtime
        .execute(Smol, || async { async_io::Timer::after(SHORT).await })
        .unwrap();
    drop(clock);
    end(&runtime);
}

fn t6_a_plain_manual_clock_leaves_tokio_alone() {
    let (clock, runtime) = manual();
    runtime
        .execute(Tokio, || time::sleep(Duration::from_millis(20)))
        .unwrap();
    drop(clock);
    end(&runtime);
}

fn t6_for_ever_is_far_enough() {
    let (clock, runtime) = leading();
    let woken = Event::new();
    let is_woken = woken.clone();
    let sleeper = || async move {
        time::sleep(SECOND).await;
        is_woken.happen();
    };
    runtime.adopt(Tokio, sleeper).unwrap();
    settle(&runtime);
    clock.advance(Duration::MAX);
    woken.expect("it is woken on the way");
    clock.advance(Duration::MAX);
    end(&runtime);
}

/// It would be for a second, every now and then.
fn t6_a_runtime_that_ends_on_the_way_is_not_waited_for() {
    const TIMES: u32 = 200;
    let real = Instant::now();
    for _ in 0..TIMES {
        let clock = Clock::manual_with_executors();
        let builder = builder().clock(clock.clone()).until_idle();
        // Not over before the clock has come to where it is moved.
        let runtime = builder.cancel_timeout(3_600 * SECOND).build();
        runtime.adopt(Tokio, || time::sleep(SECOND)).unwrap();
        runtime.start().unwrap();
        settle(&runtime);
        clock.advance(60 * SECOND);
        runtime.wait().unwrap();
    }
    assert!(real.elapsed() < 5 * SECOND, "{:?}", real.elapsed());
}
