//! What becomes of failures in groups. Row G3.

use super::*;

on_every_flavour!(
    l8_who_is_cancelled_with_another_group_has_failed,
    l8_who_waits_for_another_group_to_be_ready_has_failed,
    g3_what_may_fail_may_overrun_the_end,
    g3_a_failure_of_a_child_is_the_runtimes_if_nobody_absorbs_it,
    g3_a_group_may_fail,
    g3_each_payload_may_fail,
    g3_a_parent_is_restarted_for_its_child,
    g3_an_error_after_the_groups_own_end_is_its_own,
);

once!(g3_a_panic_of_a_call_that_nobody_hears_is_the_groups,);

fn g3_a_panic_of_a_call_that_nobody_hears_is_the_groups() {
    let runtime = started();
    let group = runtime.group("calls").may_fail().create().unwrap();
    let each = runtime.group("each").each_may_fail().create().unwrap();
    for group in [&group, &each] {
        let call = group.call(Smol, || async { panic!("a bug") });
        let call: foster::Call<()> = call.started();
        expect("it is over", || group.running() == 0);
        drop(call);
    }
    expect_over(&group, UnitState::Failed);
    assert_eq!(group.last_failure().unwrap().message(), "a bug");
    assert_eq!(each.state(), UnitState::Running);
    goes_on(&runtime);
    end(&runtime);
}

fn g3_a_failure_of_a_child_is_the_runtimes_if_nobody_absorbs_it<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("ingest").create().unwrap();
    let holder = flavour.holder(&group);
    holder.go.happen();
    flavour
        .adopt_in_as(&group, "conn", || async { Err::<(), _>("no route") })
        .unwrap();
    let report = runtime.wait().unwrap_err();
    assert_eq!(report.failures().len(), 1);
    assert_eq!(report.failures()[0].payload(), "ingest/conn");
    assert!(holder.over.has_happened());
}

