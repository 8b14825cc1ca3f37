//! Tables: what happens, and what is done for it.

use super::*;
use UnitState::{Delayed, Ended, Running, Starting, Stopping, Waiting};

/// What happens in a table. Units are numbers.
enum What {
    /// A unit comes after others.
    Enter(u64, &'static [u64]),
    /// As above, and a reload restarts it.
    EnterRestarted(u64, &'static [u64]),
    /// A unit is ready, and takes part.
    Takes(u64),
    Is(u64, UnitState),
    Gone(u64),
    Wanted,
    /// A unit answers in a round.
    Answer(u64, u64, Reply<u8>),
    /// Seconds pass.
    Pass(u64),
    Stops,
}

use What::{Answer, Enter, EnterRestarted, Gone, Is, Pass, Stops, Takes, Wanted};

fn ask(unit: u64, round: u64) -> TestAct {
    let unit = id(unit);
    Act::Ask { unit, round }
}

fn settled(unit: u64, how: Settled<u8>) -> TestAct {
    Act::Settled(id(unit), how)
}

fn late(unit: u64, reply: Reply<u8>) -> TestAct {
    Act::Late(id(unit), reply)
}

const OVER: TestAct = Act::Over { is_cut: false };
const CUT: TestAct = Act::Over { is_cut: true };

#[track_caller]
fn check<const ROWS: usize>(table: [(What, &[TestAct]); ROWS]) -> Stage {
    let mut stage = Stage::new();
    for (row, (what, expected)) in table.into_iter().enumerate() {
        let enter = |unit, after: &[u64], restarts| News::Entered {
            unit: id(unit),
            after: after.iter().copied().map(id).collect(),
            restarts,
        };
        let news = match what {
            Enter(unit, after) => enter(unit, after, false),
            EnterRestarted(unit, after) => enter(unit, after, true),
            Takes(unit) => News::Took(id(unit), Running),
            Is(unit, state) => News::State(id(unit), state),
            Gone(unit) => News::Forgotten(id(unit)),
            Wanted => News::Wanted,
            Answer(unit, round, reply) => News::Answered {
                unit: id(unit),
                round,
                reply,
            },
            Pass(seconds) => {
                stage.now += seconds;
                News::Due
            }
            Stops => News::Stops,
        };
        assert_eq!(stage.take(news), expected, "row {row}");
    }
    stage
}

#[test]
fn r1_without_anybody_it_is_over_at_once() {
    check([
        (Wanted, &[Act::Begin, OVER]),
        (Enter(1, &[]), &[]),
        (Is(1, Running), &[]),
        (Wanted, &[Act::Begin, OVER]),
    ]);
}

#[test]
fn r2_those_that_are_first_are_asked_and_the_others_in_turn() {
    check([
        (Enter(1, &[]), &[]),
        (Enter(2, &[1]), &[]),
        // It takes no part.
        (Enter(3, &[2]), &[]),
        (Enter(4, &[3]), &[]),
        (Enter(5, &[1, 4]), &[]),
        (Takes(5), &[]),
        (Takes(4), &[]),
        (Takes(2), &[]),
        (Takes(1), &[]),
        (Takes(6), &[]),
        (Wanted, &[Act::Begin, ask(1, 1), ask(6, 1)]),
        (Answer(6, 1, Reply::Done), &[settled(6, Settled::Done)]),
        (
            Answer(1, 1, Reply::Failed(7)),
            &[settled(1, Settled::Failed(7)), ask(2, 1)],
        ),
        (
            Answer(2, 1, Reply::Dropped),
            &[settled(2, Settled::Unanswered), ask(4, 1)],
        ),
        (
            Answer(4, 1, Reply::Done),
            &[settled(4, Settled::Done), ask(5, 1)],
        ),
        (
            Answer(5, 1, Reply::Done),
            &[settled(5, Settled::Done), OVER],
        ),
    ]);
}

#[test]
fn r2_an_order_outlives_those_that_are_gone() {
    let stage = check([
        (Enter(1, &[]), &[]),
        (Enter(2, &[1]), &[]),
        (Enter(3, &[2]), &[]),
        (Takes(1), &[]),
        (Takes(3), &[]),
        (Is(2, Ended), &[]),
        (Gone(2), &[]),
        (Wanted, &[Act::Begin, ask(1, 1)]),
        (
            Answer(1, 1, Reply::Done),
            &[settled(1, Settled::Done), ask(3, 1)],
        ),
        (Is(3, Ended), &[settled(3, Settled::Unanswered), OVER]),
        (Gone(3), &[]),
        (Is(1, Ended), &[]),
    ]);
    assert_eq!(stage.rounds.remembered(), 0, "nothing is left of them");
}

#[test]
fn r3_each_has_its_own_time_and_late_answers_are_told() {
    let stage = check([
        (Enter(2, &[1]), &[]),
        (Takes(1), &[]),
        (Takes(2), &[]),
        (Takes(3), &[]),
        (Wanted, &[Act::Begin, ask(1, 1), ask(3, 1)]),
        (Pass(9), &[]),
        (Answer(3, 1, Reply::Done), &[settled(3, Settled::Done)]),
        (Pass(1), &[settled(1, Settled::Late), ask(2, 1)]),
        (Answer(1, 1, Reply::Done), &[late(1, Reply::Done)]),
        (Answer(1, 1, Reply::Dropped), &[]),
        (Pass(9), &[]),
        (Pass(5), &[settled(2, Settled::Late), OVER]),
        (Wanted, &[Act::Begin, ask(1, 2), ask(3, 2)]),
        // It is none in this one.
        (Answer(2, 1, Reply::Failed(1)), &[late(2, Reply::Failed(1))]),
        (Answer(1, 1, Reply::Done), &[late(1, Reply::Done)]),
        (Answer(3, 2, Reply::Done), &[settled(3, Settled::Done)]),
    ]);
    assert_eq!(stage.rounds.next_due(), Some(moment(24 + LIMIT)));
}

#[test]
fn r4_one_more_follows() {
    check([
        (Takes(1), &[]),
        (Wanted, &[Act::Begin, ask(1, 1)]),
        (Wanted, &[]),
        (Wanted, &[]),
        (
            Answer(1, 1, Reply::Done),
            &[settled(1, Settled::Done), OVER, Act::Begin, ask(1, 2)],
        ),
        (Wanted, &[]),
        (
            Answer(1, 2, Reply::Done),
            &[settled(1, Settled::Done), OVER, Act::Begin, ask(1, 3)],
        ),
        (
            Answer(1, 3, Reply::Done),
            &[settled(1, Settled::Done), OVER],
        ),
    ]);
}

#[test]
fn r5_a_restart_is_over_when_the_new_run_is_ready() {
    check([
        (EnterRestarted(1, &[]), &[]),
        (EnterRestarted(2, &[1]), &[]),
        (Is(1, Starting), &[]),
        (Is(1, Running), &[]),
        (Is(2, Running), &[]),
        // It is restarted nevertheless.
        (Takes(1), &[]),
        (Wanted, &[Act::Begin, Act::Restart(id(1))]),
        (Is(1, Stopping), &[]),
        (Is(1, Starting), &[]),
        (
            Is(1, Running),
            &[settled(1, Settled::Done), Act::Restart(id(2))],
        ),
        (Is(2, Stopping), &[]),
        (Is(2, Starting), &[]),
        (Is(2, Delayed), &[settled(2, Settled::Unready), OVER]),
        (Is(2, Starting), &[]),
        (Is(2, Running), &[]),
    ]);
}

#[test]
fn r5_a_restart_may_be_late_or_come_to_nothing() {
    check([
        (EnterRestarted(1, &[]), &[]),
        (Is(1, Waiting), &[]),
        (Wanted, &[Act::Begin, OVER]),
        (Is(1, Starting), &[]),
        (Wanted, &[Act::Begin, Act::Restart(id(1))]),
        (Is(1, Stopping), &[]),
        (Pass(10), &[settled(1, Settled::Late), OVER]),
        (Is(1, Starting), &[]),
        (Is(1, Running), &[late(1, Reply::Done)]),
        (Is(1, Stopping), &[]),
        (Is(1, Starting), &[]),
        (Is(1, Running), &[]),
        (Wanted, &[Act::Begin, Act::Restart(id(1))]),
        (Is(1, Stopping), &[]),
        (Is(1, Ended), &[settled(1, Settled::Unready), OVER]),
    ]);
}

#[test]
fn r6_those_that_end_or_begin_anew_are_passed_over() {
    for state in [Stopping, Starting, Delayed, Ended] {
        check([
            (Enter(2, &[1]), &[]),
            (Enter(3, &[2]), &[]),
            (Takes(1), &[]),
            (Takes(2), &[]),
            (Takes(3), &[]),
            (Wanted, &[Act::Begin, ask(1, 1)]),
            (Is(2, state), &[]),
            (Takes(2), &[]),
            // The order is the same without it.
            (
                Answer(1, 1, Reply::Done),
                &[settled(1, Settled::Done), ask(3, 1)],
            ),
            (
                Answer(3, 1, Reply::Done),
                &[settled(3, Settled::Done), OVER],
            ),
        ]);
    }
}

#[test]
fn r6_a_run_that_is_asked_to_end_may_still_answer() {
    check([
        (Takes(1), &[]),
        (Wanted, &[Act::Begin, ask(1, 1)]),
        (Is(1, Stopping), &[]),
        (
            Answer(1, 1, Reply::Done),
            &[settled(1, Settled::Done), OVER],
        ),
        // It will be another run.
        (Wanted, &[Act::Begin, OVER]),
        (Is(1, Starting), &[]),
        (Is(1, Running), &[]),
        (Wanted, &[Act::Begin, OVER]),
        (Takes(1), &[]),
        (Wanted, &[Act::Begin, ask(1, 4)]),
        (Is(1, Starting), &[settled(1, Settled::Unanswered), OVER]),
        (Answer(1, 4, Reply::Done), &[late(1, Reply::Done)]),
    ]);
}

#[test]
fn r7_the_stop_ends_all_of_it() {
    check([
        (Takes(1), &[]),
        (Enter(2, &[1]), &[]),
        (Takes(2), &[]),
        (Wanted, &[Act::Begin, ask(1, 1)]),
        (Wanted, &[]),
        (Stops, &[CUT, Act::Begin, CUT]),
        (Answer(1, 1, Reply::Done), &[]),
        (Answer(1, 1, Reply::Dropped), &[]),
        (Answer(1, 1, Reply::Failed(3)), &[late(1, Reply::Failed(3))]),
        (Wanted, &[Act::Begin, CUT]),
        (Pass(100), &[]),
        (Stops, &[]),
    ]);
}
