//! Starts, failures and restarts: rows V1 to V10, V12 and V13.

use super::*;
use UnitState::{Delayed, Ended, Failed, Running};

#[test]
fn v1_a_unit_starts_at_once_and_is_ready_when_it_has_begun() {
    let mut play = Play::new();
    let one = run(0, 1);
    play.expect(Happening::HandedIn(vec![unit(0)]), &starts(one));
    play.expect(Happening::Launched(one, Ok(())), &[]);
    play.expect(Happening::Begun(one), &[Effect::State(id(0), Running)]);
    play.expect(returned(one), &[]);
    play.expect(gone(one), &over(0, Ended));
    assert_eq!(play.all.next_due(), None);
}

#[test]
fn v2_a_failure_that_no_policy_absorbs_is_the_runtimes_at_once() {
    for failure in [failed(run(0, 1), 5), errs(run(0, 1), 5)] {
        let mut play = Play::new();
        play.running(unit(0));
        let task = Effect::Record(id(0), Fault::Given(5));
        play.expect(failure, &[task]);
        play.expect(gone(run(0, 1)), &over_at_last(0, Failed));
    }
}

#[test]
fn v2_an_end_that_must_not_be_is_a_failure() {
    let must_stay = Policy {
        return_is_failure: true,
        ..Policy::default()
    };
    for (policy, why) in [
        (notifies(), Fault::UnreadyAtItsEnd),
        (must_stay.clone(), Fault::Returned),
    ] {
        let mut play = Play::new();
        play.running(unit(0).policy(policy));
        let task = Effect::Record(id(0), why);
        play.expect(returned(run(0, 1)), &[task]);
    }
    // Not once it was asked to end, nor if it says what is to become of it.
    let mut play = Play::new();
    play.running(unit(0).policy(must_stay.clone()));
    play.tell(Happening::Asked(id(0), Wish::Stop));
    play.expect(returned(run(0, 1)), &[]);
    let mut play = Play::new();
    play.running(unit(0).policy(must_stay));
    let exit = Happening::Answered {
        run: run(0, 1),
        exit: Some(Exit::Shutdown),
        error: None,
    };
    play.expect(exit, &[Effect::StopRuntime]);
}

#[test]
fn v2_an_error_after_its_own_stop_is_the_units_alone_and_a_panic_is_not() {
    let policy = || restarts(restart());
    for wish in [Wish::Stop, Wish::Restart] {
        let mut play = Play::new();
        play.running(unit(0).policy(policy()));
        play.tell(Happening::Asked(id(0), wish));
        let keep = absorbs(run(0, 1), 5);
        play.expect(errs(run(0, 1), 5), &[keep]);
        match wish {
            Wish::Stop => play.expect(ended(run(0, 1)), &over(0, Failed)),
            Wish::Restart => play.expect(ended(run(0, 1)), &starts(run(0, 2))),
        }
    }
    let mut play = Play::new();
    play.running(unit(0).policy(policy()));
    play.tell(Happening::Asked(id(0), Wish::Stop));
    let task = Effect::Record(id(0), Fault::Given(5));
    play.expect(failed(run(0, 1), 5), &[task]);
    play.expect(ended(run(0, 1)), &over_at_last(0, Failed));
}

#[test]
fn v2_an_error_at_the_runtimes_stop_stands_in_the_report() {
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.stop();
    let task = Effect::Record(id(0), Fault::Given(5));
    play.expect(errs(run(0, 1), 5), &[task]);
    play.expect(ended(run(0, 1)), &over_at_last(0, Failed));
}

