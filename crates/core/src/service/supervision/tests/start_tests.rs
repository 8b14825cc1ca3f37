//! Starts in order, starts by hand, values and time: rows V7 to V10, V12, V13 and V15.

use super::*;
use UnitState::{Delayed, Ended, Failed, Running};

#[test]
fn v7_a_restart_by_hand_has_no_delay_and_begins_a_new_count() {
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart().limit(2, 60 * SECOND))));
    // In a delay.
    play.tell(failed(run(0, 1), 5));
    play.tell(ended(run(0, 1)));
    play.expect(Happening::Asked(id(0), Wish::Restart), &starts(run(0, 2)));
    assert_eq!(play.all.next_due(), None);
    // While it runs.
    play.tell(Happening::Launched(run(0, 2), Ok(())));
    play.tell(Happening::Begun(run(0, 2)));
    play.tell(Happening::Asked(id(0), Wish::Restart));
    play.expect(ended(run(0, 2)), &starts(run(0, 3)));
    // The count is new: this is the second start of two.
    play.tell(Happening::Launched(run(0, 3), Ok(())));
    play.tell(failed(run(0, 3), 6));
    play.tell(ended(run(0, 3)));
    assert_eq!(play.pass(SECOND), starts(run(0, 4)));
    // Once the runtime stops it is nothing at all.
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.tell(failed(run(0, 1), 5));
    play.tell(ended(run(0, 1)));
    assert_eq!(play.stop(), over_at_last(0, Ended));
    play.expect(Happening::Asked(id(0), Wish::Restart), &[]);
}

#[test]
fn v7_a_thread_is_judged_at_its_stop_time() {
    for holds_token in [false, true] {
        let mut play = Play::new();
        play.running(unit(0).blocking());
        play.tell(Happening::Asked(id(0), Wish::Restart));
        assert_eq!(play.pass(GRACE - SECOND), []);
        if holds_token {
            play.tell(Happening::TookToken(run(0, 1)));
        }
        let stuck = Effect::Record(id(0), Fault::Stuck);
        // Nobody's turn depends on it.
        let told = [
            Effect::Tell(id(0), Remark::Overran),
            stuck,
            Effect::StopOver,
        ];
        assert_eq!(play.pass(SECOND), told);
        let blame = holds_token.then_some(Effect::Blame(id(0), Blame::Overran));
        let blame: Vec<_> = blame.into_iter().collect();
        let by_signal = false;
        assert_eq!(play.tell(Happening::GraceOver { by_signal }), blame);
    }
    // One that takes its token late, and ends in time, is restarted.
    let mut play = Play::new();
    play.running(unit(0).blocking());
    play.tell(Happening::Asked(id(0), Wish::Restart));
    play.pass(GRACE - SECOND);
    play.tell(Happening::TookToken(run(0, 1)));
    play.tell(returned(run(0, 1)));
    play.expect(ended(run(0, 1)), &starts(run(0, 2)));
}

#[test]
fn v7_a_restart_by_hand_in_a_delay_begins_a_new_count_by_itself() {
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart().limit(2, 60 * SECOND))));
    play.tell(failed(run(0, 1), 5));
    play.tell(ended(run(0, 1)));
    play.expect(Happening::Asked(id(0), Wish::Restart), &starts(run(0, 2)));
    play.tell(Happening::Launched(run(0, 2), Ok(())));
    play.tell(failed(run(0, 2), 6));
    // The second start of two, after the first delay.
    let waits = [
        Effect::Delayed(id(0), play.now.plus(SECOND)),
        Effect::State(id(0), Delayed),
        Effect::Tell(id(0), Remark::Restarts(SECOND)),
    ];
    play.expect(ended(run(0, 2)), &waits);
}

#[test]
fn v8_a_value_is_kept_where_another_run_may_follow() {
    let on_failure = || restarts(restart());
    let always = || restarts(Restart::always());
    for (policy, event, keeps) in [
        (Policy::default(), None, false),
        (on_failure(), None, true),
        (on_failure(), Some(returned(run(0, 1))), false),
        (on_failure(), Some(errs(run(0, 1), 5)), true),
        (always(), Some(returned(run(0, 1))), true),
        (
            on_failure(),
            Some(Happening::Asked(id(0), Wish::Stop)),
            false,
        ),
        (
            Policy::default(),
            Some(Happening::Asked(id(0), Wish::Restart)),
            true,
        ),
        (always(), Some(Happening::Stops(Moment::NEVER)), false),
    ] {
        let mut play = Play::new();
        play.running(unit(0).policy(policy));
        let shown = format!("{event:?}");
        event.map(|event| play.tell(event));
        assert_eq!(play.all.keeps_value(run(0, 1)), keeps, "{shown}");
        assert!(!play.all.keeps_value(run(0, 2)));
    }
}

#[test]
fn v8_a_value_is_not_kept_by_one_that_says_that_it_is_done() {
    for exit in [Exit::Done, Exit::Shutdown] {
        let mut play = Play::new();
        play.running(unit(0).policy(restarts(Restart::always())));
        play.tell(Happening::Answered {
            run: run(0, 1),
            exit: Some(exit),
            error: None,
            may_fail: false,
        });
        assert!(!play.all.keeps_value(run(0, 1)));
    }
}

