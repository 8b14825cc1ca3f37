//! What happens when the clock is moved. Row T3.

use super::*;

on_every_flavour!(
    t3_a_service_that_backs_off_needs_no_real_time,
    t3_each_sleeper_sees_its_own_moment,
    t3_a_sleeper_that_fails_is_restarted_at_its_moment,
    t3_a_payload_that_moves_the_clock_does_not_wait_for_itself,
    t3_a_flavour_that_is_busy_holds_a_move_up_for_a_second,
);

once!(
    t3_a_thread_waits_at_each_moment_and_hears_of_the_end,
    t3_a_thread_that_waits_by_the_clock_is_waited_for,
    t3_those_of_one_moment_go_in_the_order_of_their_coming,
    t3_a_wait_for_the_runtime_to_be_ready_ends_by_the_clock,
    t3_sleepers_of_two_runtimes_share_a_clock,
);

/// Connects at the fifth attempt: it tries after one second, two, four and eight.
fn t3_a_service_that_backs_off_needs_no_real_time<F: Host>(flavour: F) {
    const LIMIT: Duration = Duration::from_millis(500);
    let (clock, runtime) = manual();
    let (attempts, connected) = (Arc::new(AtomicUsize::new(0)), Event::new());
    let (count, is_connected) = (Arc::clone(&attempts), connected.clone());
    let run = move || {
        let (count, is_connected) = (Arc::clone(&count), is_connected.clone());
        async move {
            let clock = Clock::current();
            let mut pause = SECOND;
            while count.fetch_add(1, SeqCst) < 4 {
                // Nobody answers.
                clock.timeout(LIMIT, pending::<()>()).await.unwrap_err();
                clock.sleep(pause - LIMIT).await;
                pause *= 2;
            }
            is_connected.happen();
        }
    };
    let unit = flavour.serve(runtime.unit(), run).unwrap();
    let real = Instant::now();
    clock.advance(Duration::ZERO);
    for (time, expected) in [(0, 1), (999, 1), (1, 2), (1_999, 2), (1, 3), (3_999, 3)] {
        clock.advance(Duration::from_millis(time));
        if F::NAME == "std::thread" {
            // A thread counts as started when it has one.
            expect("the attempts", || attempts.load(SeqCst) == expected);
        }
        assert_eq!(attempts.load(SeqCst), expected, "after {time} ms more");
    }
    // Through all that is left.
    clock.advance(60 * SECOND);
    assert_eq!(attempts.load(SeqCst), 5);
    assert!(connected.has_happened());
    unit.expect(UnitState::Ended);
    // Who has acted is not waited for either.
    assert!(
        real.elapsed() < 5 * SECOND,
        "it is no real time that passes"
    );
    end(&runtime);
}

/// Two of them, in one move of the clock: each is alone at each of its moments.
fn t3_each_sleeper_sees_its_own_moment<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let (begin, log, asleep) = (clock.now(), Log::new(), Arc::new(AtomicUsize::new(0)));
    for (name, pause) in [("two", 2), ("three", 3)] {
        let (written, count) = (log.clone(), Arc::clone(&asleep));
        let run = move || {
            let (written, count) = (written.clone(), Arc::clone(&count));
            async move {
                let clock = Clock::current();
                for is_first in [true, false, false] {
                    let mut sleep = clock.sleep(pause * SECOND);
                    if is_first {
                        assert!(poll_once(&mut sleep).await.is_none());
                        count.fetch_add(1, SeqCst);
                    }
                    sleep.await;
                    written.write((name, (clock.now() - begin).as_secs()));
                }
                Shutdown::current().requested().await;
            }
        };
        flavour.serve(runtime.unit().name(name), run).unwrap();
    }
    expect("both sleep", || asleep.load(SeqCst) == 2);
    clock.advance(60 * SECOND);
    let mut order = log.read();
    // Who comes first of two at one moment is not said.
    order.sort_by_key(|(name, at)| (*at, *name));
    let all = [
        ("two", 2),
        ("three", 3),
        ("two", 4),
        ("three", 6),
        ("two", 6),
        ("three", 9),
    ];
    assert_eq!(order, all);
    assert_eq!(clock.now() - begin, 60 * SECOND);
    end(&runtime);
}

