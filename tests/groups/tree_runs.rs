//! Parents and children in such trees. Row G2.

use super::*;

on_every_flavour!(
    g2_a_child_hears_of_the_runtimes_stop,
    g2_the_end_of_a_run_and_that_of_its_children_are_told_apart,
    g2_a_wait_ends_with_the_last_whatever_the_order,
    g2_a_parent_may_wait_for_its_children,
    g2_a_cancel_ends_the_children_of_one_that_has_returned,
    g2_a_cancel_reaches_all_levels,
    g2_a_child_of_one_that_has_returned_ends_with_the_last_handle,
    g2_an_exit_deep_inside_ends_the_runtime,
    g2_a_parent_that_failed_serves_its_children_anew,
);

once!(
    g2_a_thread_may_wait_for_its_children,
    g2_a_child_thread_that_is_cancelled_is_left_behind,
);

/// On one flavour, and each on another one.
fn g2_a_child_hears_of_the_runtimes_stop<F: Member>(flavour: F) {
    hears(flavour, flavour);
    hears(Smol, flavour);
    hears(flavour, Tokio);
    hears(flavour, Thread);
}

fn hears(parent: impl Member, child: impl Member) {
    let runtime = started();
    let (above, below) = (Probe::free(), Probe::free());
    let (is_above, is_below) = (above.clone(), below.clone());
    let unit = serve_once(parent, runtime.unit().name("parent"), move || async move {
        let own = Group::current();
        serve_once(child, own.unit().name("child"), || is_below.live());
        is_above.live().await;
    });
    above.held.expect("the parent runs");
    below.held.expect("the child runs");
    let child = runtime.unit_named("parent/child").expect("it has its path");
    child_runs(&runtime, "parent/child");
    runtime.shutdown();
    runtime.wait().unwrap();
    for run in [above, below] {
        assert!(run.asked.has_happened() && run.over.has_happened());
    }
    assert_eq!(
        (unit.state(), child.state()),
        (UnitState::Ended, UnitState::Ended)
    );
}

fn g2_the_end_of_a_run_and_that_of_its_children_are_told_apart<F: Member>(flavour: F) {
    let runtime = started();
    let (child, children) = (Probe::new(), Log::new());
    let (is_child, theirs) = (child.clone(), children.clone());
    let unit = serve_once(flavour, runtime.unit().name("parent"), move || async move {
        let own = Group::current();
        flavour.adopt_in(&own, || is_child.live_deaf()).unwrap();
        theirs.write(own);
    });
    child.held.expect("the child runs");
    unit.expect(UnitState::Finishing);
    let children = children.read().remove(0);
    assert!(!unit.state().is_over());
    assert_eq!(
        (children.running(), children.state()),
        (1, UnitState::Running)
    );
    let (mut stopped, mut group_stopped) = (unit.stopped(), children.stopped());
    assert!(block_on(poll_once(&mut stopped)).is_none());
    assert!(block_on(poll_once(&mut group_stopped)).is_none());
    child.go.happen();
    assert_eq!(block_on(stopped), UnitState::Ended);
    assert_eq!(block_on(group_stopped), UnitState::Ended);
    assert_eq!(children.running(), 0);
    goes_on(&runtime);
    end(&runtime);
}

/// A unit, a payload in its group, and one in the group of that, in each order of their ends.
fn g2_a_wait_ends_with_the_last_whatever_the_order<F: Member>(flavour: F) {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let runtime = builder().until_idle().build();
        let runs = [Probe::new(), Probe::new(), Probe::new()];
        let [one, two, three] = runs.clone();
        let unit = serve_once(flavour, runtime.unit().name("one"), move || async move {
            let own = Group::current();
            let two = move || async move {
                let own = Group::current();
                flavour.adopt_in(&own, || three.live_deaf()).unwrap();
                two.live_deaf().await;
            };
            flavour.adopt_in(&own, two).unwrap();
            one.live_deaf().await;
        });
        runtime.start().unwrap();
        for run in &runs {
            run.held.expect("it runs");
        }
        for (number, index) in order.into_iter().enumerate() {
            assert!(!unit.wait_stopped(Duration::ZERO), "{order:?}, {number}");
            runs[index].go.happen();
            runs[index].over.expect("it ends");
        }
        assert!(unit.wait_stopped(SOON), "{order:?}");
        assert_eq!(unit.state(), UnitState::Ended);
        runtime.wait().unwrap();
    }
}

