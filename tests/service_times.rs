//! Times that services set themselves, on the system's clock: the supervisor does not see to these services
//! until one of the times runs out. By a manual clock, where it does: `service_order`, `service_stop`. Rows V9
//! to V11.

mod common;

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use foster::{
    FailureKind, Ready, Restart, Runtime, Settings, Shutdown, Thread, UnitState, service,
};

once!(
    v4_a_time_to_start_keeps_nothing_of_a_runtime_that_is_over,
    v4_one_that_is_over_is_forgotten_before_its_time_to_start_is,
    v6_a_limit_counts_from_the_start_and_not_from_when_it_is_ready,
    v10_the_time_to_start_runs_while_the_flavour_starts,
    v11_a_stop_time_counts_from_the_stop,
    v11_a_stop_time_counts_from_the_stop_if_it_is_stopped_later,
    v11_a_stop_time_counts_from_the_stop_if_it_is_restarted_later,
    v11_a_stop_time_counts_from_the_stop_if_its_time_to_start_ends_later,
);
on_async_flavours!(
    v10_one_that_does_not_begin_in_time_fails,
    v10_one_that_is_not_ready_in_time_fails_and_no_other,
    v10_one_that_fails_to_be_ready_is_started_again,
    v10_one_that_says_so_is_ready_whenever_others_come,
    v11_one_that_overruns_its_stop_time_is_cut_short_and_told,
    v11_one_that_overruns_its_own_stop_is_cut_short,
    v11_one_that_overruns_its_stop_before_it_begins_is_cut_short,
);

/// Long enough for a service to become ready on a busy machine.
const ENOUGH: Duration = Duration::from_secs(2);
const MOMENT: Duration = Duration::from_millis(20);

/// Makes `event` happen when `runtime` stops.
fn at_stop(runtime: &Runtime, event: Event) {
    let watch = move || {
        let stops = Shutdown::current().wait_timeout(SOON);
        event.happen();
        assert!(stops, "it stops");
    };
    runtime.execute(Thread, || ()).unwrap();
    runtime.adopt(Thread, watch).unwrap();
}

/// The runtime ends because `late` is not ready in time, and for nothing else.
#[track_caller]
fn late_is_not_ready(runtime: &Runtime) {
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(
        (failure.payload(), failure.kind()),
        ("late", FailureKind::NotReady)
    );
}

fn v10_one_that_does_not_begin_in_time_fails<F: AsyncFlavour>(flavour: F) {
    // The supervisor wakes up when the grace time of its restart would be over.
    let runtime = builder().grace(10 * SOON).build();
    runtime.start().unwrap();
    // So that the supervisor is there, and has nothing to do.
    let other = runtime.serve(service(flavour, pending::<()>)).unwrap();
    other.restart();
    while other.restarts() == 0 {
        std::thread::yield_now();
    }
    assert!(other.wait_ready(SOON));
    at_stop(&runtime, busy(&runtime, flavour));
    let unit = runtime.unit().name("late").start_timeout(MOMENT);
    unit.serve(service(flavour, pending::<()>)).unwrap();
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(failure.kind(), FailureKind::NotReady);
    assert!(failure.message().contains("was not started within 20ms"));
}

fn v10_one_that_is_not_ready_in_time_fails_and_no_other<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let in_time = || async {
        Ready::current().notify();
        pending::<()>().await;
    };
    for notifies in [true, false] {
        let unit = runtime.unit().start_timeout(ENOUGH);
        let unit = if notifies {
            unit.notifies_ready()
        } else {
            unit
        };
        let unit = unit.serve(service(flavour, in_time)).unwrap();
        assert!(unit.wait_ready(SOON));
        // From here on the supervisor sees to it.
        let after = runtime.unit().after(&unit);
        after.serve(service(flavour, pending::<()>)).unwrap();
    }
    let unit = runtime.unit().start_timeout(ENOUGH);
    let unit = unit.serve(service(flavour, in_time)).unwrap();
    assert!(unit.wait_ready(SOON));
    let unit = runtime.unit().name("long").start_timeout(SOON);
    let unit = unit.notifies_ready();
    unit.serve(service(flavour, pending::<()>)).unwrap();
    // Handed in last, and late after the first ones would be.
    let unit = runtime.unit().name("late").notifies_ready();
    let unit = unit.start_timeout(ENOUGH);
    let late = unit.serve(service(flavour, pending::<()>)).unwrap();
    late_is_not_ready(&runtime);
    assert!(!late.wait_ready(SOON));
    let failed = |unit: &foster::UnitStatus| unit.last_failure().is_some();
    assert_eq!(
        runtime.units().iter().filter(|unit| failed(unit)).count(),
        1
    );
}

