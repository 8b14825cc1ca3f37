//! Children that go on, and parents that are to be restarted meanwhile. Row G2.

use super::*;

on_every_flavour!(
    g2_a_child_may_adopt_while_its_parent_stops,
    g2_a_restart_of_the_whole_takes_no_heed_of_a_childs_delay,
    g2_an_execute_adopts_on_the_callers_flavour,
    g2_a_hung_child_leaves_its_parent_time_to_flush,
);

once!(
    g2_a_hung_child_thread_leaves_its_parent_time_to_flush,
    g2_a_hung_child_service_on_a_thread_is_no_failure,
    g2_a_deaf_service_on_a_thread_holds_up_no_group,
    g2_a_deaf_service_on_a_thread_holds_up_no_restart,
    g2_a_thread_that_its_group_has_left_behind_has_a_group_that_is_over,
);

fn g2_a_thread_that_its_group_has_left_behind_has_a_group_that_is_over() {
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    let (begun, go, seen) = (Event::new(), Event::new(), Log::new());
    let (begins, goes, log) = (begun.clone(), go.clone(), seen.clone());
    group
        .adopt(Thread, move || {
            begins.happen();
            block_until(&goes);
            let own = Group::current();
            log.write((own.state(), own.adopt(Smol, || async {}).is_err()));
            log.write((own.state(), own.execute(Smol, || async {}).is_err()));
        })
        .unwrap();
    begun.expect("it runs");
    group.shutdown();
    assert!(group.wait_stopped(SOON), "it holds up nobody");
    go.happen();
    expect("it has asked", || seen.read().len() == 2);
    assert_eq!(seen.read(), [(UnitState::Ended, true); 2]);
    goes_on(&runtime);
    end(&runtime);
}

/// It adopts until it is refused, into its own group and into that of its parent, and returns the refusal, which is no
/// failure. All that was taken in comes to its end.
fn g2_a_child_may_adopt_while_its_parent_stops<F: Member>(flavour: F) {
    for by_runtime in [false, true] {
        let runtime = started();
        let (taken, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (takes, goes) = (Arc::clone(&taken), Arc::clone(&gone));
        let refusals = Log::new();
        let refused = refusals.clone();
        let unit = serve_once(flavour, runtime.unit().name("parent"), move || async move {
            let (token, parents) = (Shutdown::current(), Group::current());
            let theirs = parents.clone();
            let child = move || async move {
                let _token = Shutdown::current();
                let own = Group::current();
                loop {
                    for group in [&own, &theirs] {
                        let goes = Arc::clone(&goes);
                        // Dropped unrun as well.
                        let dropped = OnDrop(move || {
                            goes.fetch_add(1, SeqCst);
                        });
                        takes.fetch_add(1, SeqCst);
                        let adopted = Smol.adopt_in(group, || async move {
                            let _dropped = dropped;
                            a_while().await;
                        });
                        if let Err(error) = adopted {
                            refused.write(error.kind());
                            return Err(error);
                        }
                    }
                    // Nobody is to run out of memory.
                    while takes.load(SeqCst) - goes.load(SeqCst) > 1_000 {
                        futures_lite::future::yield_now().await;
                    }
                    futures_lite::future::yield_now().await;
                }
                #[allow(unreachable_code, reason = "it says the type")]
                Ok(())
            };
            serve_once(flavour, parents.unit().name("child"), child);
            token.requested().await;
        });
        expect("it adopts", || taken.load(SeqCst) > 100);
        match by_runtime {
            true => runtime.shutdown(),
            false => unit.stop(),
        }
        assert!(unit.wait_stopped(SOON));
        assert_eq!(unit.state(), UnitState::Ended);
        assert_eq!(refusals.read(), [AdoptErrorKind::Stopping]);
        expect("all have ended", || taken.load(SeqCst) == gone.load(SeqCst));
        end(&runtime);
    }
}

/// The name of the child is free for the parent's next run, and nothing is left of the old one's delay.
fn g2_a_restart_of_the_whole_takes_no_heed_of_a_childs_delay<F: Member>(flavour: F) {
    let (clock, runtime) = manual();
    let (runs, children) = (Log::new(), Log::new());
    let run = {
        let (runs, children) = (runs.clone(), children.clone());
        move || {
            let (runs, children) = (runs.clone(), children.clone());
            async move {
                let token = Shutdown::current();
                let own = Group::current();
                let generation = children.read().len();
                let child = move || {
                    let runs = runs.clone();
                    async move {
                        let token = Shutdown::current();
                        runs.write(generation);
                        if generation == 0 {
                            return Err("no luck");
                        }
                        token.requested().await;
                        Ok(())
                    }
                };
                let restart = Restart::on_failure().jitter(0.0).delay(10 * SECOND);
                let unit = own.unit().name("child").restart(restart);
                children.write(flavour.serve(unit, child).unwrap());
                token.requested().await;
            }
        }
    };
    let unit = flavour.serve(runtime.unit().name("parent"), run).unwrap();
    expect("there is a child", || children.read().len() == 1);
    let child = children.read().remove(0);
    child.expect(UnitState::Delayed);
    unit.restart();
    expect("there is another one", || children.read().len() == 2);
    assert!(child.state().is_over());
    let next = children.read().remove(1);
    next.expect(UnitState::Running);
    assert_eq!(next.name(), "parent/child");
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Running, 1));
    clock.advance(20 * SECOND);
    goes_on(&runtime);
    assert_eq!(runs.read(), [0, 1]);
    assert_eq!((child.restarts(), next.restarts()), (0, 0));
    end(&runtime);
}