/// It ends the runtime itself, and after its children and theirs.
fn g2_a_parent_may_wait_for_its_children<F: Member>(flavour: F) {
    let runtime = started();
    let (ended, held) = (Log::new(), Event::new());
    let (ends, holds, known) = (ended.clone(), held.clone(), runtime.clone());
    serve_once(flavour, runtime.unit().name("parent"), move || async move {
        let token = Shutdown::current();
        let (children, own_ends) = (Group::current(), ends.clone());
        let child = move || async move {
            let token = Shutdown::current();
            let (children, own_ends) = (Group::current(), ends.clone());
            let grandchild = move || async move {
                let token = Shutdown::current();
                holds.happen();
                token.requested().await;
                a_while().await;
                ends.write("grandchild");
            };
            serve_once(flavour, children.unit().name("grandchild"), grandchild);
            token.requested().await;
            children.stopped().await;
            a_while().await;
            own_ends.write("child");
        };
        serve_once(flavour, children.unit().name("child"), child);
        until(&held).await;
        known.shutdown();
        drop(known);
        token.requested().await;
        children.stopped().await;
        own_ends.write("parent");
    });
    runtime.wait().unwrap();
    assert_eq!(ended.read(), ["grandchild", "child", "parent"]);
}

fn g2_a_thread_may_wait_for_its_children() {
    let runtime = started();
    let (ended, child) = (Log::new(), Probe::new());
    let (ends, is_child) = (ended.clone(), child.clone());
    let parent = move || {
        let (token, children) = (Shutdown::current(), Group::current());
        let (ends, is_child) = (ends.clone(), is_child.clone());
        let below = ends.clone();
        let run = || async move {
            is_child.live().await;
            below.write("child");
        };
        serve_once(Thread, children.unit().name("child"), run);
        assert!(token.wait_timeout(SOON));
        assert!(!children.wait_stopped(Duration::ZERO));
        ends.write("parent is asked");
        assert!(children.wait_stopped(SOON));
        ends.write("parent");
    };
    runtime.serve(foster::service(Thread, parent)).unwrap();
    child.held.expect("the child runs");
    runtime.shutdown();
    expect("the parent is asked", || ended.read().len() == 1);
    child.go.happen();
    runtime.wait().unwrap();
    assert_eq!(ended.read(), ["parent is asked", "child", "parent"]);
}

/// Although it holds a token.
fn g2_a_cancel_ends_the_children_of_one_that_has_returned<F: Member>(flavour: F) {
    // No time passes.
    let (_clock, runtime) = manual();
    let child = Probe::new();
    let is_child = child.clone();
    let unit = serve_once(flavour, runtime.unit().name("parent"), move || async move {
        // A thread could not be dropped.
        serve_once(Smol, Group::current().unit().name("child"), || {
            is_child.live()
        });
    });
    child.held.expect("the child runs");
    unit.expect(UnitState::Finishing);
    unit.cancel();
    child.over.expect("it is dropped where it awaits");
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
    goes_on(&runtime);
    end(&runtime);
}

fn g2_a_cancel_reaches_all_levels<F: Member>(flavour: F) {
    // No time passes.
    let (_clock, runtime) = manual();
    let outer = runtime.group("outer").create().unwrap();
    let inner = outer.group("inner").create().unwrap();
    let runs = [Probe::new(), Probe::new(), Probe::new()];
    let [one, two, three] = runs.clone();
    Smol.adopt_in(&outer, || one.live()).unwrap();
    Smol.adopt_in(&inner, || two.live()).unwrap();
    // A parent that cannot be dropped ends when its child has been.
    let parent = serve_once(flavour, inner.unit().name("parent"), || async move {
        let (token, own) = (Shutdown::current(), Group::current());
        Smol.adopt_in(&own, || three.live()).unwrap();
        token.requested().await;
        own.stopped().await;
    });
    for run in &runs {
        run.held.expect("it runs");
    }
    outer.cancel();
    for run in &runs {
        run.over.expect("it is dropped where it awaits");
    }
    assert!(outer.wait_stopped(SOON) && inner.wait_stopped(SOON));
    assert!(parent.wait_stopped(SOON));
    assert_eq!(
        (outer.state(), inner.state()),
        (UnitState::Ended, UnitState::Ended)
    );
    goes_on(&runtime);
    end(&runtime);
}

fn g2_a_child_thread_that_is_cancelled_is_left_behind() {
    let runtime = started();
    let outer = runtime.group("outer").create().unwrap();
    let inner = outer.group("inner").create().unwrap();
    let (begun, go) = (Event::new(), Event::new());
    let (begins, goes) = (begun.clone(), go.clone());
    let deaf = move || {
        begins.happen();
        block_until(&goes);
    };
    inner.named("deaf").adopt(Thread, deaf).unwrap();
    begun.expect("it runs");
    outer.cancel();
    assert!(outer.wait_stopped(SOON), "it holds up nobody");
    goes_on(&runtime);
    end(&runtime);
    let left: Vec<_> = runtime
        .left_behind()
        .iter()
        .map(|one| one.payload())
        .collect();
    assert_eq!(left, [Some("outer/inner/deaf")]);
    go.happen();
}

