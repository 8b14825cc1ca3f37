//! Many in a group, and many groups. Rows G1, G2 and G4.

use super::*;

on_every_flavour!(
    g1_a_thousand_in_a_group_end_at_once,
    g2_a_thousand_children_end_at_once,
    g1_what_never_began_goes_with_a_cancelled_group,
    g4_many_payloads_with_children_leave_nothing,
);

once!(g4_many_short_groups_leave_nothing,);

/// Not one by one: no time passes meanwhile.
fn g1_a_thousand_in_a_group_end_at_once<F: Member>(flavour: F) {
    let (_clock, runtime) = manual();
    let group = runtime.group("group").limit(1_000).create().unwrap();
    let run = thousand(flavour, &group, false);
    group.shutdown();
    run.end_at_once();
    expect_over(&group, UnitState::Ended);
    assert_eq!((group.running(), group.taken()), (0, 0));
    end(&runtime);
}

fn g2_a_thousand_children_end_at_once<F: Member>(flavour: F) {
    let (_clock, runtime) = manual();
    let run = Log::new();
    let runs = run.clone();
    let unit = serve_once(flavour, runtime.unit().name("parent"), move || async move {
        let own = Group::current();
        runs.write(thousand(flavour, &own, true));
        Shutdown::current().requested().await;
        own.stopped().await;
    });
    expect("they are handed in", || !run.read().is_empty());
    let run = run.read().remove(0);
    expect("they run", || run.held.load(SeqCst) == run.number);
    unit.stop();
    run.end_at_once();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
    end(&runtime);
}

#[derive(Clone)]
struct Thousand {
    number: usize,
    held: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    go: Event,
}

impl Thousand {
    /// All are asked before any of them has ended.
    #[track_caller]
    fn end_at_once(&self) {
        expect("all are asked", || self.asked.load(SeqCst) == self.number);
        self.go.happen();
    }
}

/// Payloads, or services, of which each holds a token.
fn thousand<F: Member>(flavour: F, group: &Group, is_inside: bool) -> Thousand {
    let number = many::<F>();
    let (held, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let go = Event::new();
    for index in 0..number {
        let (held, asked, go) = (Arc::clone(&held), Arc::clone(&asked), go.clone());
        let run = move || async move {
            let token = Shutdown::current();
            held.fetch_add(1, SeqCst);
            token.requested().await;
            asked.fetch_add(1, SeqCst);
            until(&go).await;
        };
        match index % 4 {
            0 => drop(serve_once(
                flavour,
                group.unit().name(format!("{index}")),
                run,
            )),
            _ => flavour.adopt_in(group, run).unwrap(),
        }
    }
    let all = Thousand {
        number,
        held,
        asked,
        go,
    };
    if !is_inside {
        expect("they run", || all.held.load(SeqCst) == number);
    }
    all
}

/// What runs, what has not begun, what waits for its delay, for another one or for a place.
fn g1_what_never_began_goes_with_a_cancelled_group<F: Member>(flavour: F) {
    let (clock, runtime) = manual();
    let group = runtime.group("group").limit(5).create().unwrap();
    let holder = Smol.holder(&group);
    let fails = || async { Err::<(), _>("no luck") };
    let restart = Restart::on_failure().jitter(0.0).delay(10 * SECOND);
    let unit = group.unit().name("delayed").restart(restart);
    let delayed = flavour.serve(unit, fails).unwrap();
    delayed.expect(UnitState::Delayed);
    let unready = group.unit().name("unready").notifies_ready();
    let run = Probe::free();
    let is_run = run.clone();
    let unready = serve_once(Smol, unready, || is_run.live());
    run.held.expect("it runs");
    let begun = Event::new();
    let begins = begun.clone();
    let waits = group.unit().name("waits").after("group/unready");
    let waits = serve_once(flavour, waits, || async move { begins.happen() });
    waits.expect(UnitState::Waiting);
    // A flavour's thread that is busy begins nothing.
    let (busy, go_on) = (Event::new(), Event::new());
    let (is_busy, goes_on_now) = (busy.clone(), go_on.clone());
    let block = || async move {
        is_busy.happen();
        block_until(&goes_on_now);
    };
    let key = foster::Instance::new(Smol, "busy");
    runtime.adopt(key.clone(), block).unwrap();
    busy.expect("the flavour is busy");
    let (unrun, dropped) = (Event::new(), Event::new());
    let (runs, drops) = (unrun.clone(), dropped.clone());
    let value = OnDrop(move || drops.happen());
    group
        .adopt(key, || async move {
            let _value = value;
            runs.happen();
        })
        .unwrap();
    assert_eq!(group.taken(), 5);
    let mut place = Box::pin(group.place());
    assert!(block_on(poll_once(place.as_mut())).is_none());
    group.cancel();
    let refused = block_on(place).unwrap_err();
    assert_eq!(refused.kind(), PlaceErrorKind::Stopping);
    holder.over.expect("it is dropped");
    go_on.happen();
    dropped.expect("what has not begun is dropped");
    expect_over(&group, UnitState::Ended);
    for unit in [&delayed, &unready, &waits] {
        assert!(unit.state().is_over(), "{:?}", unit.status());
    }
    assert!(!unrun.has_happened() && !begun.has_happened());
    assert_eq!((group.taken(), group.waiting()), (0, 0));
    clock.advance(20 * SECOND);
    goes_on(&runtime);
    end(&runtime);
}

/// Each name is that of a thousand groups, one after the other, of which some have had a payload.
fn g4_many_short_groups_leave_nothing() {
    let runtime = started();
    let mut before: [Option<Group>; 100] = [const { None }; 100];
    for number in 0..100_000 {
        let before = &mut before[number % 100];
        if let Some(group) = before.take() {
            assert!(group.wait_stopped(SOON));
        }
        let name = format!("short {}", number % 100);
        let group = runtime.group(name).create().unwrap();
        if number % 7 == 0 {
            Smol.adopt_in(&group, || async {}).unwrap();
        }
        group.shutdown();
        *before = Some(group);
    }
    for group in before.into_iter().flatten() {
        expect_over(&group, UnitState::Ended);
        assert!(runtime.group_named(group.path()).is_none());
    }
    assert!(runtime.units().is_empty());
    end(&runtime);
}

/// The groups that payloads make for their children, one after the other and inside a group.
fn g4_many_payloads_with_children_leave_nothing<F: Member>(flavour: F) {
    let runtime = started();
    let number = match is_thread::<F>() {
        true => 500,
        false => 10_000,
    };
    let group = runtime.group("group").limit(1_000).create().unwrap();
    let ended = Arc::new(AtomicUsize::new(0));
    for index in 0..number {
        let count = Arc::clone(&ended);
        let parent = move || async move {
            let child = || async move {
                count.fetch_add(1, SeqCst);
            };
            Smol.adopt_in(&Group::current(), child).unwrap();
        };
        flavour.adopt_in_as(&group, "parent", parent).unwrap();
        if index % 100 == 99 {
            expect("all have ended", || group.taken() == 0);
        }
    }
    expect("all have ended", || ended.load(SeqCst) == number);
    expect("nothing is alive", || group.taken() == 0);
    assert_eq!(group.running(), 0);
    assert!(group.units().is_empty());
    expect("no group is left", || {
        runtime.group_named("group/parent").is_none()
    });
    group.shutdown();
    expect_over(&group, UnitState::Ended);
    assert!(runtime.units().is_empty());
    end(&runtime);
}