#[test]
fn v3_a_stop_is_asked_for_once_and_meets_every_stage() {
    // It runs, and holds no token.
    let mut play = Play::new();
    play.running(unit(0));
    let asked = all([&asks(run(0, 1)), &[Effect::Cancel(run(0, 1))]]);
    play.expect(Happening::Asked(id(0), Wish::Stop), &asked);
    play.expect(Happening::Asked(id(0), Wish::Stop), &[]);
    play.expect(Happening::Asked(id(0), Wish::Restart), &[]);
    play.expect(gone(run(0, 1)), &over(0, Ended));
    // It holds one.
    let mut play = Play::new();
    play.running(unit(0));
    play.tell(Happening::TookToken(run(0, 1)));
    play.expect(Happening::Asked(id(0), Wish::Stop), &asks(run(0, 1)));
    // It has not begun: it may take one in its first poll.
    let mut play = Play::new();
    play.tell(Happening::HandedIn(vec![unit(0)]));
    play.tell(Happening::Launched(run(0, 1), Ok(())));
    play.expect(Happening::Asked(id(0), Wish::Stop), &asks(run(0, 1)));
    play.expect(Happening::Begun(run(0, 1)), &[Effect::Cancel(run(0, 1))]);
    // It waits for its flavour.
    let mut play = Play::new();
    play.tell(Happening::HandedIn(vec![unit(0).down()]));
    play.expect(Happening::Asked(id(0), Wish::Stop), &over(0, Ended));
    play.expect(Happening::FlavourUp(DOWN), &[]);
    // Before the start.
    let mut play = Play::new();
    let mut early = unit(0);
    early.is_unwanted = true;
    play.expect(Happening::HandedIn(vec![early]), &over(0, Ended));
}

#[test]
fn v5_delays_double_and_are_reset_by_a_good_run_however_it_ends() {
    for returns in [false, true] {
        let mut play = Play::new();
        let policy = Restart::always().delay(SECOND).jitter(0.0);
        play.tell(Happening::HandedIn(vec![
            unit(0).policy(restarts(policy.reset_after(60 * SECOND))),
        ]));
        let lasts = [1, 1, 1, 60, 1].map(|time| time * SECOND);
        for (number, (lasts, delay)) in (1..).zip(lasts.into_iter().zip([1, 2, 4, 1, 2])) {
            let run = run(0, number);
            play.tell(Happening::Launched(run, Ok(())));
            play.tell(Happening::Begun(run));
            assert_eq!(play.pass(lasts), []);
            play.tell(match returns {
                true => returned(run),
                false => failed(run, 5),
            });
            let delay = delay * SECOND;
            let waits = [
                Effect::Delayed(id(0), play.now.plus(delay)),
                Effect::State(id(0), Delayed),
                Effect::Tell(id(0), Remark::Restarts(delay)),
            ];
            play.expect(ended(run), &waits);
            assert_eq!(play.due_in(), Some(delay));
            let next = RunId {
                number: number + 1,
                ..run
            };
            assert_eq!(play.pass(delay), starts(next));
        }
    }
}

#[test]
fn v5_an_absorbed_failure_is_followed_by_a_run_or_told() {
    // There is no value for another run.
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.tell(failed(run(0, 1), 5));
    let told = Effect::Record(id(0), Fault::Kept);
    play.expect(gone(run(0, 1)), &all([&[told], &over_at_last(0, Failed)]));
    // The stop comes in between.
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.expect(failed(run(0, 1), 5), &[absorbs(run(0, 1), 5)]);
    play.stop();
    let told = Effect::Record(id(0), Fault::Kept);
    let end = all([&[told], &over_at_last(0, Failed)]);
    play.expect(ended(run(0, 1)), &end);
    // Its own stop does: that is what was asked for.
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.tell(failed(run(0, 1), 5));
    play.tell(Happening::Asked(id(0), Wish::Stop));
    play.expect(ended(run(0, 1)), &over(0, Failed));
    // A destructor panics after a normal return, and the value is gone.
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.tell(returned(run(0, 1)));
    let late = Happening::Failed {
        run: run(0, 1),
        failure: 5,
        can_run: false,
    };
    play.expect(late, &[Effect::Record(id(0), Fault::Given(5))]);
}

#[test]
fn v5_a_second_failure_of_a_run_is_mentioned_and_one_too_late_is_the_runtimes() {
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.expect(errs(run(0, 1), 5), &[absorbs(run(0, 1), 5)]);
    play.expect(
        failed(run(0, 1), 6),
        &[Effect::Absorb {
            unit: id(0),
            fault: Fault::Given(6),
            is_first: false,
        }],
    );
    play.tell(ended(run(0, 1)));
    // It waits for its next start, which the stop takes from it.
    let task = Effect::Record(id(0), Fault::Given(7));
    let end = all([&[task], &over_at_last(0, Ended)]);
    play.expect(failed(run(0, 1), 7), &end);
}

