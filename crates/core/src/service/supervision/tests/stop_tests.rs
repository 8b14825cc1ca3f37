//! The runtime's stop: rows V3, V10 and V11.

use super::stopping::STEP;
use super::*;
use UnitState::Ended;

/// Three in a chain, the last one handed in first to go; all hold tokens.
fn chain(play: &mut Play) {
    for (id, after) in [(0, &[][..]), (1, &[0]), (2, &[1])] {
        play.running(unit(id).after(after));
        play.tell(Happening::TookToken(run(id, 1)));
    }
}

#[test]
fn v11_the_last_that_came_is_the_first_to_go() {
    let mut play = Play::new();
    for id in 0..3 {
        play.running(unit(id));
        play.tell(Happening::TookToken(run(id, 1)));
    }
    let all_asked = all([&asks(run(2, 1)), &asks(run(1, 1)), &asks(run(0, 1))]);
    assert_eq!(play.stop(), all_asked);
}

#[test]
fn v11_each_of_a_chain_has_its_turn_and_its_share() {
    let mut play = Play::new();
    chain(&mut play);
    assert_eq!(play.stop(), asks(run(2, 1)));
    // 10 s less a second for each of the other two.
    assert_eq!(play.due_in(), Some(8 * SECOND));
    let blamed = [Effect::Blame(id(2), Blame::Overran), Effect::Cut(run(2, 1))];
    assert_eq!(play.pass(8 * SECOND), blamed);
    let next = all([&over(2, Ended), &asks(run(1, 1))]);
    play.expect(gone(run(2, 1)), &next);
    assert_eq!(play.due_in(), Some(SECOND));
    play.tell(returned(run(1, 1)));
    let next = all([&over(1, Ended), &asks(run(0, 1))]);
    play.expect(gone(run(1, 1)), &next);
    assert_eq!(play.due_in(), Some(2 * SECOND));
    play.tell(returned(run(0, 1)));
    play.expect(gone(run(0, 1)), &over_at_last(0, Ended));
}

#[test]
fn v11_a_thread_that_overruns_is_blamed_once_and_holds_nobody_up() {
    let mut play = Play::new();
    play.running(unit(0));
    play.tell(Happening::TookToken(run(0, 1)));
    play.running(unit(1).after(&[0]).blocking());
    play.tell(Happening::TookToken(run(1, 1)));
    play.stop();
    let blamed = all([&[Effect::Blame(id(1), Blame::Overran)], &asks(run(0, 1))]);
    assert_eq!(play.pass(9 * SECOND), blamed);
    assert_eq!(play.pass(SECOND)[0], Effect::Blame(id(0), Blame::Overran));
    let by_signal = false;
    assert_eq!(play.tell(Happening::GraceOver { by_signal }), []);
}

#[test]
fn v11_a_coroutine_without_a_token_is_blamed_if_it_blocks() {
    let mut play = Play::new();
    let policy = Policy {
        stop_time: Some(SECOND),
        ..Policy::default()
    };
    play.running(unit(0).policy(policy));
    let asked = all([&asks(run(0, 1)), &[Effect::Cancel(run(0, 1))]]);
    assert_eq!(play.stop(), asked);
    // That it has not ended yet is none of its doing, as far as this is known.
    assert_eq!(play.pass(SECOND), [Effect::Cut(run(0, 1))]);
    let blocks = [Effect::Blame(id(0), Blame::Overran), Effect::StopOver];
    play.expect(Happening::Blocks(run(0, 1)), &blocks);
}

#[test]
fn v11_a_thread_without_a_token_is_waited_for_by_those_before_it_alone() {
    let mut play = Play::new();
    play.running(unit(0).blocking());
    let end = all([&asks(run(0, 1)), &[Effect::StopOver]]);
    assert_eq!(play.stop(), end);
    let mut play = Play::new();
    play.running(unit(0));
    play.running(unit(1).after(&[0]).blocking());
    assert_eq!(play.stop(), asks(run(1, 1)));
    let next = all([&asks(run(0, 1)), &[Effect::Cancel(run(0, 1))]]);
    assert_eq!(play.pass(9 * SECOND), next);
}

#[test]
fn v11_who_was_not_asked_or_was_cut_short_is_told_apart() {
    for by_signal in [true, false] {
        let mut play = Play::new();
        chain(&mut play);
        play.stop();
        assert_eq!(play.pass(SECOND), []);
        let blames: Vec<_> = play
            .tell(Happening::GraceOver { by_signal })
            .into_iter()
            .filter(|effect| matches!(effect, Effect::Blame(..)))
            .collect();
        let by = || Blame::NotAsked { by: vec![id(2)] };
        let last = match by_signal {
            true => Blame::CutShort {
                after: SECOND,
                of: 8 * SECOND,
            },
            false => Blame::Overran,
        };
        let expected = [(0, by()), (1, by()), (2, last)];
        let expected = expected.map(|(unit, blame)| Effect::Blame(id(unit), blame));
        assert_eq!(blames, expected);
    }
}

