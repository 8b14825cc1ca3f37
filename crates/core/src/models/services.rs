//! Services: restart against shutdown, stop against end.

use std::future::pending;
use std::time::Duration;

use shuttle::thread;

use super::executor::Counted;
use super::{Count, Model, holds_of_services, runtime, with_clock};
use crate::{Clock, Restart, Unit, UnitState, service};

/// A service that fails and is restarted at once does not come back when the stop has begun: each run
/// that began has ended when the runtime has, and the value is dropped once.
#[test]
fn a_restart_meets_the_stop() {
    holds_of_services(|| {
        let runtime = runtime();
        let (began, ended, dropped) = (Count::default(), Count::default(), Count::default());
        let on_drop = dropped.on_drop();
        let (begins, ends) = (began.clone(), ended.clone());
        let restart = Restart::on_failure().jitter(0.0).delay(Duration::ZERO);
        let run = move || {
            let _ = &on_drop;
            begins.add();
            let end = ends.on_drop();
            let run = begins.get();
            async move {
                let _end = end;
                if run < 3 {
                    return Err("once more");
                }
                pending::<()>().await;
                Ok(())
            }
        };
        let unit = runtime
            .unit()
            .restart(restart)
            .serve(service(Model("a"), run))
            .unwrap();
        runtime.start().unwrap();
        let stopper = {
            let runtime = runtime.clone();
            thread::spawn(move || runtime.shutdown())
        };
        // A failure that met the stop is told.
        let _ = runtime.wait();
        stopper.join().unwrap();
        assert_eq!(began.get(), ended.get());
        assert_eq!(dropped.get(), 1);
        assert!(unit.state().is_over());
    });
}

/// Asks `unit` to restart and to stop as its run ends by itself, and waits until it is over.
pub(super) fn ask_as_it_ends(unit: &Unit) {
    let asker = {
        let unit = unit.clone();
        thread::spawn(move || {
            unit.restart();
            unit.stop();
        })
    };
    assert_eq!(shuttle::future::block_on(unit.stopped()), UnitState::Ended);
    asker.join().unwrap();
}

/// A unit that is asked to stop, or to restart, as its run comes to its end by itself is over, or runs
/// once more; and whoever waits for that hears of it.
#[test]
fn a_stop_meets_the_end() {
    holds_of_services(|| {
        let runtime = runtime();
        let unit = runtime.serve(service(Model("a"), || async {})).unwrap();
        runtime.start().unwrap();
        ask_as_it_ends(&unit);
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}

/// A unit that holds a token and is cancelled as it is launched and begins is over without its stop time; what it is
/// made of is dropped once, and no run follows.
#[test]
fn a_cancel_meets_the_launch() {
    holds_of_services(|| {
        let runtime = runtime();
        let (began, ended, dropped) = (Count::default(), Count::default(), Count::default());
        let on_drop = dropped.on_drop();
        let (begins, ends) = (began.clone(), ended.clone());
        let run = move || {
            let _ = &on_drop;
            begins.add();
            let end = ends.on_drop();
            async move {
                let _end = end;
                let _token = crate::Shutdown::current();
                pending::<()>().await;
            }
        };
        let restart = Restart::always().jitter(0.0).delay(Duration::ZERO);
        let unit = runtime.unit().restart(restart);
        let unit = unit.serve(service(Model("a"), run)).unwrap();
        let canceller = {
            let unit = unit.clone();
            thread::spawn(move || unit.cancel())
        };
        runtime.start().unwrap();
        assert_eq!(shuttle::future::block_on(unit.stopped()), UnitState::Ended);
        canceller.join().unwrap();
        assert!(began.get() <= 1);
        assert_eq!(began.get(), ended.get());
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(dropped.get(), 1);
    });
}

/// A unit that somebody has seen ready, and stopped the runtime for, is not named as one that was not ready.
#[test]
fn a_unit_that_is_ready_meets_the_stop() {
    holds_of_services(|| {
        let runtime = runtime();
        let quick = runtime.serve(service(Model("a"), pending::<()>)).unwrap();
        let slow = runtime.unit().name("slow").notifies_ready();
        let _slow = slow.serve(service(Model("a"), pending::<()>)).unwrap();
        runtime.start().unwrap();
        while quick.state() != UnitState::Running {
            thread::yield_now();
        }
        runtime.shutdown();
        let error = shuttle::future::block_on(runtime.ready()).unwrap_err();
        assert_eq!(error.unready(), ["slow"]);
        runtime.wait().unwrap();
    });
}

/// Served while the runtime begins to stop, a service runs or is refused, and is dropped once.
#[test]
fn a_first_service_meets_the_stop() {
    holds_of_services(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let stopper = {
            let runtime = runtime.clone();
            thread::spawn(move || runtime.shutdown())
        };
        let dropped = Count::default();
        let on_drop = dropped.on_drop();
        let unit = runtime.serve(service(Model("a"), move || {
            let _ = &on_drop;
            pending::<()>()
        }));
        runtime.wait().unwrap();
        stopper.join().unwrap();
        assert!(unit.is_err() || unit.is_ok_and(|unit| unit.state() == UnitState::Ended));
        assert_eq!(dropped.get(), 1);
    });
}

/// A flavour that starts for a service as the runtime stops has ended when the run returns.
#[test]
fn a_start_of_a_flavour_meets_the_stop() {
    holds_of_services(|| {
        let runtime = runtime();
        let key = Counted::default();
        runtime.serve(service(key.clone(), pending::<()>)).unwrap();
        runtime.start().unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(key.started.get(), key.ended.get());
    });
}

/// Two in an order, of which the second holds a token, stop in reverse.
#[test]
fn an_order_is_kept() {
    holds_of_services(|| {
        let runtime = with_clock(&Clock::manual());
        let (first_dropped, second_saw) = (Count::default(), Count::default());
        let drops = first_dropped.clone();
        let first = runtime
            .serve(service(Model("a"), move || {
                let dropped = drops.on_drop();
                async move {
                    let _dropped = dropped;
                    pending::<()>().await;
                }
            }))
            .unwrap();
        let (saw, dropped) = (second_saw.clone(), first_dropped.clone());
        runtime
            .unit()
            .after(&first)
            .serve(service(Model("b"), move || {
                let (saw, dropped) = (saw.clone(), dropped.clone());
                async move {
                    crate::Shutdown::current().requested().await;
                    assert_eq!(dropped.get(), 0, "the one before it goes on until then");
                    saw.add();
                }
            }))
            .unwrap();
        runtime.start().unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        // The stop may have come before the second one started.
        assert!(second_saw.get() <= 1);
        assert!(first_dropped.get() <= 1);
    });
}