#[test]
fn v6_past_its_limit_a_unit_is_given_up() {
    let mut play = Play::new();
    let window = 60 * SECOND;
    let policy = restarts(restart().limit(2, window));
    play.running(unit(0).policy(policy));
    play.tell(failed(run(0, 1), 5));
    play.tell(ended(run(0, 1)));
    play.pass(SECOND);
    play.tell(Happening::Launched(run(0, 2), Ok(())));
    play.tell(failed(run(0, 2), 6));
    let given_up = Effect::Record(
        id(0),
        Fault::GivenUp {
            starts: 2,
            window,
            returned: false,
        },
    );
    let end = all([&[given_up], &over_at_last(0, Failed)]);
    play.expect(ended(run(0, 2)), &end);
}

#[test]
fn v6_no_time_overflows() {
    const MAX: Duration = Duration::MAX;
    let policy = Policy {
        restart: Some(restart().delay(MAX).reset_after(MAX).limit(2, MAX).into()),
        start_timeout: Some(MAX),
        stop_time: Some(MAX),
        ..Policy::default()
    };
    let mut play = Play::new();
    play.running(unit(0).policy(policy));
    assert_eq!(play.all.next_due(), None);
    play.tell(failed(run(0, 1), 5));
    let waits = [
        Effect::Delayed(id(0), Moment::NEVER),
        Effect::State(id(0), Delayed),
        Effect::Tell(id(0), Remark::Restarts(MAX)),
    ];
    play.expect(ended(run(0, 1)), &waits);
    assert_eq!(play.all.next_due(), None);
    assert_eq!(play.pass(MAX), []);
    play.now = Moment::default();
    let asked = Happening::Asked(id(0), Wish::Restart);
    play.expect(asked, &starts(run(0, 2)));
    play.tell(Happening::Launched(run(0, 2), Ok(())));
    play.tell(Happening::Asked(id(0), Wish::Stop));
    assert_eq!(play.all.next_due(), None);
}

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
    assert_eq!(play.pass(SECOND)[..4], all([&[fails], &over(1, Failed)]));
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

#[test]
fn v2_an_exit_that_ends_the_runtime_asks_the_others_at_once() {
    let mut play = Play::new();
    play.running(unit(0));
    play.tell(Happening::TookToken(run(0, 1)));
    play.running(unit(1));
    let exit = Happening::Answered {
        run: run(1, 1),
        exit: Some(Exit::Shutdown),
        error: None,
    };
    let effects = all([&[Effect::StopRuntime], &asks(run(0, 1))]);
    play.expect(exit, &effects);
}

#[test]
fn v5_chance_differs_from_delay_to_delay() {
    let mut play = Play::new();
    let chances = restart().delay(1000 * SECOND).max_delay(1000 * SECOND);
    let units = (0..4).map(|id| unit(id).policy(restarts(chances.clone().jitter(1.0))));
    play.tell(Happening::HandedIn(units.collect()));
    let mut delays = Vec::new();
    for id in 0..4 {
        play.tell(Happening::Launched(run(id, 1), Ok(())));
        play.tell(failed(run(id, 1), 5));
        let effects = play.tell(ended(run(id, 1)));
        delays.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Tell(_, Remark::Restarts(delay)) => Some(delay),
            _ => None,
        }));
    }
    delays.sort();
    delays.dedup();
    assert_eq!(delays.len(), 4, "{delays:?}");
}

#[test]
fn v6_a_limit_counts_those_that_are_in_the_window_at_the_next_start() {
    for (lasts, is_given_up) in [(8 * SECOND, true), (9 * SECOND, false)] {
        let mut play = Play::new();
        let policy = restarts(restart().limit(1, 10 * SECOND));
        play.running(unit(0).policy(policy));
        play.pass(lasts);
        play.tell(failed(run(0, 1), 5));
        let effects = play.tell(ended(run(0, 1)));
        let is_over = effects.contains(&Effect::Over(id(0)));
        assert_eq!(is_over, is_given_up, "after {lasts:?}: {effects:?}");
    }
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
fn v8_a_value_is_not_kept_by_one_that_says_that_it_is_done() {
    for exit in [Exit::Done, Exit::Shutdown] {
        let mut play = Play::new();
        play.running(unit(0).policy(restarts(Restart::always())));
        play.tell(Happening::Answered {
            run: run(0, 1),
            exit: Some(exit),
            error: None,
        });
        assert!(!play.all.keeps_value(run(0, 1)));
    }
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