#[test]
fn v11_only_those_that_stop_before_it_have_used_its_time_up() {
    let mut play = Play::new();
    let newcomers = [unit(0), unit(1).after(&[0]), unit(2).after(&[1]), unit(3)];
    for newcomer in newcomers {
        let unit = newcomer.id;
        play.running(newcomer);
        play.tell(Happening::TookToken(RunId { unit, number: 1 }));
    }
    play.stop();
    play.pass(SECOND);
    let effects = play.tell(Happening::GraceOver { by_signal: true });
    for unit in [0, 1] {
        let blame = Effect::Blame(id(unit), Blame::NotAsked { by: vec![id(2)] });
        assert!(effects.contains(&blame), "{effects:?}");
    }
}

#[test]
fn v11_a_stop_time_counts_from_the_first_time_that_it_was_asked() {
    let mut play = Play::new();
    play.running(unit(0));
    play.tell(Happening::TookToken(run(0, 1)));
    play.tell(Happening::Asked(id(0), Wish::Restart));
    play.pass(9 * SECOND);
    assert_eq!(play.stop(), []);
    assert_eq!(play.due_in(), Some(SECOND));
    let blamed = [Effect::Blame(id(0), Blame::Overran), Effect::Cut(run(0, 1))];
    assert_eq!(play.pass(SECOND), blamed);
}

#[test]
fn v11_times_that_exceed_grace_are_told_at_the_start() {
    let long = || Policy {
        stop_time: Some(6 * SECOND),
        ..Policy::default()
    };
    let mut play = Play::new();
    let both = vec![unit(0).policy(long()), unit(1).after(&[0]).policy(long())];
    let effects = play.tell(Happening::HandedIn(both));
    let (times, grace) = (12 * SECOND, GRACE);
    assert_eq!(
        effects[0],
        Effect::Tell(id(1), Remark::TooLong { times, grace })
    );
    for id in [0, 1] {
        play.tell(Happening::Launched(run(id, 1), Ok(())));
        play.tell(Happening::Begun(run(id, 1)));
        play.tell(Happening::TookToken(run(id, 1)));
    }
    play.stop();
    assert_eq!(play.due_in(), Some(5 * SECOND));
}

#[test]
fn v11_a_time_that_exceeds_grace_is_told_once_and_of_one_alone_too() {
    let of = |seconds: u32| Policy {
        stop_time: Some(seconds * SECOND),
        ..Policy::default()
    };
    let mut play = Play::new();
    let all = vec![
        unit(0).policy(of(50)),
        unit(1).after(&[0]).policy(of(1)),
        unit(2).policy(of(10)),
    ];
    let told: Vec<_> = play
        .tell(Happening::HandedIn(all))
        .into_iter()
        .filter(|effect| matches!(effect, Effect::Tell(..)))
        .collect();
    let (times, grace) = (50 * SECOND, GRACE);
    assert_eq!(
        told,
        [Effect::Tell(id(0), Remark::TooLong { times, grace })]
    );
}

#[test]
fn v10_who_waits_for_one_in_a_delay_or_one_that_is_given_up_is_told() {
    let mut play = Play::new();
    let policy = Policy {
        restart: Some(restart().limit(1, 60 * SECOND).into()),
        ..notifies()
    };
    play.running(unit(0).policy(policy));
    play.tell(Happening::HandedIn(vec![unit(1).after(&[0])]));
    play.tell(errs(run(0, 1), 7));
    let effects = play.tell(ended(run(0, 1)));
    assert!(
        effects.contains(&Effect::InVain(id(1), id(0))),
        "{effects:?}"
    );
    let mut play = Play::new();
    let policy = Policy {
        restart: Some(restart().into()),
        ..notifies()
    };
    play.running(unit(0).policy(policy));
    play.tell(Happening::HandedIn(vec![unit(1).after(&[0])]));
    play.tell(errs(run(0, 1), 7));
    play.tell(ended(run(0, 1)));
    let effects = play.stop();
    assert!(
        effects.contains(&Effect::InVain(id(1), id(0))),
        "{effects:?}"
    );
}

#[test]
fn v2_a_stop_that_is_asked_for_while_the_runtime_stops_hides_no_error() {
    let mut play = Play::new();
    play.running(unit(0));
    play.tell(Happening::TookToken(run(0, 1)));
    play.stop();
    play.tell(Happening::Asked(id(0), Wish::Stop));
    let effects = play.tell(errs(run(0, 1), 7));
    let told = Effect::Record(id(0), Fault::Given(7));
    assert!(effects.contains(&told), "{effects:?}");
}