fn g2_a_child_of_one_that_has_returned_ends_with_the_last_handle<F: Member>(flavour: F) {
    let runtime = started();
    let child = Probe::new();
    let is_child = child.clone();
    let unit = serve_once(flavour, runtime.unit().name("parent"), move || async move {
        Smol.adopt_in(&Group::current(), || is_child.live_deaf())
            .unwrap();
    });
    child.held.expect("the child runs");
    unit.expect(UnitState::Finishing);
    drop(runtime);
    child.over.expect("it is dropped where it awaits");
    assert!(unit.wait_stopped(SOON));
}

/// A service two groups deep, whose parents would all be started again.
fn g2_an_exit_deep_inside_ends_the_runtime<F: Member>(flavour: F) {
    let runtime = started();
    let restart = || Restart::always().delay(Duration::ZERO);
    let (other, go) = (Probe::free(), Event::new());
    let (is_other, goes) = (other.clone(), go.clone());
    let beside = serve_once(flavour, runtime.unit().restart(restart()), || {
        is_other.live()
    });
    other.held.expect("it runs");
    let parent = serve_once(
        flavour,
        runtime.unit().name("parent").restart(restart()),
        move || async move {
            let group = Group::current().group("part").create().unwrap();
            let unit = group.unit().name("child").restart(restart());
            serve_once(flavour, unit, move || async move {
                until(&goes).await;
                Exit::Shutdown
            });
            Shutdown::current().requested().await;
        },
    );
    go.happen();
    runtime.wait().unwrap();
    assert!(other.asked.has_happened());
    for unit in [&beside, &parent] {
        assert_eq!((unit.state(), unit.restarts()), (UnitState::Ended, 0));
    }
    assert!(runtime.units().iter().all(|unit| unit.state().is_over()));
}

/// After its delay. One of them fails as it ends for that, which is kept and not followed by anything.
fn g2_a_parent_that_failed_serves_its_children_anew<F: Member>(flavour: F) {
    use FailureKind::{Error, Panic};
    for (own_kind, kind) in [(Error, Error), (Error, Panic), (Panic, Error)] {
        let (clock, runtime) = manual();
        let (fail, begun, children) = (Event::new(), Log::new(), Log::new());
        let run = {
            let (fail, begun, children) = (fail.clone(), begun.clone(), children.clone());
            move || {
                let (fail, begun) = (fail.clone(), begun.clone());
                let children = children.clone();
                async move {
                    let token = Shutdown::current();
                    let own = Group::current();
                    let is_first = children.read().is_empty();
                    for name in ["bad", "good"] {
                        let begun = begun.clone();
                        let child = move || async move {
                            let token = Shutdown::current();
                            begun.write(name);
                            token.requested().await;
                            if is_first && name == "bad" {
                                assert!(kind == Error, "as it ends");
                                return Err("as it ends");
                            }
                            Ok(())
                        };
                        children.write(serve_once(flavour, own.unit().name(name), child));
                    }
                    if is_first {
                        until(&fail).await;
                        assert!(own_kind == Error, "the parent's");
                        return Err("the parent's");
                    }
                    token.requested().await;
                    Ok(())
                }
            }
        };
        let restart = Restart::on_failure().jitter(0.0).delay(SECOND);
        let unit = runtime.unit().name("parent").restart(restart);
        let unit = flavour.serve(unit, run).unwrap();
        expect("both children run", || begun.read().len() == 2);
        fail.happen();
        unit.expect(UnitState::Delayed);
        let first = children.read();
        assert_eq!(first.len(), 2);
        assert_eq!(first[0].state(), UnitState::Failed);
        assert_eq!(first[1].state(), UnitState::Ended);
        let failure = first[0].last_failure().expect("it is kept");
        assert_eq!(
            (failure.payload(), failure.kind(), failure.message()),
            ("parent/bad", kind, "as it ends")
        );
        let failure = unit.last_failure().expect("it is kept");
        assert_eq!(
            (failure.kind(), failure.message()),
            (own_kind, "the parent's")
        );
        clock.advance(SECOND);
        expect("they run anew", || begun.read().len() == 4);
        unit.expect(UnitState::Running);
        assert_eq!(unit.restarts(), 1);
        goes_on(&runtime);
        end(&runtime);
    }
}
