//! Failures, ends and restarts: rows V1 to V6.

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
        may_fail: false,
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
fn v2_an_exit_that_ends_the_runtime_asks_the_others_at_once() {
    let mut play = Play::new();
    play.running(unit(0));
    play.tell(Happening::TookToken(run(0, 1)));
    play.running(unit(1));
    let exit = Happening::Answered {
        run: run(1, 1),
        exit: Some(Exit::Shutdown),
        error: None,
        may_fail: false,
    };
    let effects = all([&[Effect::StopRuntime], &asks(run(0, 1))]);
    play.expect(exit, &effects);
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
fn v3_a_cancel_drops_a_run_at_once_and_meets_every_stage() {
    let cancelled = || Happening::Cancelled(id(0));
    let dropped = all([&asks(run(0, 1)), &[Effect::Cancel(run(0, 1))]]);
    // It runs, and holds a token or none.
    for holds_token in [false, true] {
        let mut play = Play::new();
        play.running(unit(0).policy(restarts(Restart::always())));
        if holds_token {
            play.tell(Happening::TookToken(run(0, 1)));
        }
        play.expect(cancelled(), &dropped);
        play.expect(cancelled(), &[]);
        play.expect(Happening::Asked(id(0), Wish::Stop), &[]);
        play.expect(Happening::Asked(id(0), Wish::Restart), &[]);
        play.expect(ended(run(0, 1)), &over(0, Ended));
        play.expect(cancelled(), &[]);
    }
    // It has not begun: it does not, or does so just now.
    for begins in [false, true] {
        for newcomer in [unit(0), unit(0).blocking()] {
            let is_blocking = newcomer.is_blocking;
            let mut play = Play::new();
            play.tell(Happening::HandedIn(vec![newcomer]));
            play.expect(cancelled(), &dropped);
            play.expect(Happening::Launched(run(0, 1), Ok(())), &[]);
            if begins {
                let next = match is_blocking {
                    true => Effect::Tell(id(0), Remark::GoesOn),
                    false => Effect::Cancel(run(0, 1)),
                };
                play.expect(Happening::Begun(run(0, 1)), &[next]);
            }
            play.expect(ended(run(0, 1)), &over(0, Ended));
        }
    }
    // It waits for its flavour.
    let mut play = Play::new();
    play.tell(Happening::HandedIn(vec![unit(0).down()]));
    play.expect(cancelled(), &over(0, Ended));
    play.expect(Happening::FlavourUp(DOWN), &[]);
    // It waits for another one.
    let mut play = Play::new();
    let both = vec![unit(0).policy(notifies()), unit(1).after(&[0])];
    play.tell(Happening::HandedIn(both));
    play.expect(Happening::Cancelled(id(1)), &over(1, Ended));
    // It is delayed.
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.tell(failed(run(0, 1), 5));
    play.tell(ended(run(0, 1)));
    play.expect(cancelled(), &over(0, Ended));
    assert_eq!(play.all.next_due(), None);
    // Its code has come to its end.
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(Restart::always())));
    play.tell(returned(run(0, 1)));
    play.expect(cancelled(), &[]);
    play.expect(ended(run(0, 1)), &over(0, Ended));
}

#[test]
fn v3_a_thread_that_is_cancelled_and_goes_on_is_told_once() {
    for holds_token in [false, true] {
        for wish in [None, Some(Wish::Stop), Some(Wish::Restart)] {
            let mut play = Play::new();
            play.running(unit(0).blocking());
            if holds_token {
                play.tell(Happening::TookToken(run(0, 1)));
            }
            let told = [Effect::Tell(id(0), Remark::GoesOn)];
            let cancelled = Happening::Cancelled(id(0));
            match wish {
                None => play.expect(cancelled, &all([&asks(run(0, 1)), &told])),
                Some(wish) => {
                    play.tell(Happening::Asked(id(0), wish));
                    assert_eq!(play.pass(SECOND), []);
                    play.expect(cancelled, &told);
                }
            }
            // Nothing is left that it has to be done by.
            assert_eq!(play.all.next_due(), None);
            play.expect(Happening::Cancelled(id(0)), &[]);
            play.expect(Happening::Asked(id(0), Wish::Stop), &[]);
            assert_eq!(play.pass(GRACE), []);
            play.tell(returned(run(0, 1)));
            play.expect(ended(run(0, 1)), &over(0, Ended));
        }
    }
}

