//! Limits of restarts, and what cannot work.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn exactly() -> Restart {
    Restart::on_failure()
        .jitter(0.0)
        .delay(SECOND)
        .max_delay(8 * SECOND)
}

#[test]
fn a_limit_is_reachable_or_refused() {
    // Starts at 0, 1, 3, 7, 15 and 23 s.
    assert_eq!(exactly().backoff.fastest(5), 23 * SECOND);
    assert_eq!(
        exactly().reset_after(Duration::MAX).backoff.fastest(5),
        23 * SECOND
    );
    assert_eq!(exactly().backoff.fastest(2), 3 * SECOND);
    assert!(exactly().limit(5, 24 * SECOND).problem().is_none());
    assert!(exactly().limit(5, 23 * SECOND).problem().is_some());
    // A run of two seconds resets the delay, and makes it quicker: 1, 4, 7, 10, 13 s.
    let resets = exactly().reset_after(SECOND * 2);
    assert_eq!(resets.backoff.fastest(5), 11 * SECOND);
    // All of the delay may be up to chance: then nothing is out of reach.
    // Fewer under Miri, where ten thousand take too long.
    let limit = if cfg!(miri) { 100 } else { 10_000 };
    let chance = exactly().jitter(1.0).limit(limit, SECOND);
    assert!(chance.problem().is_none());
}

#[test]
fn what_cannot_work_is_a_problem() {
    for restart in [
        exactly().jitter(f64::NAN),
        exactly().jitter(-0.1),
        exactly().jitter(1.1),
        exactly().max_delay(SECOND / 2),
        exactly().reset_after(Duration::ZERO),
        exactly().limit(0, SECOND),
        exactly().limit(1, Duration::ZERO),
        exactly().limit(10_001, SECOND),
        Restart::never().limit(1, SECOND),
    ] {
        assert!(restart.problem().is_some(), "{restart:?}");
    }
    assert!(Restart::always().delay(90 * SECOND).problem().is_none());
    assert!(
        Restart::on_failure()
            .delay(Duration::ZERO)
            .limit(3, SECOND)
            .problem()
            .is_none()
    );
}
