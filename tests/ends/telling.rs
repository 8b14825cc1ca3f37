//! Failures that are being told while the runtime ends. Rows A6, L5 and S3.

use super::*;

once!(
    a6_a_failure_that_is_being_told_is_waited_for,
    l5_a_thread_that_tells_its_failure_has_ended,
    s3_a_holder_that_only_tells_its_failure_has_not_overrun,
    a6_what_is_dropped_unrun_is_told_elsewhere,
);

/// A subroutine that fails when it may, and is long about telling that.
struct Failing {
    running: Event,
    may_fail: Event,
    output: SlowOutput,
    /// Its thread runs destructors, the last of which waits until it may end.
    leaves: Event,
    may_leave: Event,
}

impl Failing {
    fn adopt(runtime: &Runtime, holds: bool) -> Self {
        let this = Self {
            running: Event::new(),
            may_fail: Event::new(),
            output: SlowOutput {
                telling: Event::new(),
                may_go_on: Event::new(),
            },
            leaves: Event::new(),
            may_leave: Event::new(),
        };
        let (is_running, its_turn) = (this.running.clone(), this.may_fail.clone());
        let output = this.output.clone();
        let (leaves, may_leave) = (this.leaves.clone(), this.may_leave.clone());
        let at_end = move || {
            leaves.happen();
            block_until(&may_leave);
        };
        let code = move || {
            let _token = holds.then(Shutdown::current);
            OUTPUT.set(Some(output));
            AT_END.set(Some(OnDrop(Box::new(at_end))));
            is_running.happen();
            its_turn.expect("it is time to fail");
            Err::<(), _>("late")
        };
        runtime.adopt(Thread, code).unwrap();
        this.running.expect("the payload runs");
        this
    }

    fn fail(&self) {
        self.may_fail.happen();
        self.output.telling.expect("the failure is being told");
    }
}

fn a6_a_failure_that_is_being_told_is_waited_for() {
    subscribe();
    let runtime = builder().cancel_timeout(Duration::from_secs(60)).build();
    runtime.start().unwrap();
    let flavour = SlowToJoin::default();
    runtime.adopt(flavour.clone(), || async {}).unwrap();
    let failing = Failing::adopt(&runtime, false);
    failing.may_leave.happen();
    runtime.shutdown();
    // The runner is past all waits but the last one when the payload comes to its end.
    flavour.joining.expect("the runner joins the flavours");
    failing.fail();
    let (ended, waiter) = wait_apart(runtime);
    flavour.may_end.open();
    let at_once = ended.happens_within(Duration::from_millis(100));
    failing.output.may_go_on.happen();
    assert!(!at_once, "the run waits for the failure");
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.failures()[0].message(), "late");
}

fn l5_a_thread_that_tells_its_failure_has_ended() {
    subscribe();
    let runtime = runtime();
    runtime.start().unwrap();
    let flavour = SlowToJoin::default();
    flavour.may_end.open();
    runtime.adopt(flavour.clone(), || async {}).unwrap();
    let failing = Failing::adopt(&runtime, false);
    failing.fail();
    runtime.shutdown();
    flavour
        .joining
        .expect("nothing but the thread is waited for");
    assert!(!failing.leaves.has_happened(), "it still tells its failure");
    failing.output.may_go_on.happen();
    failing.leaves.expect("its thread comes to its end");
    let (ended, waiter) = wait_apart(runtime);
    let at_once = ended.happens_within(Duration::from_millis(100));
    failing.may_leave.happen();
    assert!(!at_once, "its thread is still there");
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.failures()[0].message(), "late");
    assert!(error.stragglers().is_empty(), "{error}");
}

fn s3_a_holder_that_only_tells_its_failure_has_not_overrun() {
    subscribe();
    let runtime = builder().grace(Duration::from_millis(10)).build();
    runtime.start().unwrap();
    let flavour = SlowToJoin::default();
    flavour.may_end.open();
    runtime.adopt(flavour.clone(), || async {}).unwrap();
    let failing = Failing::adopt(&runtime, true);
    failing.may_leave.happen();
    failing.fail();
    runtime.shutdown();
    flavour.cancelled.expect("the grace time is over");
    failing.output.may_go_on.happen();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].message(), "late");
    assert!(error.stragglers().is_empty(), "{error}");
}

/// Drops its payloads unrun, where they are handed in.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Drops;

impl Key for Drops {
    type Payload = Subroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("drops")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Subroutine>>, BoxError> {
        Ok(Arc::new(*self))
    }
}

impl Flavour for Drops {
    type Payload = Subroutine;

    fn spawn(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        drop(payload);
        Ok(())
    }

    fn block_on(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        self.spawn(payload)
    }

    fn cancel(&self) {}

    fn join(&self, _: Instant) -> bool {
        true
    }
}

/// Only a subroutine that has run has a thread that may hang in a subscriber.
fn a6_what_is_dropped_unrun_is_told_elsewhere() {
    subscribe();
    let output = SlowOutput {
        telling: Event::new(),
        may_go_on: Event::new(),
    };
    output.may_go_on.happen();
    OUTPUT.set(Some(output.clone()));
    let runtime = builder().build();
    runtime.start().unwrap();
    runtime.adopt(Drops, || ()).unwrap();
    let error = runtime.wait().unwrap_err();
    OUTPUT.set(None);
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert!(!output.telling.has_happened(), "the adopter tells nothing");
}
