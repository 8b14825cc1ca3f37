//! What stands in the object of a lease, and what becomes of it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

use crate::name::{NAME, labels};

/// An object is deleted when nobody has used it for so many of its lengths, if nobody will again.
const LENGTHS_UNTIL_WASTE: u32 = 5;

/// Who holds it.
pub(crate) fn holder(object: &Lease) -> Option<&str> {
    let holder = object.spec.as_ref()?.holder_identity.as_deref()?;
    (!holder.is_empty()).then_some(holder)
}

/// The number of the present turn, or of the last one.
///
/// # Errors
///
/// If somebody else has made it negative.
pub(crate) fn fence(object: &Lease) -> Result<u64, String> {
    let spec = object.spec.as_ref();
    let transitions = spec.and_then(|spec| spec.lease_transitions).unwrap_or(0);
    u64::try_from(transitions).map_err(|_| format!("its leaseTransitions are {transitions}"))
}

/// The name of the lease, unless others have made the object.
pub(crate) fn name(object: &Lease) -> Option<&str> {
    let annotations = object.metadata.annotations.as_ref()?;
    annotations.get(NAME).map(String::as_str)
}

/// Whether one acquire has written both, which has its time to the microsecond.
pub(crate) fn is_same_turn(one: &Lease, other: &Lease) -> bool {
    let turn = |object: &Lease| {
        let time = object.spec.as_ref()?.acquire_time.clone()?;
        Some((holder(object)?.to_owned(), fence(object).ok()?, time))
    };
    turn(one).is_some_and(|turn_of_one| turn(other) == Some(turn_of_one))
}

/// For how long the holder has it, or `ours` if that does not stand in it.
pub(crate) fn length(object: &Lease, ours: Duration) -> Duration {
    let spec = object.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
    seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(ours, Duration::from_secs)
}

/// How long it stays held, if it has not changed for so long.
pub(crate) fn left(object: &Lease, ours: Duration, unchanged: Duration) -> Option<Duration> {
    holder(object)?;
    let left = length(object, ours).checked_sub(unchanged)?;
    (!left.is_zero()).then_some(left)
}

/// Whether it has been of no use for so long that it may be deleted.
pub(crate) fn is_waste(object: &Lease, ours: Duration, unchanged: Duration) -> bool {
    unchanged > length(object, ours).saturating_mul(LENGTHS_UNTIL_WASTE)
}

/// The object, new or of the one before, as one who acquires it writes it.
///
/// # Errors
///
/// If there are no numbers left.
pub(crate) fn acquired(
    present: Option<Lease>,
    object: &str,
    lease: &str,
    by: &str,
    length: Duration,
) -> Result<Lease, String> {
    let mut next = present.unwrap_or_default();
    let fence = fence(&next)? + 1;
    let transitions =
        i32::try_from(fence).map_err(|_| "its leaseTransitions cannot rise".to_owned())?;
    let metadata = &mut next.metadata;
    metadata.name = Some(object.to_owned());
    // It may have been made by hand, with neither.
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(NAME.to_owned(), lease.to_owned());
    let all = metadata.labels.get_or_insert_default();
    all.extend(labels(lease).map(|label| (label, String::new())));
    let now = now_after(&next);
    next.spec = Some(LeaseSpec {
        holder_identity: Some(by.to_owned()),
        lease_duration_seconds: Some(seconds(length)),
        acquire_time: Some(now.clone()),
        renew_time: Some(now),
        lease_transitions: Some(transitions),
        ..LeaseSpec::default()
    });
    Ok(next)
}

/// The object as its holder writes it.
pub(crate) fn renewed(mut object: Lease) -> Lease {
    let now = now_after(&object);
    object.spec.get_or_insert_default().renew_time = Some(now);
    object
}

/// The object as its holder leaves it: the number stays, so that the next one is greater.
pub(crate) fn released(mut object: Lease) -> Lease {
    object.spec.get_or_insert_default().holder_identity = Some(String::new());
    renewed(object)
}

/// Now, for people to read.
fn now_after(object: &Lease) -> MicroTime {
    let before = object
        .spec
        .as_ref()
        .and_then(|spec| spec.renew_time.as_ref());
    another(before, Timestamp::now().as_microsecond())
}

/// A time that is not the one before: a write that changes nothing is none, and others would see no renewal.
fn another(before: Option<&MicroTime>, now: i64) -> MicroTime {
    let is_same = before.is_some_and(|before| before.0.as_microsecond() == now);
    let now = now + i64::from(is_same);
    MicroTime(Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX))
}

/// The seconds of a length, which was rounded.
fn seconds(length: Duration) -> i32 {
    i32::try_from(length.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(15);

    fn acquire(present: Option<Lease>) -> Result<Lease, String> {
        acquired(present, "foster-q.1", "q/1", "me", LENGTH)
    }

    #[test]
    fn numbers_rise_over_releases() {
        let first = acquire(None).unwrap();
        assert_eq!((holder(&first), fence(&first)), (Some("me"), Ok(1)));
        assert_eq!(name(&first), Some("q/1"));
        let free = released(renewed(first));
        assert_eq!((holder(&free), fence(&free)), (None, Ok(1)));
        let second = acquire(Some(free)).unwrap();
        assert_eq!((holder(&second), fence(&second)), (Some("me"), Ok(2)));
    }

    #[test]
    fn what_others_have_set_stays() {
        let mut by_hand = Lease::default();
        let labels = by_hand.metadata.labels.get_or_insert_default();
        labels.insert("team".to_owned(), "a".to_owned());
        by_hand.metadata.uid = Some("7".to_owned());
        let ours = acquire(Some(by_hand)).unwrap();
        assert_eq!(ours.metadata.labels.unwrap().len(), 2);
        assert_eq!(ours.metadata.uid.as_deref(), Some("7"));
    }

    #[test]
    fn numbers_that_cannot_be_are_errors() {
        for (transitions, text) in [(-1, "are -1"), (i32::MAX, "cannot rise")] {
            let mut object = Lease::default();
            object.spec.get_or_insert_default().lease_transitions = Some(transitions);
            let error = acquire(Some(object)).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }

    /// Also by a clock that stands still.
    #[test]
    fn each_renewal_is_a_change() {
        let time = |now| MicroTime(Timestamp::from_microsecond(now).unwrap());
        assert_eq!(another(None, 5), time(5));
        assert_eq!(another(Some(&time(5)), 5), time(6));
        assert_eq!(another(Some(&time(6)), 5), time(5));
    }

    #[test]
    fn it_is_held_for_the_length_of_its_holder() {
        let object = acquire(None).unwrap();
        let ours = Duration::from_secs(1);
        let after = |seconds| left(&object, ours, Duration::from_secs(seconds));
        assert_eq!(after(0), Some(LENGTH));
        assert_eq!(after(14), Some(Duration::from_secs(1)));
        assert_eq!((after(15), after(16)), (None, None));
        assert_eq!(left(&released(object), ours, Duration::ZERO), None);
        // Made by somebody who sets none.
        let mut foreign = Lease::default();
        foreign.spec.get_or_insert_default().holder_identity = Some("you".to_owned());
        assert_eq!(left(&foreign, ours, Duration::ZERO), Some(ours));
    }
}
