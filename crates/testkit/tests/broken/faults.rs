//! The faults, and which case must find each, by which row.

use foster_core::{Coroutine, Parallel};
use foster_testkit::{Setup, Verdict, Violation, check};

use crate::futures::Fault as Futures;
use crate::subroutines::Fault as Subroutines;
use crate::{executor, futures, subroutines};

/// The kinds of payload, each with a flavour by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Coroutine,
    Parallel,
    Subroutine,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::Coroutine, Kind::Parallel, Kind::Subroutine];

/// A flavour with a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Broken {
    Coroutine(Futures),
    Parallel(Futures),
    Subroutine(Subroutines),
}

impl Broken {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Coroutine(_) => Kind::Coroutine,
            Self::Parallel(_) => Kind::Parallel,
            Self::Subroutine(_) => Kind::Subroutine,
        }
    }

    pub(crate) fn check(self, case: &str, setup: Setup) -> Result<Verdict, Violation> {
        let setup_of_futures = |setup: Setup| setup.sleep(executor::sleep).socket(executor::echo);
        match self {
            Self::Coroutine(fault) => {
                let key = futures::ByHand::<Coroutine>::new(fault);
                check(case, key, setup_of_futures(setup))
            }
            Self::Parallel(fault) => {
                let key = futures::ByHand::<Parallel>::new(fault);
                check(case, key, setup_of_futures(setup).threads(2))
            }
            Self::Subroutine(fault) => check(case, subroutines::ByHand(fault), setup),
        }
    }
}

/// The table: for each case its rows, and for each row the flavours that must be found by it.
macro_rules! faults {
    ($($case:ident { $($row:literal: $($kind:ident :: $fault:ident),+;)+ })+) => {
        /// A fault, the case that must find it, and the row it must name.
        pub(crate) const FAULTS: &[(Broken, &str, &str)] = &[
            $($($((Broken::$kind(<faults!(@ $kind)>::$fault), stringify!($case), $row),)+)+)+
        ];
    };
    (@ Subroutine) => { Subroutines };
    (@ $kind:ident) => { Futures };
}

