//! Services while the runtime runs, by the system's clock: what meets their ends.

use std::future::pending;
use std::time::Duration;

use shuttle::thread;

use super::services::ask_as_it_ends;
use super::{Count, Model, builder, holds_of_services, stop_aside, with_clock};
use crate::base::sync::channel::Receiver;
use crate::{Clock, Ready, Restart, Runtime, Unit, UnitState, service};

/// A runtime on the system's clock, with its flavour started and a service that goes on.
fn started() -> (Runtime, Unit) {
    let runtime = with_clock(&Clock::system());
    runtime.adopt(Model("a"), || async {}).unwrap();
    runtime.start().unwrap();
    let first = runtime.serve(service(Model("a"), pending::<()>)).unwrap();
    (runtime, first)
}

/// A service that is asked to stop, or to restart, as its run comes to its end by itself is
/// over, and whoever waits for that hears of it; its value is dropped once.
#[test]
fn a_stop_meets_an_end_while_running() {
    holds_of_services(|| {
        let (runtime, _first) = started();
        let dropped = Count::default();
        let on_drop = dropped.on_drop();
        let run = move || {
            let _ = &on_drop;
            async {}
        };
        let unit = runtime.serve(service(Model("a"), run)).unwrap();
        ask_as_it_ends(&unit);
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(dropped.get(), 1);
        assert_eq!(unit.state(), UnitState::Ended);
    });
}

/// A service that comes to its end by itself as the runtime stops stays over.
#[test]
fn an_end_meets_the_stop() {
    holds_of_services(|| {
        let (runtime, first) = started();
        let unit = runtime.serve(service(Model("a"), || async {})).unwrap();
        let stopper = stop_aside(&runtime);
        runtime.wait().unwrap();
        stopper.join().unwrap();
        let states = [first.state(), unit.state()];
        assert_eq!(states, [UnitState::Ended, UnitState::Ended]);
    });
}

/// A failure that a restart would have followed is told if the stop comes before that is decided.
#[test]
fn a_failure_meets_the_stop() {
    holds_of_services(|| {
        let (runtime, _first) = started();
        let runs = Count::default();
        let run = move || {
            runs.add();
            let is_first = runs.get() == 1;
            async move {
                match is_first {
                    true => Err::<(), _>("once"),
                    false => pending().await,
                }
            }
        };
        let mut changes = runtime.unit_changes(100);
        let restart = Restart::on_failure().jitter(0.0).delay(Duration::ZERO);
        let unit = runtime.unit().restart(restart);
        // It is all that is left of the run, as each has a value of its own.
        let make = move || service(Model("a"), run.clone());
        let unit = unit.serve_with(make).unwrap();
        let stopper = stop_aside(&runtime);
        let told = runtime.wait().is_err();
        stopper.join().unwrap();
        let delayed = std::iter::from_fn(|| changes.try_recv())
            .any(|change| change.state() == UnitState::Delayed);
        let failed = unit.last_failure().is_some();
        assert_eq!(failed, told || delayed);
    });
}

/// Launched as the runtime stops, a service runs or is refused; if it runs it has its first poll,
/// is dropped where it awaits, and the runtime waits for that.
#[test]
fn a_launch_meets_the_stop() {
    holds_of_services(|| {
        let (runtime, first) = started();
        let stopper = stop_aside(&runtime);
        let (began, ended, dropped) = (Count::default(), Count::default(), Count::default());
        let (begins, ends, on_drop) = (began.clone(), ended.clone(), dropped.on_drop());
        let unit = runtime.serve(service(Model("a"), move || {
            let _ = &on_drop;
            begins.add();
            let end = ends.on_drop();
            async move {
                let _end = end;
                pending::<()>().await;
            }
        }));
        runtime.wait().unwrap();
        stopper.join().unwrap();
        assert_eq!(first.state(), UnitState::Ended);
        assert!(unit.is_err() || unit.is_ok_and(|unit| unit.state() == UnitState::Ended));
        assert_eq!(began.get(), ended.get());
        assert_eq!(dropped.get(), 1);
    });
}

/// Whoever waits elsewhere for a service to be asked to end hears of the stop, whether it listened
/// before that or not. Whoever only looks never sees the request taken back. The service itself holds the
/// stop up until then.
#[test]
fn a_token_elsewhere_hears_of_the_stop() {
    holds_of_services(|| {
        let (runtime, _first) = started();
        let (sender, receiver) = crate::base::sync::channel::unbounded();
        let run = move || {
            let (token, over) = (crate::Shutdown::current(), crate::base::event::Event::new());
            let over = std::sync::Arc::new(over);
            let listener = over.listen();
            let _ = sender.send((token, over));
            listener
        };
        runtime.serve(service(Model("a"), run)).unwrap();
        let (token, over) = receiver.recv().unwrap();
        let looked_at = token.clone();
        let looker = thread::spawn(move || {
            let mut seen = false;
            for _ in 0..10 {
                let requested = looked_at.is_requested();
                assert!(requested || !seen);
                seen = requested;
            }
        });
        let waiter = thread::spawn(move || {
            assert!(token.wait_timeout(Duration::from_secs(1)));
            over.notify();
        });
        let stopper = stop_aside(&runtime);
        runtime.wait().unwrap();
        for thread in [looker, waiter, stopper] {
            thread.join().unwrap();
        }
    });
}

