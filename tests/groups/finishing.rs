//! Runs that have returned while their children go on. Row G2.

use super::*;
use common::endings::exactly;
use tokio::sync::Notify;

on_every_flavour!(
    g2_a_good_time_ends_with_the_return,
    g2_a_return_that_is_a_failure_is_one_at_once,
    g2_an_error_is_the_runtimes_at_once,
    g2_who_comes_after_a_run_that_has_returned_starts,
    g2_who_comes_after_a_run_ends_before_its_children,
    g2_a_failure_of_a_child_is_that_of_a_run_that_has_returned,
);

/// A service that is restarted whenever it returns, which it does when it is told to; each run leaves a child behind.
struct Leaving {
    unit: Served,
    told: Arc<Notify>,
    children: Log<Probe>,
}

impl Leaving {
    fn serve<F: Member>(runtime: &Runtime, flavour: F, restart: Restart) -> Self {
        let (told, children) = (Arc::new(Notify::new()), Log::<Probe>::new());
        let (tell, log) = (Arc::clone(&told), children.clone());
        let run = move || {
            let (told, log) = (Arc::clone(&tell), log.clone());
            async move {
                let child = Probe::new();
                let is_child = child.clone();
                flavour
                    .adopt_in(&Group::current(), || is_child.live_deaf())
                    .unwrap();
                log.write(child);
                told.notified().await;
            }
        };
        let unit = runtime.unit().name("parent").restart(restart);
        let unit = flavour.serve(unit, run).unwrap();
        Self {
            unit,
            told,
            children,
        }
    }

    /// The child of this run, from 1.
    #[track_caller]
    fn child(&self, run: usize) -> Probe {
        expect("it runs", || self.children.read().len() == run);
        let child = self.children.read().remove(run - 1);
        child.held.expect("the child runs");
        child
    }
}

/// However long the children go on, the delay is that after the time in which the run itself was alive.
fn g2_a_good_time_ends_with_the_return<F: Member>(flavour: F) {
    let (clock, runtime) = manual();
    let restart = Restart::always().jitter(0.0).delay(SECOND);
    let restart = restart.reset_after(10 * SECOND);
    let service = Leaving::serve(&runtime, flavour, restart);
    // The run's own time, and its child's after that.
    for (run, (own, childs, delay)) in [(0, 60, 1), (0, 60, 2), (9, 9, 4), (10, 0, 1), (9, 60, 2)]
        .into_iter()
        .enumerate()
    {
        let child = service.child(run + 1);
        clock.advance(own * SECOND);
        service.told.notify_one();
        service.unit.expect(UnitState::Finishing);
        clock.advance(childs * SECOND);
        assert_eq!(service.unit.state(), UnitState::Finishing);
        child.go.happen();
        service.unit.expect(UnitState::Delayed);
        let next = service.unit.status().next_restart();
        assert_eq!(next, Some(clock.now() + delay * SECOND), "run {run}");
        clock.advance(delay * SECOND);
    }
    service.child(6).go.happen();
    runtime.shutdown();
    finish(&clock, &runtime).unwrap();
}

/// A child that holds a token, and goes on when it is asked.
fn with_child<F: Member>(flavour: F) -> Probe {
    let child = Probe::new();
    let is_child = child.clone();
    flavour
        .adopt_in_as(&Group::current(), "child", || is_child.live())
        .unwrap();
    child
}

/// One that must go on, and one that never was ready: the child is asked, and the failure kept while it goes on.
fn g2_a_return_that_is_a_failure_is_one_at_once<F: Member>(flavour: F) {
    for must_be_ready in [false, true] {
        let runtime = started();
        let children = Log::new();
        let log = children.clone();
        let unit = runtime.unit().name("parent").may_fail();
        let unit = match must_be_ready {
            true => unit.notifies_ready(),
            false => unit.return_is_failure(),
        };
        let unit = serve_once(flavour, unit, move || async move {
            let child = with_child(flavour);
            until(&child.held).await;
            log.write(child);
        });
        expect("it runs", || !children.read().is_empty());
        let child = children.read().remove(0);
        child.asked.expect("it is asked, as its parent has failed");
        let failure = unit.last_failure().expect("it is kept by now");
        assert_eq!(failure.payload(), "parent");
        assert!(!unit.wait_stopped(Duration::ZERO), "its child is alive");
        child.go.happen();
        assert!(unit.wait_stopped(SOON));
        assert_eq!(unit.state(), UnitState::Failed);
        goes_on(&runtime);
        end(&runtime);
    }
}

