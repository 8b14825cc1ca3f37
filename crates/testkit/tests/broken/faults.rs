//! The faults, and which case must find each, by which row.

use coroutines::Fault as C;
use subroutines::Fault as S;

use crate::{coroutines, subroutines};

/// A flavour with a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Broken {
    Coroutines(C),
    Subroutines(S),
}

use Broken::{Coroutines, Subroutines};

/// A fault, the case that must find it, and the row that it must be told by.
pub(crate) const FAULTS: &[(Broken, &str, &str)] = &[
    (
        Coroutines(C::EndsWhenEmpty),
        "an_empty_flavour_lives_on",
        "F2",
    ),
    (
        Coroutines(C::ForgetsSome),
        "every_payload_runs_once",
        "SPAWN-1",
    ),
    (Coroutines(C::DropsSome), "every_payload_runs_once", "F2"),
    (
        Coroutines(C::HasRoomForThousand),
        "ten_thousand_payloads_end",
        "SPAWN-1",
    ),
    (
        Coroutines(C::RunsInSpawn),
        "a_payload_does_not_run_inside_spawn",
        "SPAWN-2",
    ),
    (
        Coroutines(C::NestsInSpawn),
        "a_payload_does_not_run_inside_spawn",
        "SPAWN-2",
    ),
    (
        Coroutines(C::WaitsInSpawn),
        "a_busy_flavour_blocks_no_adopter",
        "SPAWN-2",
    ),
    (
        Coroutines(C::LastInFirstOut),
        "payloads_start_in_order",
        "SPAWN-3",
    ),
    (
        Coroutines(C::LastInFirstOut),
        "payloads_start_in_order",
        "A8",
    ),
    (
        Coroutines(C::LastInFirstOut),
        "payloads_start_in_order",
        "L3",
    ),
    (Coroutines(C::LocksWhilePolling), "payloads_may_adopt", "A1"),
    (
        Coroutines(C::TwoThreads),
        "coroutines_never_run_in_parallel",
        "A3",
    ),
    (
        Coroutines(C::PollsElsewhere),
        "made_polled_and_dropped_on_one_thread",
        "A2",
    ),
    (
        Coroutines(C::DropsElsewhere),
        "what_awaits_is_dropped",
        "A2",
    ),
    (
        Coroutines(C::TwoThreads),
        "made_polled_and_dropped_on_one_thread",
        "A2",
    ),
    (
        Coroutines(C::NoContextAtTheEnd),
        "timers_work_in_code_and_destructors",
        "A2",
    ),
    (
        Coroutines(C::DropsUnfinished),
        "made_polled_and_dropped_on_one_thread",
        "F2",
    ),
    (
        Coroutines(C::DropsUnfinished),
        "every_payload_comes_to_one_end",
        "F2",
    ),
    (
        Coroutines(C::EndsOnTheWay),
        "every_payload_comes_to_one_end",
        "F2",
    ),
    (
        Coroutines(C::DiesOnTheWay),
        "every_payload_comes_to_one_end",
        "F2",
    ),
    (
        Coroutines(C::BlockOnIsEarly),
        "block_on_returns_when_its_payload_is_over",
        "BLOCK-1",
    ),
    (
        Coroutines(C::BlockOnWaitsForAll),
        "block_on_returns_when_its_payload_is_over",
        "BLOCK-1",
    ),
    (
        Coroutines(C::BlockOnPollsHere),
        "block_on_runs_the_payload_where_it_belongs",
        "BLOCK-2",
    ),
    (
        Coroutines(C::BlockOnAsksTheExecutor),
        "callers_are_let_go_at_the_end",
        "E5",
    ),
    (
        Coroutines(C::LosesForeignWakes),
        "a_wake_from_any_thread_counts",
        "F3",
    ),
    (
        Coroutines(C::LosesForeignWakes),
        "a_dropped_call_cancels_its_payload",
        "E6",
    ),
    (
        Coroutines(C::LosesForeignWakes),
        "holders_of_a_token_end_by_themselves",
        "S1",
    ),
    (
        Coroutines(C::LosesForeignWakes),
        "timers_work_in_code_and_destructors",
        "F3",
    ),
    (
        Coroutines(C::LosesWakesInPolls),
        "a_wake_during_a_poll_counts",
        "F3",
    ),
    (
        Coroutines(C::LosesWakesInPolls),
        "execute_returns_the_value",
        "E1",
    ),
    (
        Coroutines(C::DiesOfLateWakes),
        "a_late_wake_does_no_harm",
        "F2",
    ),
    (
        Coroutines(C::KeepsTheCancelled),
        "what_awaits_is_dropped",
        "CANCEL-2",
    ),
    (
        Coroutines(C::KeepsTheCancelled),
        "what_awaits_is_dropped",
        "S2",
    ),
    (
        Coroutines(C::KeepsSomeCancelled),
        "a_panic_in_a_destructor_stops_no_other",
        "S5",
    ),
    (
        Coroutines(C::ForgetsWhatWaits),
        "what_was_accepted_starts_before_the_end",
        "L7",
    ),
    (Coroutines(C::CancelDrops), "cancel_only_asks", "CANCEL-2"),
    (
        Coroutines(C::CancelDropsElsewhere),
        "cancel_only_asks",
        "F2",
    ),
    (Coroutines(C::CancelStops), "cancel_only_asks", "CANCEL-2"),
    (Coroutines(C::CancelWaits), "cancel_only_asks", "CANCEL-1"),
    (
        Coroutines(C::CancelTwicePanics),
        "cancel_only_asks",
        "CANCEL-1",
    ),
    (
        Coroutines(C::SpawnsAfterCancel),
        "nothing_is_taken_after_cancel",
        "CANCEL-3",
    ),
    (
        Coroutines(C::BlocksOnAfterCancel),
        "nothing_is_taken_after_cancel",
        "CANCEL-3",
    ),
    (Coroutines(C::NeverEnds), "an_idle_flavour_ends", "JOIN-2"),
    (Coroutines(C::NeverEnds), "cancel_only_asks", "JOIN-2"),
    (
        Coroutines(C::JoinHangs),
        "join_keeps_to_its_deadline",
        "JOIN-1",
    ),
    (
        Coroutines(C::JoinHangs),
        "a_blocked_flavour_holds_nothing_up",
        "S3",
    ),
    (
        Coroutines(C::JoinIsLate),
        "join_keeps_to_its_deadline",
        "JOIN-1",
    ),
    (
        Coroutines(C::JoinLies),
        "join_keeps_to_its_deadline",
        "JOIN-2",
    ),
    (
        Coroutines(C::JoinIsEarly),
        "its_threads_are_gone_at_the_end",
        "L5",
    ),
    (
        Coroutines(C::LeaksItsThread),
        "its_threads_are_gone_at_the_end",
        "JOIN-2",
    ),
    (Coroutines(C::OneForAll), "runtimes_share_nothing", "L10"),
    (
        Coroutines(C::StarvesUnderAFlood),
        "running_payloads_go_on_under_a_flood",
        "F3",
    ),
    (
        Coroutines(C::StarvesUnderAFlood),
        "running_payloads_go_on_under_a_flood",
        "SPAWN-4",
    ),
    (
        Coroutines(C::StarvesUnderAFlood),
        "timers_ring_under_a_flood",
        "F3",
    ),
    (
        Subroutines(S::ForgetsSome),
        "every_payload_runs_once",
        "SPAWN-1",
    ),
    (Subroutines(S::DropsSome), "every_payload_runs_once", "F2"),
    (
        Subroutines(S::RunsInSpawn),
        "a_payload_does_not_run_inside_spawn",
        "SPAWN-2",
    ),
    (
        Subroutines(S::WaitsInSpawn),
        "a_busy_flavour_blocks_no_adopter",
        "SPAWN-2",
    ),
    (
        Subroutines(S::OneThread),
        "subroutines_run_in_parallel",
        "A3",
    ),
    (
        Subroutines(S::BlockOnElsewhere),
        "block_on_runs_the_payload_where_it_belongs",
        "BLOCK-2",
    ),
    (
        Subroutines(S::BlockOnElsewhere),
        "block_on_runs_the_payload_where_it_belongs",
        "E3",
    ),
    (
        Subroutines(S::BlockOnElsewhere),
        "an_execute_on_its_own_flavour",
        "E3",
    ),
    (
        Subroutines(S::BlockOnWaitsForAll),
        "block_on_returns_when_its_payload_is_over",
        "BLOCK-1",
    ),
    (
        Subroutines(S::SpawnsAfterCancel),
        "nothing_is_taken_after_cancel",
        "CANCEL-3",
    ),
    (
        Subroutines(S::BlocksOnAfterCancel),
        "nothing_is_taken_after_cancel",
        "CANCEL-3",
    ),
    (Subroutines(S::CancelWaits), "cancel_only_asks", "CANCEL-1"),
    (
        Subroutines(S::CancelTwicePanics),
        "cancel_only_asks",
        "CANCEL-1",
    ),
    (
        Subroutines(S::JoinHangs),
        "join_keeps_to_its_deadline",
        "JOIN-1",
    ),
    (
        Subroutines(S::JoinHangs),
        "a_blocked_flavour_holds_nothing_up",
        "S3",
    ),
    (
        Subroutines(S::JoinLies),
        "join_keeps_to_its_deadline",
        "JOIN-2",
    ),
    (
        Subroutines(S::JoinIsEarly),
        "its_threads_are_gone_at_the_end",
        "L5",
    ),
    (
        Subroutines(S::LeaksItsThreads),
        "its_threads_are_gone_at_the_end",
        "JOIN-2",
    ),
    (
        Subroutines(S::ForgetsWhatWaits),
        "what_was_accepted_starts_before_the_end",
        "L7",
    ),
];

/// Cases that no fault is told by, and why.
pub(crate) const CASES_WITHOUT: &[(&str, &str)] = &[
    (
        "a_panic_goes_on_in_the_caller",
        "core catches panics inside the payload, so no flavour written in safe code meets one",
    ),
    (
        "every_failure_is_told_once",
        "core tells failures inside the payload; a flavour that loses one is caught by F2 and SPAWN-1",
    ),
];

/// Rows of cases that no fault is told by there, and why.
pub(crate) const ROWS_WITHOUT: &[(&str, &str)] = &[
    ("A5", "a panic never leaves core's wrapping"),
    ("A6", "failures never pass through a flavour"),
    ("E2", "a panic never leaves core's wrapping"),
    (
        "E4",
        "core sees all threads; only a flavour that breaks BLOCK-2 or A2 could hide one, and is told by these",
    ),
];