/// Whoever looks on is told that a service is asked to end before it has, if the runtime's stop
/// found it alive.
#[test]
fn a_watched_stop_meets_an_end() {
    holds_of_services(|| {
        let (runtime, first) = started();
        assert_eq!(shuttle::future::block_on(first.ready()), UnitState::Running);
        let mut changes = runtime.unit_changes(100);
        let unit = runtime.serve(service(Model("a"), || async {})).unwrap();
        let stopper = stop_aside(&runtime);
        runtime.wait().unwrap();
        stopper.join().unwrap();
        let all: Vec<_> = std::iter::from_fn(|| changes.try_recv()).collect();
        let states = |name: &str| -> Vec<_> {
            let of_it = all.iter().filter(|change| change.name() == name);
            of_it.map(crate::UnitChange::state).collect()
        };
        let expected = [UnitState::Stopping, UnitState::Ended];
        assert_eq!(states(first.name()), expected);
        let states = states(unit.name());
        assert_eq!(states.last(), Some(&UnitState::Ended), "{states:?}");
        assert_eq!(states.iter().filter(|state| state.is_over()).count(), 1);
    });
}

/// A service that comes after two others, of which one ends in its first poll, starts: that one was
/// ready for a moment. The other goes on until the service after it has ended.
#[test]
fn a_dependent_meets_an_end() {
    holds_of_services(|| {
        let (runtime, first) = started();
        let quick = runtime.serve(service(Model("a"), || async {})).unwrap();
        let ran = Count::default();
        let runs = ran.clone();
        let (watched, saw) = (first.clone(), Count::default());
        let sees = saw.clone();
        let run = move || {
            runs.add();
            let (watched, saw) = (watched.clone(), sees.clone());
            async move {
                crate::Shutdown::current().requested().await;
                if watched.state() == UnitState::Running {
                    saw.add();
                }
            }
        };
        let settings = runtime.unit().after(&first).after(&quick);
        let after = settings.serve(service(Model("a"), run)).unwrap();
        assert_eq!(shuttle::future::block_on(after.ready()), UnitState::Running);
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(quick.state(), UnitState::Ended);
        assert_eq!((ran.get(), saw.get()), (1, 1));
    });
}

/// A service that comes after one which says that it is ready, as it does so, starts.
#[test]
fn a_dependent_meets_a_notification() {
    holds_of_services(|| {
        let (runtime, _first) = started();
        let (other, readies) = telling_elsewhere(&runtime);
        let ready = readies.recv().unwrap();
        let notifier = thread::spawn(move || ready.notify());
        let after = runtime.unit().after(&other);
        let after = after.serve(service(Model("a"), pending::<()>)).unwrap();
        assert_eq!(shuttle::future::block_on(after.ready()), UnitState::Running);
        notifier.join().unwrap();
        assert_eq!(other.state(), UnitState::Running);
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}

/// A run that was told to be ready late, when the next one has begun, does not make that one ready.
#[test]
fn an_old_notification_is_not_the_next_runs() {
    holds_of_services(|| {
        let (runtime, _first) = started();
        let (unit, readies) = telling_elsewhere(&runtime);
        let ready = readies.recv().unwrap();
        let notifier = thread::spawn(move || ready.notify());
        unit.restart();
        let _next = readies.recv().unwrap();
        notifier.join().unwrap();
        assert_eq!(unit.state(), UnitState::Starting);
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}

/// A service that is ready when somebody says so by what each of its runs sends.
fn telling_elsewhere(runtime: &Runtime) -> (Unit, Receiver<Ready>) {
    let (sender, receiver) = crate::base::sync::channel::unbounded();
    let run = move || {
        let _ = sender.send(Ready::current());
        pending::<()>()
    };
    let unit = runtime.unit().notifies_ready();
    (unit.serve(service(Model("a"), run)).unwrap(), receiver)
}

/// A runtime that ends when it is idle does so after the last of its services, whoever that is.
#[test]
fn idle_meets_the_last_end() {
    holds_of_services(|| {
        let runtime = builder(&Clock::system()).until_idle().build();
        let (inside, ended) = (runtime.clone(), Count::default());
        let ends = ended.clone();
        let serve = move || {
            let (runtime, ended) = (inside.clone(), ends.clone());
            async move {
                for key in ["a", "b"] {
                    let ended = ended.clone();
                    let run = move || {
                        let ended = ended.clone();
                        async move { ended.add() }
                    };
                    runtime.serve(service(Model(key), run)).unwrap();
                }
            }
        };
        runtime.adopt(Model("b"), || async {}).unwrap();
        runtime.adopt(Model("a"), serve).unwrap();
        runtime.run().unwrap();
        assert_eq!(ended.get(), 2);
    });
}