#[test]
fn v3_a_cancel_cuts_the_time_of_one_that_was_asked_short() {
    for wish in [Wish::Stop, Wish::Restart] {
        let mut play = Play::new();
        play.running(unit(0));
        play.tell(Happening::TookToken(run(0, 1)));
        play.expect(Happening::Asked(id(0), wish), &asks(run(0, 1)));
        assert_eq!(play.pass(SECOND), []);
        let cancel = [Effect::Cancel(run(0, 1))];
        play.expect(Happening::Cancelled(id(0)), &cancel);
        play.expect(ended(run(0, 1)), &over(0, Ended));
    }
    // One that has no token is being dropped already.
    let mut play = Play::new();
    play.running(unit(0));
    play.tell(Happening::Asked(id(0), Wish::Stop));
    play.expect(Happening::Cancelled(id(0)), &[Effect::Cancel(run(0, 1))]);
}

/// Its turn would come when what comes after it has ended.
#[test]
fn v3_one_that_is_cancelled_does_not_restart_with_others() {
    let startable = Policy {
        startable: true,
        ..Policy::default()
    };
    let mut play = Play::new();
    play.running(unit(0).policy(startable));
    play.running(unit(1).after(&[0]));
    play.tell(Happening::TookToken(run(1, 1)));
    let both = vec![id(0), id(1)];
    play.expect(
        Happening::AskedTogether(both, Wish::Restart),
        &asks(run(1, 1)),
    );
    play.tell(Happening::Cancelled(id(0)));
    play.tell(ended(run(0, 1)));
    assert!(play.all.nodes[id(0)].is_resting());
    play.tell(ended(run(1, 1)));
    assert!(play.all.nodes[id(0)].is_resting(), "it stays over");
}

#[test]
fn v3_one_that_is_cancelled_and_blocks_is_told_when_its_stop_time_is_over() {
    let mut play = Play::new();
    play.running(unit(0));
    play.tell(Happening::TookToken(run(0, 1)));
    play.tell(Happening::Cancelled(id(0)));
    let cut = [Effect::Tell(id(0), Remark::Overran), Effect::Cut(run(0, 1))];
    assert_eq!(play.pass(GRACE), cut);
    let told = [Effect::Tell(id(0), Remark::GoesOn)];
    play.expect(Happening::Blocks(run(0, 1)), &told);
    play.expect(Happening::Cancelled(id(0)), &[]);
}

#[test]
fn v2_an_error_after_its_own_cancel_is_the_units_alone_and_a_panic_is_not() {
    for newcomer in [unit(0), unit(0).blocking()] {
        let mut play = Play::new();
        play.running(newcomer.policy(restarts(restart())));
        play.tell(Happening::Cancelled(id(0)));
        play.expect(errs(run(0, 1), 5), &[absorbs(run(0, 1), 5)]);
        play.expect(ended(run(0, 1)), &over(0, Failed));
    }
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.tell(Happening::Cancelled(id(0)));
    let told = Effect::Record(id(0), Fault::Given(5));
    play.expect(failed(run(0, 1), 5), &[told]);
    play.expect(ended(run(0, 1)), &over_at_last(0, Failed));
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
        may_fail: false,
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
    // With one that the runtime is told, what was kept before is told no more.
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.tell(errs(run(0, 1), 5));
    let panics = Happening::Failed {
        run: run(0, 1),
        failure: 6,
        can_run: false,
        may_fail: false,
    };
    play.expect(panics, &[Effect::Record(id(0), Fault::Given(6))]);
    play.expect(gone(run(0, 1)), &over_at_last(0, Failed));
    // Its flavour was lost while it ran, and what it returns comes after that.
    let mut play = Play::new();
    play.running(unit(0));
    play.tell(failed(run(0, 1), 5));
    play.tell(gone(run(0, 1)));
    let late = Effect::Record(id(0), Fault::Given(6));
    play.expect(errs(run(0, 1), 6), &[late]);
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