#[test]
fn v9_a_unit_starts_when_all_that_it_comes_after_have_been_ready() {
    let mut play = Play::new();
    play.running(unit(0).policy(notifies()));
    play.running(unit(1));
    let waits = unit(2).after(&[0, 1]);
    play.expect(Happening::HandedIn(vec![waits]), &[]);
    let ready = all([&[Effect::State(id(0), Running)], &starts(run(2, 1))]);
    play.expect(Happening::Notified(run(0, 1)), &ready);
    play.expect(Happening::Notified(run(0, 1)), &[]);
    // What becomes of the others changes nothing.
    play.tell(Happening::Asked(id(0), Wish::Stop));
    play.expect(gone(run(0, 1)), &over(0, Ended));
}

#[test]
fn v9_one_that_ends_in_its_first_poll_was_ready_for_a_moment() {
    let mut play = Play::new();
    let both = vec![unit(0), unit(1).after(&[0])];
    play.expect(Happening::HandedIn(both), &starts(run(0, 1)));
    play.tell(returned(run(0, 1)));
    play.expect(gone(run(0, 1)), &[]);
    // Its launch is known to be done a moment later.
    let end = all([
        &[Effect::State(id(0), Running)],
        &starts(run(1, 1)),
        &over(0, Ended),
    ]);
    play.expect(Happening::Launched(run(0, 1), Ok(())), &end);
}

#[test]
fn v9_who_waits_for_one_that_is_stopped_has_failed() {
    let mut play = Play::new();
    play.running(unit(0).policy(notifies()));
    play.tell(Happening::HandedIn(vec![unit(1).after(&[0])]));
    play.tell(Happening::Asked(id(0), Wish::Stop));
    let (other, was_stopped) = (id(0), true);
    let why = Fault::WaitsForEver { other, was_stopped };
    let fails = Effect::Record(id(1), why);
    let end = all([&[fails], &over(0, Ended), &over_at_last(1, Failed)]);
    play.expect(gone(run(0, 1)), &end);
}

#[test]
fn v10_a_start_is_late_from_the_start_on_and_not_from_the_handing_in() {
    let late = |policy: Policy| Policy {
        start_timeout: Some(5 * SECOND),
        ..policy
    };
    let mut play = Play::new();
    play.running(unit(0).policy(notifies()));
    play.tell(Happening::HandedIn(vec![
        unit(1).after(&[0]).policy(late(notifies())),
    ]));
    assert_eq!(play.pass(4 * SECOND), []);
    play.tell(Happening::Notified(run(0, 1)));
    assert_eq!(play.due_in(), Some(5 * SECOND));
    play.tell(Happening::Launched(run(1, 1), Ok(())));
    play.tell(Happening::HandedIn(vec![unit(2).after(&[1])]));
    let (within, notifies, waiters) = (5 * SECOND, true, vec![id(2)]);
    let why = Fault::Late {
        within,
        notifies,
        waiters,
    };
    let fails = Effect::Record(id(1), why);
    // It is not the one that waited in vain.
    assert_eq!(
        play.pass(5 * SECOND)[..3],
        all([&[fails], &asks(run(1, 1))])
    );
}

#[test]
fn v12_a_flavour_that_fails_when_nobody_waits_for_it_is_told() {
    let mut play = Play::new();
    play.tell(Happening::HandedIn(vec![unit(0).down()]));
    play.tell(Happening::Asked(id(0), Wish::Stop));
    let down = Happening::FlavourDown(DOWN, 5);
    play.expect(down, &[Effect::Unclaimed(5)]);
}

#[test]
fn v10_one_that_waits_too_long_has_failed() {
    let mut play = Play::new();
    play.running(unit(0).policy(notifies()));
    let policy = Policy {
        start_timeout: Some(SECOND),
        ..Policy::default()
    };
    play.tell(Happening::HandedIn(vec![
        unit(1).after(&[0]).policy(policy),
    ]));
    let (within, others) = (SECOND, vec![id(0)]);
    let why = Fault::WaitedTooLong { within, others };
    let fails = Effect::Record(id(1), why);
    assert_eq!(play.pass(SECOND)[..5], all([&[fails], &over(1, Failed)]));
}

#[test]
fn v10_a_late_start_under_a_policy_is_followed_by_another() {
    let mut play = Play::new();
    let policy = Policy {
        start_timeout: Some(SECOND),
        notifies_ready: true,
        ..restarts(restart())
    };
    play.running(unit(0).policy(policy));
    play.pass(SECOND);
    // Asked to end it does so, by itself: its value is kept all the same.
    play.tell(returned(run(0, 1)));
    assert!(play.all.keeps_value(run(0, 1)));
    play.tell(ended(run(0, 1)));
    assert_eq!(play.pass(SECOND)[..2], starts(run(0, 2)));
}