#[test]
fn v3_one_that_is_cancelled_during_the_stop_is_dropped_at_once_and_not_blamed() {
    // It has its turn, or not yet.
    for cancelled in [2, 0] {
        let mut play = Play::new();
        chain(&mut play);
        play.stop();
        assert_eq!(play.pass(SECOND), []);
        let run = run(cancelled, 1);
        let mut expected = vec![Effect::Cancel(run)];
        if cancelled == 0 {
            expected = all([&asks(run), &expected]);
        }
        play.expect(Happening::Cancelled(id(cancelled)), &expected);
        // Others block its thread, so that it cannot be dropped.
        let by_signal = false;
        let mut told = play.pass(GRACE);
        told.extend(play.tell(Happening::GraceOver { by_signal }));
        let is_blamed = |unit| {
            let blames = |effect: &Effect<Failure>| matches!(effect, Effect::Blame(blamed, _) if *blamed == unit);
            told.iter().any(blames)
        };
        for unit in 0..3 {
            assert_eq!(is_blamed(id(unit)), unit != cancelled, "{told:?}");
        }
    }
}

#[test]
fn v3_one_that_is_cancelled_during_the_stop_and_blocks_holds_others_up_for_its_time() {
    let mut play = Play::new();
    chain(&mut play);
    play.stop();
    play.tell(Happening::Cancelled(id(2)));
    assert_eq!(play.pass(8 * SECOND), [Effect::Cut(run(2, 1))]);
    let blamed = [Effect::Blame(id(2), Blame::Overran)];
    let next = all([&blamed, &asks(run(1, 1))]);
    play.expect(Happening::Blocks(run(2, 1)), &next);
}

#[test]
fn v3_a_thread_that_is_cancelled_holds_nobody_up_and_is_told_apart() {
    let before = |play: &mut Play| {
        play.running(unit(0));
        play.tell(Happening::TookToken(run(0, 1)));
        play.running(unit(1).after(&[0]).blocking());
        play.tell(Happening::TookToken(run(1, 1)));
    };
    let (by_signal, blamed) = (true, Effect::Blame(id(1), Blame::Cancelled));
    // During the stop.
    let mut play = Play::new();
    before(&mut play);
    assert_eq!(play.stop(), asks(run(1, 1)));
    play.expect(Happening::Cancelled(id(1)), &asks(run(0, 1)));
    play.tell(returned(run(0, 1)));
    play.expect(gone(run(0, 1)), &over_at_last(0, Ended));
    assert_eq!(play.all.next_due(), None);
    play.expect(
        Happening::GraceOver { by_signal },
        std::slice::from_ref(&blamed),
    );
    // Before it.
    let mut play = Play::new();
    before(&mut play);
    play.tell(Happening::Cancelled(id(1)));
    assert_eq!(play.stop(), asks(run(0, 1)));
    play.tell(returned(run(0, 1)));
    play.tell(gone(run(0, 1)));
    play.expect(Happening::GraceOver { by_signal }, &[blamed]);
    // It has overrun its time already.
    let mut play = Play::new();
    before(&mut play);
    play.stop();
    let overran = all([&[Effect::Blame(id(1), Blame::Overran)], &asks(run(0, 1))]);
    assert_eq!(play.pass(9 * SECOND), overran);
    play.expect(Happening::Cancelled(id(1)), &[]);
}

#[test]
fn v2_a_cancel_while_the_runtime_stops_hides_no_error() {
    let mut play = Play::new();
    play.running(unit(0).blocking());
    play.tell(Happening::TookToken(run(0, 1)));
    play.stop();
    play.tell(Happening::Cancelled(id(0)));
    let told = Effect::Record(id(0), Fault::Given(7));
    play.expect(errs(run(0, 1), 7), &[told]);
}

#[test]
fn v5_an_absorbed_failure_is_told_if_the_stop_comes_before_the_restart_that_was_asked_for() {
    let mut play = Play::new();
    play.running(unit(0).policy(restarts(restart())));
    play.tell(errs(run(0, 1), 7));
    play.tell(Happening::Asked(id(0), Wish::Restart));
    play.stop();
    let effects = play.tell(ended(run(0, 1)));
    let told = Effect::Record(id(0), Fault::Kept);
    assert!(effects.contains(&told), "{effects:?}");
}

#[test]
fn v10_who_waited_when_the_stop_began_is_told() {
    let mut play = Play::new();
    play.running(unit(0).policy(notifies()));
    play.tell(Happening::HandedIn(vec![
        unit(1).after(&[0]),
        unit(2).after(&[1]),
    ]));
    let told = all([
        &[Effect::InVain(id(2), id(1))],
        &over(2, Ended),
        &[Effect::InVain(id(1), id(0))],
        &over(1, Ended),
        &asks(run(0, 1)),
        &[Effect::Cancel(run(0, 1))],
    ]);
    assert_eq!(play.stop(), told);
}

