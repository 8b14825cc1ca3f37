//! Groups that are over: what is refused there, let go of with nothing locked, and left of them. Rows G1, G4, V17 and V20.

use std::task::{Context, Wake, Waker};

use foster::{Place, TakePlace};

use super::*;

once!(
    g1_a_group_that_is_cancelled_before_the_start_takes_nothing_more,
    v17_nothing_is_started_in_a_group_that_is_over,
    v20_a_part_of_what_is_over_is_refused,
    v20_nothing_is_a_part_of_itself,
    g5_who_waits_for_a_place_is_told_with_nothing_locked,
    g4_what_services_own_is_let_go_of_with_nothing_locked,
    s6_a_thread_that_its_group_has_left_behind_is_asked_to_end,
    g2_a_thousand_levels_end,
    g2_a_thousand_that_rest_end_with_their_parent,
    g4_nothing_is_left_of_groups_that_are_over,
    g4_a_value_that_never_ran_waits_for_no_flavour,
);

on_every_flavour!(g4_nothing_is_left_of_a_run_that_owns_its_value);

/// It takes its token when its group is over.
fn s6_a_thread_that_its_group_has_left_behind_is_asked_to_end() {
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    let (begun, go, asked) = (Event::new(), Event::new(), Log::new());
    let (begins, goes, asks) = (begun.clone(), go.clone(), asked.clone());
    let run = move || {
        begins.happen();
        block_until(&goes);
        let token = Shutdown::current();
        asks.write((token.is_requested(), token.wait_timeout(SOON)));
    };
    let run = service(Thread, run);
    let unit = group.unit().name("deaf").serve(run).unwrap();
    begun.expect("it runs");
    group.shutdown();
    assert!(group.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::LeftBehind);
    let began = std::time::Instant::now();
    go.happen();
    expect("it has its token", || !asked.read().is_empty());
    assert_eq!(asked.read(), [(true, true)]);
    assert!(began.elapsed() < SOON);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g1_a_group_that_is_cancelled_before_the_start_takes_nothing_more() {
    let runtime = runtime();
    let group = runtime.group("group").create().unwrap();
    let run = Event::new();
    let runs = run.clone();
    Smol.adopt_in(&group, || async move { runs.happen() })
        .unwrap();
    group.cancel();
    let refused = Smol.adopt_in(&group, || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
    runtime.start().unwrap();
    expect_over(&group, UnitState::Ended);
    end(&runtime);
    assert!(!run.has_happened(), "it was cancelled");
}

fn v17_nothing_is_started_in_a_group_that_is_over() {
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    let unit = group.unit().name("unit").startable();
    let unit = unit.serve(service(Smol, async || {})).unwrap();
    assert!(unit.wait_stopped(SOON));
    unit.start().unwrap();
    let other = runtime.group("other").create().unwrap();
    let holder = Smol.holder(&other);
    let resting = other.unit().startable();
    let resting = resting.serve(service(Smol, async || {})).unwrap();
    assert!(resting.wait_stopped(SOON));
    group.shutdown();
    expect_over(&group, UnitState::Ended);
    other.shutdown();
    for (unit, path) in [(&unit, "group"), (&resting, "other")] {
        for refused in [unit.start(), foster::Unit::start_together([unit])] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), ServeErrorKind::Stopping);
            let text = format!("the group `{path}` is stopping or has stopped");
            assert!(refused.to_string().ends_with(&text), "{refused}");
        }
    }
    holder.go.happen();
    expect_over(&other, UnitState::Ended);
    end(&runtime);
}

fn v20_a_part_of_what_is_over_is_refused() {
    let runtime = started();
    let whole = runtime.unit().name("whole");
    let whole = whole.serve(service(Smol, async || {})).unwrap();
    assert!(whole.wait_stopped(SOON));
    for part in [
        runtime.unit().part_of("whole"),
        runtime.unit().part_of(whole),
    ] {
        let refused = part.serve(service(Smol, async || {})).unwrap_err();
        assert_eq!(refused.kind(), ServeErrorKind::Order);
        assert!(
            refused
                .to_string()
                .ends_with("it is a part of `whole`, which is over"),
            "{refused}"
        );
    }
    end(&runtime);
}

