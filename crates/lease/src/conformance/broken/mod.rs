//! The kit on leases that are broken: a case that does not see its fault is a fault of the kit.

mod memory;

use std::sync::Arc;
use std::time::Duration;

use self::memory::{Fault, Memory};
use super::{Kit, cases, guarded};

fn kit(fault: Option<Fault>) -> Kit {
    let engine = Memory::new(fault);
    let shortest = Duration::from_millis(200);
    let kit = Kit::new(shortest, move |name, holder, length| {
        Arc::new(engine.lease(name, holder, length))
    });
    match fault {
        // What never comes is waited for.
        Some(_) => kit.deadline(Duration::from_millis(600)),
        None => kit,
    }
}

crate::lease_conformance!(kit(None));

/// The fault, and the cases that must see it.
const FAULTS: &[(Fault, &[&str])] = &[
    (
        Fault::ManyHolders,
        &[
            "lease_1_one_holder_at_a_time",
            "lease_1_one_holder_among_namesakes",
            "lease_1_one_winner_of_a_race",
        ],
    ),
    (
        Fault::NamesakesShare,
        &["lease_1_one_holder_among_namesakes"],
    ),
    (Fault::LooksThenTakes, &["lease_1_one_winner_of_a_race"]),
    (Fault::NamesTheAsker, &["lease_1_one_holder_at_a_time"]),
    (Fault::FenceStays, &["lease_2_fences_rise"]),
    (Fault::FenceFallsAfterTheEnd, &["lease_2_fences_rise"]),
    (
        Fault::NeverRunsOut,
        &[
            "lease_3_held_for_its_length_then_free",
            "lease_7_members_run_out",
        ],
    ),
    (
        Fault::RunsOutEarly,
        &["lease_3_held_for_its_length_then_free"],
    ),
    (
        Fault::RenewalAddsNothing,
        &["lease_3_held_for_its_length_from_a_renewal"],
    ),
    (
        Fault::AnyFenceRenews,
        &["lease_4_only_the_present_fence_renews"],
    ),
    (
        Fault::NothingRenews,
        &["lease_4_only_the_present_fence_renews"],
    ),
    (
        Fault::RenewsWhatIsReleased,
        &["lease_4_nothing_is_renewed_after_a_release"],
    ),
    (
        Fault::RenewalTakesBack,
        &["lease_4_who_ran_out_and_was_followed_has_lost"],
    ),
    (
        Fault::AnyFenceReleases,
        &["lease_5_another_fence_releases_nothing"],
    ),
    (
        Fault::StaleReleaseIsAnError,
        &["lease_5_another_fence_releases_nothing"],
    ),
    (
        Fault::ReleaseDoesNothing,
        &["lease_5_a_release_frees_at_once"],
    ),
    (
        Fault::WatchIsSilent,
        &[
            "lease_6_a_free_lease_is_answered_at_once",
            "lease_6_all_hear_of_a_release",
        ],
    ),
    (
        Fault::WatchHearsNoRelease,
        &["lease_6_all_hear_of_a_release"],
    ),
    (
        Fault::WatchHearsNoEnd,
        &["lease_6_the_end_of_its_length_is_heard_of"],
    ),
    (Fault::OneWatchAlone, &["lease_6_all_hear_of_a_release"]),
    (
        Fault::MembersAreNeighboursToo,
        &["lease_7_members_are_the_held_ones_below"],
    ),
    (
        Fault::MembersInAnyCase,
        &["lease_7_members_are_the_held_ones_below"],
    ),
    (
        Fault::MembersOfAPattern,
        &["lease_7_members_are_the_held_ones_below"],
    ),
    (
        Fault::MembersAreAlsoFree,
        &[
            "lease_7_members_are_the_held_ones_below",
            "lease_7_members_run_out",
        ],
    ),
    (Fault::WatchBlocks, &["lease_8_no_call_waits_for_another"]),
    (Fault::WatchLocks, &["lease_8_no_call_waits_for_another"]),
    (Fault::AnswersAreDropped, &["lease_2_fences_rise"]),
    (Fault::Panics, &["lease_8_no_call_waits_for_another"]),
];

#[test]
fn each_fault_is_seen_and_its_clause_named() {
    for (fault, names) in FAULTS {
        for name in *names {
            let case = cases()
                .into_iter()
                .find(|case| case.name == *name)
                .expect("such a case");
            let verdict = guarded(case, kit(Some(*fault)));
            let broken = verdict.expect_err(&format!("{name} does not see {fault:?}"));
            let (number, _) = name["lease_".len()..].split_once('_').expect("a number");
            // A call that hangs or panics is LEASE-8, wherever it is met.
            let named = broken.starts_with(&format!("LEASE-{number}: "));
            assert!(named, "{name} says of {fault:?}: {broken}");
            println!("{fault:?}: {broken}");
        }
    }
}

#[test]
fn each_case_sees_a_fault() {
    for case in cases() {
        let seen = FAULTS.iter().any(|(_, names)| names.contains(&case.name));
        assert!(seen, "no fault for {}", case.name);
    }
}

#[test]
fn each_clause_has_a_case() {
    let clauses = include_str!("../../lease.rs").matches("- **LEASE-").count();
    for number in 1..=clauses {
        let prefix = format!("lease_{number}_");
        assert!(
            cases().iter().any(|case| case.name.starts_with(&prefix)),
            "no case for LEASE-{number}"
        );
    }
}

#[test]
fn without_an_engine_a_test_is_skipped() {
    super::test("lease_2_fences_rise", None);
}
