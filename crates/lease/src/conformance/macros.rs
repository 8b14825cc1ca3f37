//! The list of all cases, and the macro that makes tests of it.

/// The one list of cases: its first tokens name the macro to apply to it.
#[doc(hidden)]
#[macro_export]
macro_rules! __lease_cases {
    (@ $callback:ident $($arguments:tt)*) => {
        $crate::$callback! {
            [$($arguments)*]
            holding::lease_1_one_holder_at_a_time,
            holding::lease_1_one_holder_among_namesakes,
            holding::lease_1_one_winner_of_a_race,
            holding::lease_2_fences_rise,
            holding::lease_3_held_for_its_length_then_free,
            holding::lease_3_held_for_its_length_from_a_renewal,
            renewing::lease_4_only_the_present_fence_renews,
            renewing::lease_4_nothing_is_renewed_after_a_release,
            renewing::lease_4_who_ran_out_and_was_followed_has_lost,
            releasing::lease_5_a_release_frees_at_once,
            releasing::lease_5_another_fence_releases_nothing,
            watching::lease_6_a_free_lease_is_answered_at_once,
            watching::lease_6_all_hear_of_a_release,
            watching::lease_6_the_end_of_its_length_is_heard_of,
            naming::lease_7_members_are_the_held_ones_below,
            naming::lease_7_members_run_out,
            calling::lease_8_no_call_waits_for_another,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __lease_tests {
    ([$kit:expr] $($module:ident :: $case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::test(stringify!($case), $kit);
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __lease_table {
    ([] $($module:ident :: $case:ident,)*) => {
        vec![
            $($crate::conformance::Case {
                name: stringify!($case),
                run: $crate::conformance::cases::$module::$case,
            },)*
        ]
    };
}

/// Makes a `#[test]` of each case, for the engine of a [`Kit`](crate::conformance::Kit).
///
/// The argument is an expression, evaluated anew in each test. It may also be an `Option<Kit>`: where it is `None`, for
/// want of an engine, the test says that it was skipped.
#[macro_export]
macro_rules! lease_conformance {
    ($kit:expr $(,)?) => {
        $crate::__lease_cases!(@ __lease_tests $kit);
    };
}