/// The failure belongs to what is acted on, and so does the start after the delay.
fn t3_a_sleeper_that_fails_is_restarted_at_its_moment<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let begins = Log::new();
    let (begin, written) = (clock.now(), begins.clone());
    let run = move || {
        let written = written.clone();
        async move {
            let clock = Clock::current();
            written.write((clock.now() - begin).as_secs());
            if written.read().len() == 4 {
                Shutdown::current().requested().await;
                return Ok(());
            }
            clock.sleep(2 * SECOND).await;
            Err("enough")
        }
    };
    let restart = Restart::on_failure().delay(SECOND).jitter(0.0);
    let restart = restart.max_delay(SECOND);
    let unit = runtime.unit().restart(restart);
    let unit = flavour.serve(unit, run).unwrap();
    expect("it runs", || begins.read() == [0]);
    if F::NAME == "std::thread" {
        // Whether a new thread sleeps already is its own affair.
        expect("it begins again", || {
            begins.read().len() == 4 || !clock.advance(SECOND)
        });
        assert!(unit.restarts() >= 3);
    } else {
        clock.advance(10 * SECOND);
        assert_eq!(begins.read(), [0, 3, 6, 9]);
        assert_eq!((unit.state(), unit.restarts()), (UnitState::Running, 3));
    }
    end(&runtime);
}

fn t3_a_payload_that_moves_the_clock_does_not_wait_for_itself<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let over = Event::new();
    let is_over = over.clone();
    let run = move || {
        let is_over = is_over.clone();
        async move {
            let clock = Clock::current();
            let real = Instant::now();
            let mover = async {
                for _ in 0..20 {
                    clock.advance(SECOND);
                    futures_lite::future::yield_now().await;
                }
            };
            let sleeper = async {
                for _ in 0..20 {
                    clock.sleep(SECOND).await;
                }
            };
            zip(sleeper, mover).await;
            assert!(real.elapsed() < 10 * SECOND, "it would be 20 s");
            is_over.happen();
        }
    };
    flavour.serve(runtime.unit(), run).unwrap();
    over.expect("the time passes");
    drop(clock);
    end(&runtime);
}

/// The sleeper is on the flavour that is busy; it finds out later.
fn t3_a_flavour_that_is_busy_holds_a_move_up_for_a_second<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let (blocked, go_on, woken) = (Event::new(), Event::new(), Event::new());
    let (blocks, goes_on, is_woken) = (blocked.clone(), go_on.clone(), woken.clone());
    let run = move || {
        let (blocks, goes_on) = (blocks.clone(), goes_on.clone());
        let is_woken = is_woken.clone();
        async move {
            let clock = Clock::current();
            let mut sleep = clock.sleep(SECOND);
            assert!(poll_once(&mut sleep).await.is_none());
            // Its start has been acted on.
            futures_lite::future::yield_now().await;
            blocks.happen();
            block_until(&goes_on);
            sleep.await;
            is_woken.happen();
        }
    };
    flavour.serve(runtime.unit(), run).unwrap();
    blocked.expect("it blocks");
    let real = Instant::now();
    clock.advance(SECOND);
    assert!(real.elapsed() >= SECOND, "the sleeper was waited for");
    // It is not waited for again.
    let real = Instant::now();
    for _ in 0..100 {
        clock.advance(SECOND);
    }
    assert!(real.elapsed() < SOON);
    assert!(!woken.has_happened());
    go_on.happen();
    woken.expect("it finds out");
    end(&runtime);
}