#[test]
fn v10_a_flavour_that_takes_too_long_to_start_is_a_late_start() {
    let late = |policy| Policy {
        start_timeout: Some(SECOND),
        ..policy
    };
    let within = SECOND;
    let why = || {
        let (notifies, waiters) = (false, Vec::new());
        Fault::Late {
            within,
            notifies,
            waiters,
        }
    };
    let mut play = Play::new();
    let policy = late(Policy::default());
    play.tell(Happening::HandedIn(vec![unit(0).down().policy(policy)]));
    let record = Effect::Record(id(0), why());
    let end = all([&[record], &over_at_last(0, Failed)]);
    assert_eq!(play.pass(SECOND), end);
    let mut play = Play::new();
    let policy = late(restarts(restart()));
    play.tell(Happening::HandedIn(vec![unit(0).down().policy(policy)]));
    let waits = [
        Effect::Absorb {
            unit: id(0),
            fault: why(),
            is_first: true,
        },
        Effect::Delayed(id(0), play.now.plus(2 * SECOND)),
        Effect::State(id(0), Delayed),
        Effect::Tell(id(0), Remark::Restarts(SECOND)),
    ];
    assert_eq!(play.pass(SECOND), waits);
}

#[test]
fn v12_a_flavour_is_started_once_and_tried_again_for_those_that_wait() {
    let mut play = Play::new();
    let units = (0..3).map(|id| unit(id).down().policy(restarts(restart())));
    let stand_by = |id| {
        let [starting, _] = starts(run(id, 1));
        [starting]
    };
    let expected = all([
        &stand_by(0),
        &[Effect::StartFlavour(id(0))],
        &stand_by(1),
        &stand_by(2),
    ]);
    play.expect(Happening::HandedIn(units.collect()), &expected);
    // The first has failed for it, and waits for its next start.
    let effects = play.tell(Happening::FlavourDown(DOWN, 5));
    assert_eq!(effects[0], absorbs(run(0, 1), 5));
    assert_eq!(effects.last(), Some(&Effect::StartFlavour(id(1))));
    // In the order in which they came, and nobody who comes now is quicker.
    play.tell(Happening::HandedIn(vec![unit(3).down()]));
    let launches = [1, 2, 3].map(|id| Effect::Launch(run(id, 1)));
    play.expect(Happening::FlavourUp(DOWN), &launches);
    assert_eq!(play.pass(SECOND), starts(run(0, 2)));
}

#[test]
fn v12_a_launch_that_is_refused_is_a_failure_unless_it_met_the_stop() {
    let mut play = Play::new();
    play.tell(Happening::HandedIn(vec![unit(0)]));
    // The payload that was refused has told of its end.
    play.expect(ended(run(0, 1)), &[]);
    let task = Effect::Record(id(0), Fault::Given(5));
    let refused = Happening::Launched(run(0, 1), Err(Some(5)));
    play.expect(refused, &all([&[task], &over_at_last(0, Failed)]));
    let mut play = Play::new();
    play.tell(Happening::HandedIn(vec![unit(0)]));
    play.stop();
    play.expect(ended(run(0, 1)), &[]);
    let met = Happening::Launched(run(0, 1), Err(None));
    play.expect(met, &over_at_last(0, Ended));
}

#[test]
fn v12_nobody_overtakes_those_who_wait_for_a_flavour() {
    let mut play = Play::new();
    play.tell(Happening::HandedIn(vec![unit(0).down(), unit(1).down()]));
    // It is there, and that is about to be told.
    let mut late = unit(2).down();
    late.is_flavour_up = true;
    let [starting, _] = starts(run(2, 1));
    play.expect(Happening::HandedIn(vec![late]), &[starting]);
    let launches = [0, 1, 2].map(|id| Effect::Launch(run(id, 1)));
    play.expect(Happening::FlavourUp(DOWN), &launches);
}

#[test]
fn v15_what_falls_due_at_one_moment_does_so_in_the_order_in_which_it_was_set() {
    let mut play = Play::new();
    for id in 0..3 {
        play.running(unit(id).policy(restarts(restart())));
    }
    for id in [1, 0, 2] {
        play.tell(failed(run(id, 1), 5));
        play.tell(ended(run(id, 1)));
    }
    let starts = [1, 0, 2].map(|id| starts(run(id, 2)));
    assert_eq!(play.pass(SECOND), starts.concat());
}

#[test]
fn what_a_clock_that_is_moved_waits_for() {
    let mut play = Play::new();
    assert!(play.all.is_up_to_date(play.now));
    play.expect(
        Happening::HandedIn(vec![unit(0).policy(restarts(restart()))]),
        &starts(run(0, 1)),
    );
    assert!(!play.all.is_up_to_date(play.now));
    play.tell(Happening::Launched(run(0, 1), Ok(())));
    play.tell(failed(run(0, 1), 5));
    play.tell(ended(run(0, 1)));
    assert!(play.all.is_up_to_date(play.now));
    assert!(!play.all.is_up_to_date(play.now.plus(SECOND)));
}