fn v10_one_that_fails_to_be_ready_is_started_again<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let runs = std::sync::atomic::AtomicUsize::new(0);
    let run = move || {
        let is_first = runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        async move {
            if !is_first {
                Ready::current().notify();
            }
            pending::<()>().await;
        }
    };
    let restart = Restart::on_failure().delay(Duration::ZERO);
    let unit = runtime.unit().restart(restart).notifies_ready();
    let unit = unit.start_timeout(ENOUGH / 4);
    let unit = unit.serve(service(flavour, run)).unwrap();
    assert!(unit.wait_ready(SOON));
    assert!(unit.restarts() >= 1);
    let failure = unit.last_failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::NotReady);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v10_one_that_says_so_is_ready_whenever_others_come<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let (begun, says) = (Event::new(), Event::new());
    let (begins, says_so) = (begun.clone(), says.clone());
    let run = move || {
        let (begun, says) = (begins.clone(), says_so.clone());
        async move {
            let ready = Ready::current();
            std::thread::spawn(move || {
                block_until(&says);
                ready.notify();
            });
            begun.happen();
            pending::<()>().await;
        }
    };
    let unit = runtime.unit().notifies_ready();
    let unit = unit.serve(service(flavour, run)).unwrap();
    begun.expect("it runs");
    assert_eq!(unit.state(), UnitState::Starting);
    let after = || {
        let after = runtime.unit().after(&unit);
        after.serve(service(flavour, pending::<()>)).unwrap()
    };
    let before = flavour.execute(&runtime, || ()).map(|()| after());
    says.happen();
    assert!(unit.wait_ready(SOON));
    assert_eq!(unit.state(), UnitState::Running);
    assert!(before.unwrap().wait_ready(SOON) && after().wait_ready(SOON));

    let (says, other) = (Event::new(), runtime.unit().notifies_ready());
    let says_so = says.clone();
    let run = move || {
        let says = says_so.clone();
        async move {
            Ready::current().notify();
            says.happen();
            pending::<()>().await;
        }
    };
    let other = other.serve(service(flavour, run)).unwrap();
    says.expect("it says so, with nobody after it");
    assert_eq!(other.state(), UnitState::Running);
    let after = runtime.unit().after(&other);
    let after = after.serve(service(flavour, pending::<()>)).unwrap();
    assert!(after.wait_ready(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v11_one_that_overruns_its_stop_time_is_cut_short_and_told<F: AsyncFlavour>(flavour: F) {
    for is_early in [true, false] {
        let runtime = builder().grace(2 * SOON).build();
        if !is_early {
            runtime.start().unwrap();
        }
        let cut_short = Event::new();
        let (dropped, is_cut) = (cut_short.clone(), cut_short.clone());
        let slow = move || {
            let dropped = dropped.clone();
            async move {
                let _on_drop = OnDrop(|| dropped.happen());
                let _token = Shutdown::current();
                pending::<()>().await;
            }
        };
        let unit = runtime.unit().name("slow").stop_time(MOMENT);
        let slow = unit.serve(service(flavour, slow)).unwrap();
        // With more time of its own, or none: as long as the other.
        let patient = move || {
            let is_cut = is_cut.clone();
            async move {
                Shutdown::current().requested().await;
                while !is_cut.has_happened() {
                    futures_lite::future::yield_now().await;
                }
            }
        };
        let unit = runtime.unit().stop_time(SOON);
        let long = unit.serve(service(flavour, patient.clone())).unwrap();
        let none = runtime.serve(service(flavour, patient)).unwrap();
        if is_early {
            runtime.start().unwrap();
        }
        for is_ready in [
            slow.wait_ready(SOON),
            long.wait_ready(SOON),
            none.wait_ready(SOON),
        ] {
            assert!(is_ready);
        }
        let begin = Instant::now();
        runtime.shutdown();
        let error = runtime.wait().unwrap_err();
        assert!(begin.elapsed() >= MOMENT);
        let [straggler] = error.stragglers() else {
            panic!("{error}")
        };
        assert_eq!(straggler.payload(), Some("slow"));
        assert!(error.failures().is_empty(), "{error}");
        cut_short.expect("it was dropped");
        assert_eq!(slow.state(), UnitState::Ended);
    }
}

fn v11_one_that_overruns_its_own_stop_is_cut_short<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let unit = runtime.unit().stop_time(MOMENT);
    let run = || async {
        let _token = Shutdown::current();
        pending::<()>().await;
    };
    let unit = unit.serve(service(flavour, run)).unwrap();
    assert!(unit.wait_ready(SOON));
    unit.stop();
    assert!(unit.wait_stopped(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v11_one_that_overruns_its_stop_before_it_begins_is_cut_short<F: AsyncFlavour>(flavour: F) {
    let runtime = builder().grace(10 * SOON).build();
    runtime.start().unwrap();
    let go_on = busy(&runtime, flavour);
    let run = || async {
        let _token = Shutdown::current();
        pending::<()>().await;
    };
    let unit = runtime.unit().stop_time(MOMENT);
    let unit = unit.serve(service(flavour, run)).unwrap();
    unit.stop();
    // It is this time that passes; were it longer, nothing would change.
    std::thread::sleep(10 * MOMENT);
    go_on.happen();
    assert!(unit.wait_stopped(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v10_the_time_to_start_runs_while_the_flavour_starts() {
    for is_early in [true, false] {
        let runtime = runtime();
        let go = Event::new();
        let late = || {
            let unit = runtime.unit().name("late").start_timeout(MOMENT);
            unit.serve(service(Odd::after(&go), pending::<()>))
        };
        if is_early {
            late().unwrap();
        }
        runtime.start().unwrap();
        at_stop(&runtime, go.clone());
        if !is_early {
            // Refused when its flavour is there, as the runtime stops by then.
            let _ = late();
        }
        late_is_not_ready(&runtime);
    }
}

/// What is wanted of a service when most of its stop time is over.
enum Want {
    Nothing,
    Stop,
    Restart,
}

/// A service overruns its stop time; it counts from the stop, whatever is wanted meanwhile.
fn overruns(settings: Settings, want: Want) {
    let runtime = builder().grace(2 * SOON).build();
    runtime.start().unwrap();
    let begun = Event::new();
    let begins = begun.clone();
    let run = move || {
        let begun = begins.clone();
        async move {
            let _token = Shutdown::current();
            begun.happen();
            pending::<()>().await;
        }
    };
    let unit = runtime.unit().with(settings).stop_time(ENOUGH);
    let unit = unit.serve(service(foster::Smol, run)).unwrap();
    begun.expect("it runs");
    let begin = Instant::now();
    runtime.shutdown();
    // It is this time that passes.
    std::thread::sleep(3 * ENOUGH / 4);
    match want {
        Want::Nothing => {}
        Want::Stop => unit.stop(),
        Want::Restart => unit.restart(),
    }
    assert_eq!(runtime.wait().unwrap_err().stragglers().len(), 1);
    let time = begin.elapsed();
    assert!(ENOUGH <= time && time < 3 * ENOUGH / 2, "{time:?}");
}

fn v11_a_stop_time_counts_from_the_stop() {
    overruns(Settings::new(), Want::Nothing);
}

fn v11_a_stop_time_counts_from_the_stop_if_it_is_stopped_later() {
    overruns(Settings::new(), Want::Stop);
}

fn v11_a_stop_time_counts_from_the_stop_if_it_is_restarted_later() {
    overruns(Settings::new(), Want::Restart);
}

fn v11_a_stop_time_counts_from_the_stop_if_its_time_to_start_ends_later() {
    let settings = Settings::new().notifies_ready();
    overruns(settings.start_timeout(3 * ENOUGH / 4), Want::Nothing);
}

fn v6_a_limit_counts_from_the_start_and_not_from_when_it_is_ready() {
    const WINDOW: Duration = Duration::from_millis(600);
    let runtime = running(foster::Smol);
    let runs = std::sync::atomic::AtomicUsize::new(0);
    let run = move || {
        let number = runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            if number == 0 {
                async_io::Timer::after(WINDOW / 2).await;
            }
            Ready::current().notify();
            match number {
                0 => {
                    // Longer than the window after its start, and not after it was ready.
                    async_io::Timer::after(WINDOW * 3 / 4).await;
                    Err("the first")
                }
                1 => Err::<(), _>("the second"),
                _ => pending().await,
            }
        }
    };
    let restart = Restart::on_failure().delay(Duration::ZERO).limit(2, WINDOW);
    let unit = runtime.unit().notifies_ready().restart(restart);
    let unit = unit.serve(service(foster::Smol, run)).unwrap();
    while unit.restarts() < 2 || unit.state() != UnitState::Running {
        assert!(!unit.state().is_over(), "{:?}", unit.last_failure());
        std::thread::yield_now();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// The value of a service, and whether there still is one.
fn counted() -> (Arc<()>, impl Fn() -> usize) {
    let kept = Arc::new(());
    let weak = Arc::downgrade(&kept);
    (kept, move || weak.strong_count())
}

fn v4_a_time_to_start_keeps_nothing_of_a_runtime_that_is_over() {
    let (kept, count) = counted();
    let runtime = running(foster::Smol);
    let make = move || {
        let _ = &kept;
        service(foster::Smol, pending::<()>)
    };
    let unit = runtime.unit().start_timeout(SOON).serve_with(make).unwrap();
    assert!(unit.wait_ready(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
    drop((runtime, unit));
    assert_eq!(count(), 0);
}

/// A time to start does not keep what the runtime has forgotten.
fn v4_one_that_is_over_is_forgotten_before_its_time_to_start_is() {
    for are_all_timed in [true, false] {
        let (kept, count) = counted();
        let runtime = running(foster::Smol);
        for number in 0..5_000 {
            let kept = (number == 0 || are_all_timed).then(|| Arc::clone(&kept));
            let make = move || {
                let _ = &kept;
                service(foster::Smol, || async {})
            };
            let settings = match number == 0 || are_all_timed {
                true => Settings::new().start_timeout(SOON),
                false => Settings::new(),
            };
            let unit = runtime.unit().with(settings).serve_with(make).unwrap();
            assert!(unit.wait_stopped(SOON));
        }
        drop(kept);
        let most = if are_all_timed { 3_000 } else { 0 };
        assert!(count() <= most, "{}", count());
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}
