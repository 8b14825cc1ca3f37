//! When a group is ready, and what its end means for who waits for that. Row G1.

use super::*;
use common::endings::getting_ready;

on_every_flavour!(
    g1_a_group_is_ready_when_what_is_in_it_is,
    g1_a_group_that_ends_before_it_was_ready_says_so,
    g1_a_group_is_ready_without_those_that_are_over,
);

/// A future and a thread that wait for a group to be ready.
struct Waiting {
    ready: foster::GroupReady,
    thread: thread::JoinHandle<Result<(), foster::ReadyError>>,
}

impl Waiting {
    fn begin(group: &Group) -> Self {
        let mut ready = group.ready();
        assert!(block_on(poll_once(&mut ready)).is_none());
        let waits = group.clone();
        let thread = thread::spawn(move || waits.wait_ready(SOON));
        Self { ready, thread }
    }

    fn end(self) -> [Result<(), foster::ReadyError>; 2] {
        [block_on(self.ready), self.thread.join().unwrap()]
    }
}

/// In the group itself and in one in it; the last of them is what it waits for. Once ready it stays so.
fn g1_a_group_is_ready_when_what_is_in_it_is<F: Member>(flavour: F) {
    let (_clock, runtime) = manual();
    let group = runtime.group("all").create().unwrap();
    group.wait_ready(Duration::ZERO).expect("it is empty");
    let inner = group.group("inner").create().unwrap();
    let (near, begun, near_go) = getting_ready(flavour, group.unit().name("near"));
    let (far, far_begun, far_go) = getting_ready(flavour, inner.unit().name("far"));
    begun.expect("it runs");
    far_begun.expect("it runs");
    let late = group.wait_ready(Duration::ZERO).unwrap_err();
    assert_eq!(late.kind(), ReadyErrorKind::Late);
    assert_eq!(late.unready(), ["all/near", "all/inner/far"]);
    let (whole, part) = (Waiting::begin(&group), Waiting::begin(&inner));
    near_go.notify_one();
    near.expect(UnitState::Running);
    let late = group.wait_ready(Duration::ZERO).unwrap_err();
    assert_eq!(late.unready(), ["all/inner/far"]);
    assert!(!whole.thread.is_finished() && !part.thread.is_finished());
    far_go.notify_one();
    for ended in [whole.end(), part.end()] {
        assert_eq!(
            ended.map(|ready| ready.map_err(|error| error.kind())),
            [Ok(()), Ok(())]
        );
    }
    far.expect(UnitState::Running);
    // One that is handed in later is waited for as well, by those who ask later.
    let (late, _, late_go) = getting_ready(flavour, group.unit().name("late"));
    let whole = Waiting::begin(&group);
    late_go.notify_one();
    assert!(whole.end().iter().all(Result::is_ok));
    late.expect(UnitState::Running);
    end(&runtime);
}

/// By its own end, by that of the group around it, and by the runtime's.
fn g1_a_group_that_ends_before_it_was_ready_says_so<F: Member>(flavour: F) {
    for by in ["itself", "outer", "runtime"] {
        let runtime = started();
        let outer = runtime.group("outer").create().unwrap();
        let group = outer.group("group").create().unwrap();
        let late = Probe::new();
        let is_late = late.clone();
        let unit = group.unit().name("late").notifies_ready();
        let unit = serve_once(flavour, unit, || is_late.live());
        late.held.expect("it runs");
        let waiting = Waiting::begin(&group);
        match by {
            "itself" => group.shutdown(),
            "outer" => outer.shutdown(),
            _ => runtime.shutdown(),
        }
        for ended in waiting.end() {
            let error = ended.unwrap_err();
            assert_eq!(error.kind(), ReadyErrorKind::Stopping, "{by}");
            assert_eq!(error.unready(), ["outer/group/late"]);
        }
        // Whoever asks only when it is over is told nothing of it.
        late.go.happen();
        expect_over(&group, UnitState::Ended);
        // It was asked to end, so that it was not ready by then is no failure.
        assert_eq!(
            (unit.state(), unit.last_failure().is_none()),
            (UnitState::Ended, true)
        );
        end(&runtime);
    }
}

/// One is stopped before it is ready, and one that may fail ends before it is.
fn g1_a_group_is_ready_without_those_that_are_over<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    let (stopped, begun, _never) = getting_ready(flavour, group.unit().name("stopped"));
    begun.expect("it runs");
    let (begun, fail) = (Event::new(), Event::new());
    let (begins, fails) = (begun.clone(), fail.clone());
    let unit = group.unit().name("failing").may_fail().notifies_ready();
    let failing = serve_once(flavour, unit, || async move {
        begins.happen();
        until(&fails).await;
        Err::<(), _>("no luck")
    });
    begun.expect("it runs");
    let waiting = Waiting::begin(&group);
    stopped.stop();
    assert!(stopped.wait_stopped(SOON));
    let late = group.wait_ready(Duration::ZERO).unwrap_err();
    assert_eq!(late.unready(), ["group/failing"]);
    fail.happen();
    assert!(waiting.end().iter().all(Result::is_ok));
    failing.expect(UnitState::Failed);
    assert_eq!(group.state(), UnitState::Running);
    end(&runtime);
}