faults! {
    every_payload_runs_once {
        "SPAWN-1": Coroutine::ForgetsSome, Parallel::ForgetsSome, Subroutine::ForgetsSome;
        "POLL-3": Coroutine::DropsSome, Parallel::DropsSome;
        "F2": Coroutine::DropsSome, Parallel::DropsSome, Subroutine::DropsSome;
    }
    ten_thousand_payloads_end {
        "SPAWN-1": Coroutine::HasRoomForThousand, Parallel::HasRoomForThousand,
            Subroutine::HasRoomForThousand;
    }
    a_payload_does_not_run_inside_spawn {
        "SPAWN-2": Coroutine::RunsInSpawn, Coroutine::NestsInSpawn, Parallel::RunsInSpawn,
            Parallel::NestsInSpawn, Subroutine::RunsInSpawn;
    }
    a_busy_flavour_blocks_no_adopter {
        "SPAWN-2": Coroutine::WaitsInSpawn, Parallel::WaitsInSpawn, Subroutine::WaitsInSpawn;
    }
    payloads_start_in_order {
        "SPAWN-3": Coroutine::LastInFirstOut;
        "A8": Coroutine::LastInFirstOut;
        "L3": Coroutine::LastInFirstOut;
    }
    payloads_may_adopt {
        "A1": Coroutine::LocksWhilePolling, Parallel::LocksWhilePolling,
            Subroutine::LocksWhileRunning;
    }
    coroutines_never_run_in_parallel {
        "A3": Coroutine::TwoThreads;
        "POLL-2": Coroutine::TwoThreads;
    }
    subroutines_run_in_parallel {
        "A3": Subroutine::OneThread;
    }
    parallels_run_in_parallel {
        "A3": Parallel::OneThread;
    }
    made_polled_and_dropped_on_one_thread {
        "A2": Coroutine::PollsElsewhere, Coroutine::TwoThreads;
        "POLL-2": Coroutine::PollsElsewhere, Coroutine::TwoThreads;
        "F2": Coroutine::DropsUnfinished;
    }
    timers_work_in_code_and_destructors {
        "A2": Coroutine::NoContextAtTheEnd, Parallel::NoContextAtTheEnd;
        "F3": Coroutine::LosesForeignWakes, Parallel::LosesForeignWakes;
    }
    sockets_work_in_code_and_destructors {
        "POLL-2": Coroutine::NoContextAtTheEnd, Parallel::NoContextAtTheEnd;
        "F3": Coroutine::LosesForeignWakes, Parallel::LosesForeignWakes;
    }
    execute_returns_the_value {
        "E1": Coroutine::LosesWakesInPolls, Parallel::LosesWakesInPolls, Subroutine::BlockOnIsEarly;
    }
    a_panic_goes_on_in_the_caller {
        "E2": Coroutine::LosesWakesInPolls, Parallel::LosesWakesInPolls, Subroutine::BlockOnIsEarly;
    }
    block_on_returns_when_its_payload_is_over {
        "BLOCK-1": Coroutine::BlockOnIsEarly, Coroutine::BlockOnWaitsForAll,
            Parallel::BlockOnIsEarly, Parallel::BlockOnWaitsForAll,
            Subroutine::BlockOnIsEarly, Subroutine::BlockOnWaitsForAll;
    }
    callers_do_not_wait_for_each_other {
        "SPAWN-2": Coroutine::BlockOnLocks, Parallel::BlockOnLocks, Subroutine::BlockOnLocks;
    }
    block_on_runs_the_payload_where_it_belongs {
        "BLOCK-2": Coroutine::BlockOnPollsHere, Parallel::BlockOnPollsHere,
            Subroutine::BlockOnElsewhere;
        "E3": Subroutine::BlockOnElsewhere;
    }
    an_execute_on_its_own_flavour {
        "E3": Subroutine::BlockOnElsewhere;
    }
    an_execute_beside_a_blocked_thread {
        "E4": Parallel::SaysItHasOneThread;
    }
    callers_are_let_go_at_the_end {
        "E5": Coroutine::BlockOnAsksTheExecutor, Parallel::BlockOnAsksTheExecutor;
    }
    a_dropped_call_cancels_its_payload {
        "E6": Coroutine::LosesForeignWakes, Parallel::LosesForeignWakes;
    }
    a_wake_from_any_thread_counts {
        "POLL-1": Coroutine::LosesForeignWakes, Parallel::LosesForeignWakes;
        "F3": Coroutine::LosesForeignWakes, Parallel::LosesForeignWakes;
    }
    a_wake_during_a_poll_counts {
        "POLL-1": Coroutine::LosesWakesInPolls, Parallel::LosesWakesInPolls;
    }
    a_late_wake_does_no_harm {
        "F2": Coroutine::DiesOfLateWakes, Parallel::DiesOfLateWakes;
    }
    what_awaits_is_dropped {
        "CANCEL-2": Coroutine::KeepsTheCancelled, Parallel::KeepsTheCancelled;
        "S2": Coroutine::KeepsTheCancelled, Parallel::KeepsTheCancelled;
        "A2": Coroutine::DropsElsewhere;
    }
    a_panic_in_a_destructor_stops_no_other {
        "S5": Coroutine::KeepsSomeCancelled, Parallel::KeepsSomeCancelled;
    }
    what_was_accepted_starts_before_the_end {
        "L7": Coroutine::ForgetsWhatWaits, Parallel::ForgetsWhatWaits, Subroutine::ForgetsWhatWaits;
    }
    holders_of_a_token_end_by_themselves {
        "S1": Coroutine::LosesForeignWakes, Parallel::LosesForeignWakes;
    }
    cancel_only_asks {
        "CANCEL-1": Coroutine::CancelTwicePanics, Parallel::CancelTwicePanics,
            Subroutine::CancelTwicePanics;
        "CANCEL-2": Coroutine::CancelDrops, Coroutine::CancelStops, Parallel::CancelDrops,
            Parallel::CancelDropsElsewhere, Parallel::CancelStops;
        "CANCEL-4": Coroutine::CancelWaits, Parallel::CancelWaits, Subroutine::CancelWaits;
        "CANCEL-5": Coroutine::NeverEnds, Parallel::NeverEnds, Subroutine::NeverEnds;
        "A2": Coroutine::CancelDropsElsewhere;
    }
    nothing_is_taken_after_cancel {
        "CANCEL-3": Coroutine::SpawnsAfterCancel, Coroutine::BlocksOnAfterCancel,
            Parallel::SpawnsAfterCancel, Parallel::BlocksOnAfterCancel,
            Subroutine::SpawnsAfterCancel, Subroutine::BlocksOnAfterCancel;
    }
    what_races_with_cancel_runs_or_is_rejected {
        "SPAWN-1": Coroutine::SpawnRacesWithCancel, Parallel::SpawnRacesWithCancel,
            Subroutine::ForgetsSome;
        "CANCEL-3": Coroutine::SpawnRacesWithCancel, Parallel::SpawnRacesWithCancel;
    }
    its_threads_are_gone_at_the_end {
        "JOIN-2": Coroutine::LeaksItsThread, Parallel::LeaksItsThread, Subroutine::LeaksItsThreads;
        "L5": Coroutine::JoinIsEarly, Parallel::JoinIsEarly, Subroutine::JoinIsEarly;
    }
    join_keeps_to_its_deadline {
        "JOIN-1": Coroutine::JoinHangs, Coroutine::JoinIsLate, Parallel::JoinHangs,
            Parallel::JoinIsLate, Subroutine::JoinHangs;
        "JOIN-2": Coroutine::JoinLies, Parallel::JoinLies, Subroutine::JoinLies;
    }
    join_keeps_to_its_deadline_while_a_thread_ends {
        "JOIN-1": Coroutine::JoinWaitsForLocals, Parallel::JoinWaitsForLocals,
            Subroutine::JoinWaitsForLocals;
        "JOIN-2": Coroutine::JoinIsEarly, Parallel::JoinIsEarly, Subroutine::JoinIsEarly;
    }
    its_threads_end_without_a_join {
        "CANCEL-5": Coroutine::EndsInJoin, Parallel::EndsInJoin, Subroutine::EndsInJoin;
    }
    a_blocked_flavour_holds_nothing_up {
        "S3": Coroutine::JoinHangs, Parallel::JoinHangs, Subroutine::JoinHangs;
    }
    runtimes_share_nothing {
        "L10": Coroutine::OneForAll, Parallel::OneForAll, Subroutine::OneForAll;
    }
    an_empty_flavour_lives_on {
        "POLL-3": Coroutine::EndsWhenEmpty, Parallel::EndsWhenEmpty, Subroutine::EndsWhenEmpty;
    }
    an_idle_flavour_ends {
        "JOIN-2": Coroutine::NeverEnds, Parallel::NeverEnds, Subroutine::NeverEnds;
    }
    every_failure_is_told_once {
        "SPAWN-1": Coroutine::ForgetsSome, Parallel::ForgetsSome, Subroutine::ForgetsSome;
    }
    every_payload_comes_to_one_end {
        "POLL-3": Coroutine::DropsUnfinished, Parallel::DropsUnfinished;
        "F2": Coroutine::EndsOnTheWay, Coroutine::DiesOnTheWay, Parallel::EndsOnTheWay,
            Parallel::DiesOnTheWay, Subroutine::DropsSome;
    }
    a_failure_of_one_that_may_fail_is_its_own {
        "V16": Coroutine::DropsSome, Parallel::DropsSome, Subroutine::DropsSome;
    }
    a_cancelled_service_is_dropped {
        "V3": Coroutine::LosesForeignWakes, Parallel::LosesForeignWakes;
    }
    a_group_ends_alone {
        "G1": Coroutine::HasRoomForWakes, Parallel::HasRoomForWakes;
    }
    a_payload_may_end_a_group {
        "G1": Coroutine::TakesWakesForItsOwn, Parallel::TakesWakesForItsOwn;
    }
    a_failure_ends_its_group_alone {
        "G3": Coroutine::ForgetsWakesOfTheEnding, Parallel::ForgetsWakesOfTheEnding,
            Coroutine::DropsSome, Parallel::DropsSome, Subroutine::DropsSome;
    }
    many_short_groups_leave_nothing_behind {
        "G4": Coroutine::ReusesMarks, Parallel::ReusesMarks;
    }
    a_place_goes_to_the_next {
        "G5": Coroutine::ForgetsWakesOfTheEnding, Parallel::ForgetsWakesOfTheEnding,
            Subroutine::ForgetsSome;
    }
    threads_left_behind_hold_up_no_other {
        "G1": Subroutine::HasHundredThreads;
    }
    an_executor_answers_unless_it_is_blocked {
        "PROBE-1": Coroutine::AnswersAtOnce, Coroutine::KeepsProbes, Parallel::KeepsProbes;
        "PROBE-2": Coroutine::WaitsInProbe;
        "I2": Coroutine::AnswersAtOnce, Coroutine::KeepsProbes, Parallel::KeepsProbes;
    }
    running_payloads_go_on_under_a_flood {
        "SPAWN-4": Coroutine::StarvesUnderAFlood, Parallel::StarvesUnderAFlood;
        "F3": Coroutine::StarvesUnderAFlood, Parallel::StarvesUnderAFlood;
        "SPAWN-2": Coroutine::RunsInSpawn, Parallel::RunsInSpawn;
    }
    timers_ring_under_a_flood {
        "F3": Coroutine::StarvesUnderAFlood, Parallel::StarvesUnderAFlood;
    }
    sockets_go_on_under_a_flood {
        "F3": Coroutine::StarvesUnderAFlood, Parallel::StarvesUnderAFlood;
    }
}

/// Cases that no fault makes a flavour of a kind fail, and why.
pub(crate) const CASES_WITHOUT: &[(&str, Kind, &str)] = &[
    (
        "an_execute_on_its_own_flavour",
        Kind::Coroutine,
        "core refuses it before the flavour hears of it",
    ),
    (
        "holders_of_a_token_end_by_themselves",
        Kind::Subroutine,
        "a thread cannot be kept from its token",
    ),
];

/// Rows of cases that no fault is found by, and why.
pub(crate) const ROWS_WITHOUT: &[(&str, &str)] = &[
    ("A5", "a panic never leaves core's wrapping"),
    ("A6", "failures never pass through a flavour"),
];