fn t3_a_thread_waits_at_each_moment_and_hears_of_the_end() {
    let (clock, runtime) = manual();
    let (begin, log, waits) = (clock.now(), Log::new(), Event::new());
    let (written, waiting) = (log.clone(), waits.clone());
    runtime
        .adopt(Thread, move || {
            let (clock, shutdown) = (Clock::current(), Shutdown::current());
            assert!(!shutdown.wait_timeout(Duration::ZERO));
            let mut is_first = true;
            loop {
                if std::mem::take(&mut is_first) {
                    waiting.happen();
                }
                if shutdown.wait_timeout(SECOND) {
                    return written.write(u64::MAX);
                }
                written.write((clock.now() - begin).as_secs());
            }
        })
        .unwrap();
    waits.expect("it is about to wait");
    // It may not wait yet; from its first beat on it is waited for.
    expect("it beats", || {
        !log.read().is_empty() || !clock.advance(SECOND)
    });
    let (first, real) = (log.read()[0], Instant::now());
    clock.advance(5 * SECOND);
    assert!(
        real.elapsed() < 4 * SECOND,
        "it has acted when it waits again"
    );
    assert!(
        log.read().windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{:?}",
        log.read()
    );
    assert!(log.read().len() >= 6, "{first}: {:?}", log.read());
    end(&runtime);
    assert_eq!(log.read().last(), Some(&u64::MAX));
}

fn t3_a_thread_that_waits_by_the_clock_is_waited_for() {
    let (clock, runtime) = manual();
    let (count, waits) = (Arc::new(AtomicUsize::new(0)), Event::new());
    let (counted, over) = (Arc::clone(&count), waits.clone());
    runtime
        .adopt(Thread, move || {
            let _token = Shutdown::current();
            for _ in 0..5 {
                Clock::current().wait(SECOND);
                counted.fetch_add(1, SeqCst);
            }
            over.happen();
        })
        .unwrap();
    expect("it waits", || {
        count.load(SeqCst) > 0 || !clock.advance(SECOND)
    });
    clock.advance(10 * SECOND);
    // The last was followed by the end of the payload.
    assert_eq!(count.load(SeqCst), 5);
    assert!(waits.has_happened());
    end(&runtime);
}

fn t3_those_of_one_moment_go_in_the_order_of_their_coming() {
    let (clock, runtime) = manual();
    let (log, asleep) = (Log::new(), Arc::new(AtomicUsize::new(0)));
    for number in 0..10 {
        let (written, count) = (log.clone(), Arc::clone(&asleep));
        let sleeper = move || async move {
            let mut sleep = Clock::current().sleep(SECOND);
            assert!(poll_once(&mut sleep).await.is_none());
            count.fetch_add(1, SeqCst);
            sleep.await;
            written.write(number);
        };
        runtime.adopt(Smol, sleeper).unwrap();
    }
    expect("all sleep", || asleep.load(SeqCst) == 10);
    clock.advance(SECOND);
    assert_eq!(log.read(), (0..10).collect::<Vec<_>>());
    end(&runtime);
}

fn t3_a_wait_for_the_runtime_to_be_ready_ends_by_the_clock() {
    let clock = Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    Smol.serve(runtime.unit().notifies_ready(), pending::<()>)
        .unwrap();
    runtime.start().unwrap();
    let waiter = std::thread::spawn({
        let runtime = runtime.clone();
        move || runtime.wait_ready(60 * SECOND)
    });
    expect("its time is over", || {
        clock.advance(60 * SECOND);
        waiter.is_finished()
    });
    assert!(waiter.join().unwrap().is_err());
    end(&runtime);
}

fn t3_sleepers_of_two_runtimes_share_a_clock() {
    let clock = Clock::manual();
    let begin = clock.now();
    let (log, asleep) = (Log::new(), Arc::new(AtomicUsize::new(0)));
    let runtimes = [1, 2].map(|pause| {
        let runtime = builder().clock(clock.clone()).build();
        runtime.start().unwrap();
        let (written, count) = (log.clone(), Arc::clone(&asleep));
        let sleeper = move || async move {
            let clock = Clock::current();
            loop {
                let mut sleep = clock.sleep(pause * SECOND);
                if poll_once(&mut sleep).await.is_none() {
                    count.fetch_add(1, SeqCst);
                }
                sleep.await;
                written.write((clock.now() - begin).as_secs());
            }
        };
        runtime.adopt(Smol, sleeper).unwrap();
        runtime
    });
    expect("both sleep", || asleep.load(SeqCst) == 2);
    clock.advance(4 * SECOND);
    assert_eq!(log.read(), [1, 2, 2, 3, 4, 4]);
    for runtime in runtimes {
        end(&runtime);
    }
}