fn v20_nothing_is_a_part_of_itself() {
    let runtime = runtime();
    let unit = runtime.unit().name("self").part_of("self");
    unit.serve(service(Smol, async || {})).unwrap();
    let refused = runtime.start().unwrap_err();
    assert_eq!(refused.to_string(), "service `self` is a part of itself");
}

/// A waker that looks at the services, and hands in more.
struct Looks(Runtime, Event);

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        self.0.units();
        self.0.group("more").create().unwrap();
        self.1.happen();
    }
}

fn g5_who_waits_for_a_place_is_told_with_nothing_locked() {
    let runtime = started();
    let group = runtime.group("full").limit(1).create().unwrap();
    let go = Event::new();
    let goes = go.clone();
    let run = move || {
        let goes = goes.clone();
        async move {
            while !goes.has_happened() {
                futures_lite::future::yield_now().await;
            }
        }
    };
    Smol.serve(group.unit().name("unit"), run).unwrap();
    let woken = Event::new();
    let waker = Waker::from(Arc::new(Looks(runtime.clone(), woken.clone())));
    let mut place: Pin<Box<TakePlace>> = Box::pin(group.place());
    let mut context = Context::from_waker(&waker);
    assert!(place.as_mut().poll(&mut context).is_pending());
    go.happen();
    woken.expect("it is told that there is a place");
    let _place: Place = block_on(place).unwrap();
    end(&runtime);
}

/// The closure that makes a service's values has the only handle of another group, which ends by that; and the last failure
/// of a service has a destructor.
fn g4_what_services_own_is_let_go_of_with_nothing_locked() {
    for by_runtime in [false, true] {
        let runtime = started();
        let group = runtime.group("group").create().unwrap();
        let held = runtime.group("held").create().unwrap();
        let make = move || {
            let _held = &held;
            service_once(Smol, async || {})
        };
        let unit = group.unit().name("unit").serve_with(make).unwrap();
        assert!(unit.wait_stopped(SOON));
        drop(unit);
        assert!(runtime.group_named("held").is_some());
        if !by_runtime {
            group.shutdown();
            expect_over(&group, UnitState::Ended);
            expect("its last handle is gone", || {
                runtime.group_named("held").is_none()
            });
        }
        end(&runtime);
    }
}

/// Each level is a payload whose child is the next; no end of one is the end of another inside the same call.
fn g2_a_thousand_levels_end() {
    const LEVELS: usize = 1_000;
    fn level(left: usize, alive: Arc<AtomicUsize>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let _token = Shutdown::current();
            if left > 0 {
                let below = Arc::clone(&alive);
                let next = move || level(left - 1, below);
                Group::current().named("x").adopt(Smol, next).unwrap();
            }
            alive.fetch_add(1, SeqCst);
            pending::<()>().await;
        })
    }
    for cancels in [true, false] {
        let (clock, runtime) = manual();
        let group = runtime.group("top").create().unwrap();
        let alive = Arc::new(AtomicUsize::new(0));
        let first = Arc::clone(&alive);
        Smol.adopt_in(&group, move || level(LEVELS, first)).unwrap();
        expect("all run", || alive.load(SeqCst) == LEVELS + 1);
        if cancels {
            group.cancel();
            expect_over(&group, UnitState::Ended);
            end(&runtime);
        } else {
            runtime.shutdown();
            let _report = finish(&clock, &runtime).unwrap_err();
        }
    }
}

fn g2_a_thousand_that_rest_end_with_their_parent() {
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    let units: Vec<_> = (0..1_000)
        .map(|number| {
            let unit = group.unit().name(format!("unit {number}")).startable();
            unit.serve(service(Smol, async || {})).unwrap()
        })
        .collect();
    for unit in &units {
        assert!(unit.wait_stopped(SOON));
    }
    group.shutdown();
    expect_over(&group, UnitState::Ended);
    assert!(runtime.units().is_empty());
    end(&runtime);
}