/// The caller's flavour is busy until the execute returns. The child is the caller's, and outlives the execute.
fn g2_an_execute_adopts_on_the_callers_flavour<F: Member>(flavour: F) {
    let runtime = started();
    let (child, seen, known) = (Probe::new(), Log::new(), runtime.clone());
    let (is_child, sees) = (child.clone(), seen.clone());
    let unit = serve_once(flavour, runtime.unit().name("caller"), move || async move {
        let below = sees.clone();
        let executed = known.execute(Thread, move || {
            let own = Group::current();
            below.write(own.path().to_owned());
            flavour
                .adopt_in_as(&own, "child", || async move {
                    below.write(Group::current().path().to_owned());
                    is_child.live().await;
                })
                .unwrap();
        });
        executed.unwrap();
        sees.write("executed".to_owned());
    });
    child.held.expect("the child runs");
    unit.expect(UnitState::Finishing);
    let mut seen = seen.read();
    seen.sort_unstable();
    assert_eq!(seen, ["caller", "caller/child", "executed"]);
    unit.stop();
    child.asked.expect("it is asked as the caller's child");
    child.go.happen();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
    end(&runtime);
}

/// A parent with 10 s, which flushes as soon as its children are over, and a child that never ends.
struct Flushing {
    clock: Clock,
    runtime: Runtime,
    unit: Served,
    child: Probe,
    children: Log<Group>,
    flushed: Event,
    flushed_at: Log<std::time::Instant>,
}

impl Flushing {
    fn new<P: Member, C: Member>(parent: P, child: C, is_service: bool) -> Self {
        let (clock, runtime) = manual();
        let (probe, above, flushed) = (Probe::new(), Probe::free(), Event::new());
        let (is_child, flushes, is_above) = (probe.clone(), flushed.clone(), above.clone());
        let (children, flushed_at) = (Log::new(), Log::new());
        let (own_children, flushes_at) = (children.clone(), flushed_at.clone());
        let run = move || async move {
            let (token, own) = (Shutdown::current(), Group::current());
            own_children.write(own.clone());
            match is_service {
                true => {
                    serve_once(child, own.unit().name("child"), || is_child.live());
                }
                false => child
                    .adopt_in_as(&own, "child", || is_child.live())
                    .unwrap(),
            }
            is_above.held.happen();
            token.requested().await;
            is_above.asked.happen();
            own.stopped().await;
            flushes_at.write(Clock::current().now());
            a_while().await;
            flushes.happen();
        };
        let unit = runtime.unit().name("parent").stop_time(10 * SECOND);
        let unit = serve_once(parent, unit, run);
        probe.held.expect("the child runs");
        above.held.expect("the parent runs");
        unit.stop();
        probe.asked.expect("the child is asked");
        above.asked.expect("the parent is asked");
        Self {
            clock,
            runtime,
            unit,
            child: probe,
            children,
            flushed,
            flushed_at,
        }
    }

    /// A second before the end of the parent's time, and not before, the child is waited for no longer.
    fn child_is_cut(&self) {
        let (nearly, asked_at) = (Duration::from_millis(1), self.clock.now());
        self.clock.advance(9 * SECOND - nearly);
        // A child that was cut by then is dropped before anything else runs there.
        self.runtime.execute(Smol, || async {}).unwrap();
        let children = self.children.read().remove(0);
        assert_eq!(children.state(), UnitState::Stopping, "it is waited for");
        self.clock.advance(2 * nearly);
        self.flushed.expect("the parent flushes");
        // It looks at the clock when its children are waited for no longer: no sooner than that.
        let waited = self.flushed_at.read()[0] - asked_at;
        assert!(waited >= 9 * SECOND, "{waited:?}");
        assert!(self.unit.wait_stopped(SOON));
        assert_eq!(self.unit.state(), UnitState::Ended);
        goes_on(&self.runtime);
    }
}

