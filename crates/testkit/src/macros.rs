//! The list of all cases, and the macro that makes tests of it.

/// The one list of cases: its first tokens name the macro to apply to it.
///
/// Each entry is the case's module, its function, and its rows, besides the rows that every case proves at
/// its end (see `rows::EVERYWHERE`).
#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    (@ $callback:ident $($arguments:tt)*) => {
        $crate::$callback! {
            [$($arguments)*]
            spawn::every_payload_runs_once: ["SPAWN-1"],
            spawn::ten_thousand_payloads_end: ["SPAWN-1"],
            spawn::a_payload_does_not_run_inside_spawn: ["SPAWN-2", "A1"],
            spawn::a_busy_flavour_blocks_no_adopter: ["SPAWN-1", "SPAWN-2", "A1"],
            spawn::payloads_start_in_order: ["SPAWN-3", "A8", "L3"],
            spawn::payloads_may_adopt: ["A1"],
            threads::coroutines_never_run_in_parallel: ["POLL-2", "A3"],
            threads::subroutines_run_in_parallel: ["A3"],
            threads::parallels_run_in_parallel: ["A3"],
            threads::made_polled_and_dropped_on_one_thread: ["POLL-2", "A2"],
            context::timers_work_in_code_and_destructors: ["POLL-1", "POLL-2", "A2", "F3"],
            context::sockets_work_in_code_and_destructors: ["POLL-1", "POLL-2", "A2", "F3"],
            execute::execute_returns_the_value: ["E1"],
            execute::a_panic_goes_on_in_the_caller: ["E2", "F2"],
            execute::block_on_returns_when_its_payload_is_over: ["SPAWN-1", "BLOCK-1", "E1"],
            execute::callers_do_not_wait_for_each_other: [
                "SPAWN-1", "SPAWN-2", "BLOCK-1", "A1", "E1"
            ],
            execute::block_on_runs_the_payload_where_it_belongs: ["BLOCK-2", "E3", "E4"],
            execute::an_execute_on_its_own_flavour: ["E3", "E4", "BLOCK-2"],
            execute::an_execute_beside_a_blocked_thread: ["E4"],
            execute::callers_are_let_go_at_the_end: ["E5"],
            execute::a_dropped_call_cancels_its_payload: ["E6"],
            wakes::a_wake_from_any_thread_counts: ["POLL-1", "F3"],
            wakes::a_wake_during_a_poll_counts: ["POLL-1", "F3"],
            wakes::a_late_wake_does_no_harm: ["POLL-1", "F2"],
            cancel::what_awaits_is_dropped: ["SPAWN-1", "S2", "CANCEL-2"],
            cancel::a_panic_in_a_destructor_stops_no_other: ["S5"],
            cancel::what_was_accepted_starts_before_the_end: ["SPAWN-1", "L7"],
            cancel::holders_of_a_token_end_by_themselves: ["SPAWN-1", "S1"],
            cancel::cancel_only_asks: [
                "SPAWN-1", "CANCEL-1", "CANCEL-2", "CANCEL-4", "CANCEL-5", "S1", "JOIN-2", "L5"
            ],
            cancel::nothing_is_taken_after_cancel: ["SPAWN-1", "CANCEL-3"],
            cancel::what_races_with_cancel_runs_or_is_rejected: [
                "SPAWN-1", "CANCEL-3", "CANCEL-5", "JOIN-2", "L5"
            ],
            end::its_threads_are_gone_at_the_end: ["SPAWN-1", "JOIN-2", "L5"],
            end::join_keeps_to_its_deadline: ["SPAWN-1", "JOIN-1", "JOIN-2", "CANCEL-5", "L5"],
            end::join_keeps_to_its_deadline_while_a_thread_ends: [
                "SPAWN-1", "JOIN-1", "JOIN-2", "L5"
            ],
            end::its_threads_end_without_a_join: ["SPAWN-1", "CANCEL-5"],
            end::a_blocked_flavour_holds_nothing_up: ["SPAWN-1", "S3", "JOIN-1"],
            end::runtimes_share_nothing: ["L10", "CANCEL-5", "JOIN-2", "L5"],
            end::an_empty_flavour_lives_on: ["POLL-3", "F2"],
            end::an_idle_flavour_ends: ["CANCEL-5", "JOIN-2", "L5"],
            report::every_failure_is_told_once: ["SPAWN-1", "A5", "A6"],
            report::every_payload_comes_to_one_end: ["POLL-3", "F2"],
            services::a_failure_of_one_that_may_fail_is_its_own: ["V16"],
            services::a_cancelled_service_is_dropped: ["V3"],
            groups::a_group_ends_alone: ["G1", "POLL-1", "SPAWN-1"],
            groups::a_payload_may_end_a_group: ["G1", "POLL-1", "SPAWN-1"],
            groups::a_failure_ends_its_group_alone: ["G3", "G1", "POLL-1", "SPAWN-1"],
            groups::many_short_groups_leave_nothing_behind: ["G4", "G1", "POLL-1", "SPAWN-1"],
            places::a_place_goes_to_the_next: ["G5", "POLL-1"],
            places::threads_left_behind_hold_up_no_other: ["G1", "SPAWN-1", "A3"],
            probes::an_executor_answers_unless_it_is_blocked: ["PROBE-1", "PROBE-2", "I2"],
            flood::running_payloads_go_on_under_a_flood: ["A1", "F3", "SPAWN-1", "SPAWN-2", "SPAWN-4"],
            flood::timers_ring_under_a_flood: ["A1", "F3", "SPAWN-1", "SPAWN-2", "SPAWN-4"],
            flood::sockets_go_on_under_a_flood: ["A1", "F3", "SPAWN-1", "SPAWN-2", "SPAWN-4"],
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ([$key:expr, $setup:expr] $($module:ident :: $case:ident : [$($row:literal),* $(,)?],)*) => {
        $(
            #[test]
            fn $case() {
                $crate::__test(stringify!($case), $key, $setup);
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __table {
    ([] $($module:ident :: $case:ident : [$($row:literal),* $(,)?],)*) => {
        vec![
            $($crate::case::Case {
                name: stringify!($case),
                rows: &[$($row),*],
                run: $crate::cases::$module::$case::<K>,
            },)*
        ]
    };
}

/// Makes a `#[test]` of each case, for the flavour of a key.
///
/// ```
/// # use foster_core::Manual;
/// # fn my_key() -> Manual { Manual::new() }
/// foster_testkit::conformance!(my_key());
/// ```
///
/// The key is an expression, evaluated anew in each test. A second one, a
/// [`Setup`](crate::Setup), gives the facts that the cases cannot see:
///
/// ```
/// # use foster_core::Manual;
/// # fn my_key() -> Manual { Manual::new() }
/// use foster_testkit::Setup;
///
/// foster_testkit::conformance!(my_key(), Setup::new().borrowed_threads());
/// ```
///
/// Put two flavours in one file into a module each, as the tests are named after the cases.
#[macro_export]
macro_rules! conformance {
    ($key:expr $(,)?) => {
        $crate::conformance!($key, $crate::Setup::new());
    };
    ($key:expr, $setup:expr $(,)?) => {
        $crate::__cases!(@ __tests $key, $setup);
    };
}