fn g4_nothing_is_left_of_groups_that_are_over() {
    let runtime = started();
    let owned = std::sync::Arc::new(());
    // The names are the same each time, so those of the one before are free.
    for _ in 0..300 {
        let group = runtime.group("short").limit(10).create().unwrap();
        let inner = group.group("inner").create().unwrap();
        let (in_payload, in_service) = (owned.clone(), owned.clone());
        let run = move || {
            let kept = in_service.clone();
            async move {
                let _kept = kept;
                Shutdown::current().requested().await;
            }
        };
        Smol.serve(inner.unit().name("service"), run).unwrap();
        let begun = Event::new();
        let begins = begun.clone();
        let payload = || async move {
            let _kept = in_payload;
            // Its children's group is in this one.
            let child = || async move {
                begins.happen();
                pending::<()>().await;
            };
            Tokio.adopt_in(&Group::current(), child).unwrap();
            pending::<()>().await;
        };
        Tokio.adopt_in_as(&group, "payload", payload).unwrap();
        begun.expect("the child runs");
        group.shutdown();
        expect_over(&group, UnitState::Ended);
        assert_eq!((group.running(), group.taken()), (0, 0));
        assert!(runtime.group_named("short").is_none());
        assert!(runtime.unit_named("short/inner/service").is_none());
        assert!(runtime.units().is_empty());
    }
    expect("what was in them is dropped", || {
        std::sync::Arc::strong_count(&owned) == 1
    });
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// The group is over before the flavour of a service in it has started.
fn g4_a_value_that_never_ran_waits_for_no_flavour() {
    let runtime = started();
    let (go, dropped) = (Event::new(), Event::new());
    let is_dropped = dropped.clone();
    let value = OnDrop(move || is_dropped.happen());
    let group = runtime.group("early").create().unwrap();
    let run = move || {
        let _ = &value;
        async {}
    };
    group.unit().serve(service(Odd::after(&go), run)).unwrap();
    group.shutdown();
    expect_over(&group, UnitState::Ended);
    dropped.expect("nobody will need it");
    go.happen();
    end(&runtime);
}

/// Refused, with its value; and nothing is left of it. With a value for each run it is restarted in the group.
fn g4_nothing_is_left_of_a_run_that_owns_its_value<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("group").limit(1).create().unwrap();
    let (dropped, runs) = (Event::new(), Arc::new(AtomicUsize::new(0)));
    let drops = dropped.clone();
    let value = OnDrop(move || drops.happen());
    let once = service_once(Smol, move || async move {
        let _value = value;
    });
    let restart = || Restart::always().delay(Duration::ZERO);
    let unit = group.unit().name("unit").restart(restart());
    let refused = unit.serve(once).unwrap_err();
    assert_eq!(refused.kind(), ServeErrorKind::Settings);
    drop(refused);
    dropped.expect("its value is dropped");
    assert_eq!((group.taken(), group.units().len()), (0, 0));
    assert!(runtime.unit_named("group/unit").is_none());
    let count = Arc::clone(&runs);
    let make = move || {
        let count = Arc::clone(&count);
        service_once(Smol, move || async move {
            if count.fetch_add(1, SeqCst) == 3 {
                Shutdown::current().requested().await;
            }
        })
    };
    let unit = group.unit().name("unit").restart(restart());
    let unit = unit.serve_with(make).unwrap();
    expect("it is restarted", || runs.load(SeqCst) == 4);
    assert_eq!((unit.restarts(), group.taken()), (3, 1));
    let refused = flavour.adopt_in(&group, || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Full);
    group.shutdown();
    expect_over(&group, UnitState::Ended);
    assert_eq!(group.taken(), 0);
    end(&runtime);
}