fn g3_a_group_may_fail<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("ingest").may_fail().create().unwrap();
    let other = runtime.group("other").create().unwrap();
    let (inside, outside) = (flavour.holder(&group), flavour.holder(&other));
    inside.go.happen();
    flavour
        .adopt_in_as(&group, "conn", || async {
            if true {
                panic!("a bug")
            }
        })
        .unwrap();
    inside.asked.expect("the group ends for it");
    expect_over(&group, UnitState::Failed);
    let failure = group.last_failure().unwrap();
    assert_eq!(
        (failure.payload(), failure.kind()),
        ("ingest/conn", FailureKind::Panic)
    );
    assert!(!outside.asked.has_happened());
    outside.go.happen();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g3_each_payload_may_fail<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("conns").each_may_fail().create().unwrap();
    let holder = flavour.holder(&group);
    let failed = Event::new();
    let fails = failed.clone();
    flavour
        .adopt_in(&group, || async move {
            let _failed = OnDrop(|| fails.happen());
            Err::<(), _>("reset by peer")
        })
        .unwrap();
    failed.expect("it fails");
    expect("it is gone", || group.running() == 1);
    assert_eq!(group.state(), UnitState::Running);
    assert!(!holder.asked.has_happened());
    holder.go.happen();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g3_a_parent_is_restarted_for_its_child<F: Member>(flavour: F) {
    let runtime = started();
    let (runs, asked) = (Log::new(), Log::new());
    let run = {
        let (runs, asked) = (runs.clone(), asked.clone());
        move || {
            let (runs, asked) = (runs.clone(), asked.clone());
            async move {
                let token = Shutdown::current();
                runs.write(());
                if runs.read().len() == 1 {
                    let child = || async { Err::<(), _>("the child's") };
                    flavour
                        .adopt_in_as(&Group::current(), "child", child)
                        .unwrap();
                }
                token.requested().await;
                asked.write(());
            }
        }
    };
    let restart = Restart::on_failure().delay(Duration::ZERO);
    let unit = runtime.unit().name("parent").restart(restart);
    let unit = flavour.serve(unit, run).unwrap();
    expect("it runs again", || runs.read().len() == 2);
    unit.expect(UnitState::Running);
    assert_eq!(asked.read().len(), 1);
    let failure = unit.last_failure().unwrap();
    assert_eq!(
        (failure.payload(), failure.message()),
        ("parent/child", "the child's")
    );
    assert_eq!(unit.restarts(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g3_an_error_after_the_groups_own_end_is_its_own<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("all").create().unwrap();
    let begun = Event::new();
    let begins = begun.clone();
    flavour
        .adopt_in(&group, || async move {
            let token = Shutdown::current();
            begins.happen();
            token.requested().await;
            Err::<(), _>("too late")
        })
        .unwrap();
    begun.expect("it runs");
    group.shutdown();
    expect_over(&group, UnitState::Failed);
    assert_eq!(group.last_failure().unwrap().message(), "too late");
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// At the stop of the runtime, where others would be stragglers: it is listed, and the runtime has ended well.
fn g3_what_may_fail_may_overrun_the_end<F: Member>(flavour: F) {
    let (clock, runtime) = manual();
    let each = runtime.group("each").each_may_fail().create().unwrap();
    let whole = runtime.group("whole").may_fail().create().unwrap();
    let inner = whole.group("inner").create().unwrap();
    let probes = [(); 4].map(|()| Probe::new());
    let [in_each, in_whole, served, alone] = probes.clone();
    flavour
        .adopt_in_as(&each, "conn", || in_each.live())
        .unwrap();
    flavour
        .adopt_in_as(&inner, "conn", || in_whole.live())
        .unwrap();
    serve_once(flavour, inner.unit().name("unit"), || served.live());
    let unit = runtime.unit().name("exporter").may_fail();
    serve_once(flavour, unit, || alone.live());
    for probe in &probes {
        probe.held.expect("it holds its token");
    }
    runtime.shutdown();
    for probe in &probes {
        probe.asked.expect("it is asked");
    }
    finish(&clock, &runtime).unwrap();
    let left = runtime.left_behind().iter();
    let mut left: Vec<_> = left
        .map(|one| (one.payload().unwrap(), one.reason()))
        .collect();
    left.sort_unstable_by_key(|(name, _)| *name);
    let names = [
        "each/conn",
        "exporter",
        "whole/inner/conn",
        "whole/inner/unit",
    ];
    assert_eq!(left, names.map(|name| (name, StragglerReason::Overran)));
    for probe in &probes {
        probe.go.happen();
    }
}

/// A call into a group that ends alone: nobody else would tell that its caller goes on no more.
fn l8_who_is_cancelled_with_another_group_has_failed<F: Member>(flavour: F) {
    let runtime = started();
    let other = runtime.group("other").create().unwrap();
    let group = runtime.group("waits").may_fail().create().unwrap();
    let begun = Event::new();
    let (calls, begins) = (other.clone(), begun.clone());
    let waits = || async move {
        let forever = async move || {
            begins.happen();
            pending::<()>().await;
        };
        calls.call(Smol, forever).await
    };
    flavour.adopt_in(&group, waits).unwrap();
    begun.expect("it waits");
    other.shutdown();
    expect_over(&group, UnitState::Failed);
    assert_eq!(
        group.last_failure().unwrap().message(),
        "payload `other/tests/groups/failures.rs:LINE` on smol was cancelled: the group `other` ended"
            .replace("LINE", &(line!() - 9).to_string())
    );
    end(&runtime);
}

fn l8_who_waits_for_another_group_to_be_ready_has_failed<F: Member>(flavour: F) {
    let runtime = started();
    let other = runtime.group("other").create().unwrap();
    let never = service(Smol, async || pending::<()>().await);
    let unit = other.unit().name("never").notifies_ready();
    unit.serve(never).unwrap();
    let group = runtime.group("waits").may_fail().create().unwrap();
    let begun = Event::new();
    let (waits, begins) = (other.clone(), begun.clone());
    let waits = || async move {
        let ready = waits.ready();
        begins.happen();
        ready.await
    };
    flavour.adopt_in(&group, waits).unwrap();
    begun.expect("it waits");
    other.shutdown();
    expect_over(&group, UnitState::Failed);
    assert_eq!(
        group.last_failure().unwrap().message(),
        "the group `other` stops before it was ready: not ready are `other/never`"
    );
    end(&runtime);
}