fn g2_a_hung_child_leaves_its_parent_time_to_flush<F: Member>(flavour: F) {
    for is_service in [true, false] {
        let flushing = Flushing::new(flavour, Smol, is_service);
        flushing.child_is_cut();
        assert!(flushing.child.over.has_happened(), "it is dropped");
        end(&flushing.runtime);
    }
}

/// It cannot be dropped: it is told, and its parent's flush waits for it no longer.
fn g2_a_hung_child_thread_leaves_its_parent_time_to_flush() {
    let flushing = Flushing::new(Smol, Thread, false);
    flushing.child_is_cut();
    assert!(!flushing.child.over.has_happened());
    let (clock, runtime) = (&flushing.clock, &flushing.runtime);
    runtime.shutdown();
    let result = finish(clock, runtime);
    let left = runtime.left_behind().iter();
    let left: Vec<_> = left.map(|one| one.payload()).collect();
    assert_eq!(left, [Some("parent/child")], "{result:?}");
    flushing.child.go.happen();
}

/// A service on a thread has no other run to follow, so that it goes on is no failure; its parent is cut in time.
fn g2_a_hung_child_service_on_a_thread_is_no_failure() {
    let flushing = Flushing::new(Smol, Thread, true);
    let (clock, runtime, unit) = (&flushing.clock, &flushing.runtime, &flushing.unit);
    clock.advance(9 * SECOND);
    goes_on(runtime);
    clock.advance(SECOND);
    goes_on(runtime);
    assert!(!unit.wait_stopped(Duration::ZERO));
    flushing.child.go.happen();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
    end(runtime);
}

/// A service on a thread that takes no token, in a group: it goes on until it is told to end, and fails then.
fn deaf(group: &Group, go: &Event) -> foster::Unit {
    let (begun, goes) = (Event::new(), go.clone());
    let begins = begun.clone();
    let run = move || {
        begins.happen();
        block_until(&goes);
        panic!("too late");
    };
    let unit = group.unit().name("deaf").stop_time(2 * SECOND);
    let unit = unit.serve(service(Thread, run)).unwrap();
    begun.expect("it runs");
    unit
}

/// When its time is over it is left behind, with its place, and what it fails of then is told and no more.
fn g2_a_deaf_service_on_a_thread_holds_up_no_group() {
    let (clock, runtime) = manual();
    let outer = runtime.group("outer").limit(1).create().unwrap();
    let inner = outer.group("inner").create().unwrap();
    let go = Event::new();
    let unit = deaf(&inner, &go);
    inner.shutdown();
    clock.advance(2 * SECOND - Duration::from_millis(1));
    assert!(!inner.wait_stopped(Duration::ZERO), "it may take a token");
    clock.advance(Duration::from_millis(1));
    expect_over(&inner, UnitState::Ended);
    assert_eq!(unit.state(), UnitState::LeftBehind);
    assert_eq!(outer.taken(), 1, "it runs");
    assert!(runtime.unit_named("outer/inner/deaf").is_none());
    let inner = outer.group("inner").create().unwrap();
    go.happen();
    expect("it has ended", || outer.taken() == 0);
    goes_on(&runtime);
    assert_eq!(unit.last_failure().unwrap().message(), "too late");
    let go = Event::new();
    let _unit = deaf(&inner, &go);
    outer.shutdown();
    clock.advance(2 * SECOND);
    expect_over(&outer, UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
    let left = runtime.left_behind().iter().map(|one| one.payload());
    assert_eq!(left.collect::<Vec<_>>(), [Some("outer/inner/deaf")]);
    go.happen();
}

fn g2_a_deaf_service_on_a_thread_holds_up_no_restart() {
    let (clock, runtime) = manual();
    let go = Event::new();
    let goes = go.clone();
    let runs = Event::new();
    let begun = runs.clone();
    let run = move || {
        let (goes, begun) = (goes.clone(), begun.clone());
        async move {
            let _unit = deaf(&Group::current(), &goes);
            begun.happen();
            Shutdown::current().requested().await;
        }
    };
    let unit = runtime.unit().name("parent").restart(Restart::on_failure());
    let unit = Smol.serve(unit, run).unwrap();
    runs.expect("it runs");
    unit.restart();
    clock.advance(2 * SECOND);
    expect("it runs again", || {
        unit.restarts() == 1 && unit.state() == UnitState::Running
    });
    goes_on(&runtime);
    runtime.shutdown();
    finish(&clock, &runtime).unwrap();
    let left = runtime.left_behind().iter().map(|one| one.payload());
    assert_eq!(left.collect::<Vec<_>>(), [Some("parent/deaf"); 2]);
    go.happen();
}