/// It does not wait for the children.
fn g2_an_error_is_the_runtimes_at_once<F: Member>(flavour: F) {
    let runtime = started();
    let (children, other) = (Log::new(), Probe::free());
    let (log, is_other) = (children.clone(), other.clone());
    serve_once(flavour, runtime.unit().name("other"), || is_other.live());
    other.held.expect("it runs");
    serve_once(flavour, runtime.unit().name("parent"), move || async move {
        let child = with_child(flavour);
        until(&child.held).await;
        log.write(child);
        Err::<(), _>("the parent's")
    });
    other.asked.expect("the runtime stops");
    let child = children.read().remove(0);
    child.asked.expect("and its children are asked");
    assert!(!child.over.has_happened());
    child.go.happen();
    let report = runtime.wait().unwrap_err();
    assert_eq!(report.failures().len(), 1, "{report}");
    assert!(report.stragglers().is_empty(), "{report}");
}

/// It was ready as it returned: one that had said so, and one that need not.
fn g2_who_comes_after_a_run_that_has_returned_starts<F: Member>(flavour: F) {
    for notifies in [false, true] {
        let runtime = started();
        let (children, after) = (Log::<Probe>::new(), Probe::free());
        let (log, is_after) = (children.clone(), after.clone());
        let unit = runtime.unit().name("parent");
        let unit = match notifies {
            true => unit.notifies_ready(),
            false => unit,
        };
        let unit = serve_once(flavour, unit, move || async move {
            let child = Probe::new();
            let is_child = child.clone();
            flavour
                .adopt_in(&Group::current(), || is_child.live_deaf())
                .unwrap();
            log.write(child);
            if notifies {
                foster::Ready::current().notify();
            }
        });
        unit.expect(UnitState::Finishing);
        assert!(unit.wait_ready(Duration::ZERO), "since it returned");
        assert_eq!(block_on(unit.ready()), UnitState::Finishing);
        let next = runtime.unit().name("after").after("parent");
        serve_once(flavour, next, || is_after.live());
        after.held.expect("it starts");
        assert_eq!(unit.state(), UnitState::Finishing);
        let child = children.read().remove(0);
        child.go.happen();
        assert!(unit.wait_stopped(SOON));
        end(&runtime);
    }
}

/// What the children do is a part of what it is for.
fn g2_who_comes_after_a_run_ends_before_its_children<F: Member>(flavour: F) {
    let runtime = started();
    let (children, after) = (Log::new(), Probe::new());
    let (log, is_after) = (children.clone(), after.clone());
    let unit = serve_once(flavour, runtime.unit().name("parent"), move || async move {
        log.write(with_child(flavour));
    });
    unit.expect(UnitState::Finishing);
    let child = children.read().remove(0);
    child.held.expect("it runs");
    let next = runtime.unit().name("after").after("parent");
    serve_once(flavour, next, || is_after.live());
    after.held.expect("it starts");
    runtime.shutdown();
    after.asked.expect("it has its turn");
    assert_eq!(unit.state(), UnitState::Finishing);
    assert!(!child.asked.has_happened());
    after.go.happen();
    child.asked.expect("it has its turn");
    assert!(after.over.has_happened());
    child.go.happen();
    runtime.wait().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
}

/// One that may fail ends for it, one with a policy is restarted, and else it is the runtime's.
fn g2_a_failure_of_a_child_is_that_of_a_run_that_has_returned<F: Member>(flavour: F) {
    for way in ["may fail", "is restarted", "is the runtime's"] {
        let runtime = started();
        let (fail, runs) = (Event::new(), Arc::new(AtomicUsize::new(0)));
        let other = Log::<Probe>::new();
        let run = {
            let (fail, runs, other) = (fail.clone(), Arc::clone(&runs), other.clone());
            move || {
                let (fail, other) = (fail.clone(), other.clone());
                let is_first = runs.fetch_add(1, SeqCst) == 0;
                async move {
                    if !is_first {
                        return;
                    }
                    let child = || async move {
                        until(&fail).await;
                        Err::<(), _>("the child's")
                    };
                    flavour
                        .adopt_in_as(&Group::current(), "fails", child)
                        .unwrap();
                    other.write(with_child(flavour));
                }
            }
        };
        let unit = runtime.unit().name("parent");
        let unit = match way {
            "may fail" => unit.may_fail(),
            "is restarted" => unit.restart(exactly().delay(Duration::ZERO)),
            _ => unit,
        };
        let unit = flavour.serve(unit, run).unwrap();
        unit.expect(UnitState::Finishing);
        let other = other.read().remove(0);
        other.held.expect("it runs");
        fail.happen();
        other.asked.expect("the other child is asked");
        assert!(!unit.state().is_over(), "its child is alive");
        other.go.happen();
        assert!(unit.wait_stopped(SOON));
        match way {
            "may fail" => assert_eq!(unit.state(), UnitState::Failed),
            "is restarted" => assert_eq!((unit.state(), unit.restarts()), (UnitState::Ended, 1)),
            _ => {
                let report = runtime.wait().unwrap_err();
                assert_eq!(report.failures()[0].payload(), "parent/fails");
                continue;
            }
        }
        let failure = unit.last_failure().expect("it is kept");
        assert_eq!(
            (failure.payload(), failure.message()),
            ("parent/fails", "the child's"),
        );
        end(&runtime);
    }
}