#[test]
#[cfg_attr(miri, ignore = "slow there, and nothing in it is unsafe")]
fn l6_one_call_looks_at_a_bounded_number_of_units() {
    let mut play = Play::new();
    let many = 10 * STEP;
    for id in 0..many {
        play.running(unit(id));
    }
    let mut asked = 0;
    let count = |effects: Vec<Effect<Failure>>| {
        let is_request = |effect: &&Effect<Failure>| matches!(effect, Effect::Wake(_));
        effects.iter().filter(is_request).count()
    };
    asked += count(play.stop());
    assert!(asked <= STEP);
    while asked < many {
        assert_eq!(play.due_in(), Some(Duration::ZERO), "the rest is due now");
        asked += count(play.tell(Happening::Due));
    }
    assert_eq!(asked, many);
    let is_up = |number| play.all.nodes[id(number)].run().is_some();
    assert!((0..many).all(is_up));
}

#[test]
#[cfg_attr(miri, ignore = "slow there, and nothing in it is unsafe")]
fn v15_one_call_sees_to_a_bounded_number_of_units_that_are_due() {
    let mut play = Play::new();
    let many = 3 * STEP + 1;
    for number in 0..many {
        play.running(unit(number).policy(restarts(restart())));
        play.tell(failed(run(number, 1), 1));
        play.tell(ended(run(number, 1)));
    }
    let mut started = 0;
    let count = |effects: Vec<Effect<Failure>>| {
        let is_launch = |effect: &&Effect<Failure>| matches!(effect, Effect::Launch(_));
        effects.iter().filter(is_launch).count()
    };
    started += count(play.pass(SECOND));
    assert_eq!(started, STEP);
    while started < many {
        assert_eq!(play.due_in(), Some(Duration::ZERO), "the rest is due now");
        started += count(play.tell(Happening::Due));
    }
    assert_eq!(started, many);
}

#[test]
fn v11_of_those_that_one_comes_after_the_last_that_came_is_the_first_to_go() {
    let mut play = Play::new();
    for (id, after) in [(0, &[][..]), (1, &[]), (2, &[0, 1])] {
        play.running(unit(id).after(after));
        play.tell(Happening::TookToken(run(id, 1)));
    }
    assert_eq!(play.stop(), asks(run(2, 1)));
    play.tell(returned(run(2, 1)));
    let next = all([&over(2, Ended), &asks(run(1, 1)), &asks(run(0, 1))]);
    play.expect(gone(run(2, 1)), &next);
}

#[test]
fn s1_who_was_not_asked_is_when_the_grace_time_is_over() {
    let mut play = Play::new();
    play.running(unit(0));
    play.running(unit(1).after(&[0]));
    for id in [0, 1] {
        play.tell(Happening::TookToken(run(id, 1)));
    }
    play.stop();
    let by_signal = true;
    let told = [
        Effect::Blame(id(0), Blame::NotAsked { by: vec![id(1)] }),
        Effect::State(id(0), UnitState::Stopping),
        Effect::Wake(run(0, 1)),
        Effect::Blame(
            id(1),
            Blame::CutShort {
                after: Duration::ZERO,
                of: 9 * SECOND,
            },
        ),
    ];
    play.expect(Happening::GraceOver { by_signal }, &told);
}

#[test]
fn v2_a_thread_that_goes_on_is_told_once_however_often_it_is_asked() {
    let mut play = Play::new();
    play.running(unit(0).blocking());
    play.tell(Happening::TookToken(run(0, 1)));
    play.tell(Happening::Asked(id(0), Wish::Stop));
    let told = [
        Effect::Tell(id(0), Remark::Overran),
        Effect::Tell(id(0), Remark::GoesOn),
    ];
    assert_eq!(play.pass(GRACE), told);
    play.expect(Happening::Asked(id(0), Wish::Stop), &[]);
}

#[test]
fn s1_the_newest_are_asked_first_however_many_have_gone_before() {
    const ALL: usize = 300;
    let mut play = Play::new();
    for number in 0..ALL {
        play.running(unit(number));
        play.tell(Happening::TookToken(run(number, 1)));
    }
    // All but each fifth.
    for number in (0..ALL).filter(|number| number % 5 != 0) {
        play.tell(returned(run(number, 1)));
        play.tell(ended(run(number, 1)));
    }
    let mut told = play.stop();
    told.extend(play.pass(Duration::ZERO));
    let asked: Vec<_> = told.iter().filter_map(requested).collect();
    let left: Vec<_> = (0..ALL).step_by(5).rev().map(id).collect();
    assert_eq!(asked, left);
}

fn requested(effect: &Effect<Failure>) -> Option<Id> {
    match effect {
        Effect::State(unit, UnitState::Stopping) => Some(*unit),
        _ => None,
    }
}
