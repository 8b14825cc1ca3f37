//! Shares of the grace time.

use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn below(own: u64, others: u32) -> Path {
    Path {
        own: seconds(own),
        others,
    }
}

#[test]
fn the_grace_time_is_shared_out() {
    for (own, path, left, share_is) in [
        // Alone.
        (None, below(0, 0), 10, 10_000),
        (Some(4), below(0, 0), 10, 4_000),
        // A second for each other.
        (None, below(0, 3), 10, 7_000),
        (None, below(5, 1), 10, 4_000),
        // Those seconds are at most half of what is left.
        (None, below(0, 30), 10, 5_000),
        (None, below(6, 30), 10, 2_000),
        // Times of their own in full, whatever others would like.
        (Some(4), below(6, 30), 10, 4_000),
        // What exceeds is shortened in proportion.
        (Some(8), below(7, 0), 10, 5_333),
        (Some(7), below(0, 0), 4, 4_000),
        (Some(12), below(0, 1), 10, 9_000),
        // Nobody is left with nothing.
        (None, below(12, 1), 10, 1_000),
        (None, below(10, 9), 10, 500),
        (None, below(0, 0), 0, 0),
    ] {
        let found = share(own.map(seconds), path, seconds(left));
        assert_eq!(found.as_millis(), share_is, "{own:?} {path:?} {left}");
    }
    assert_eq!(
        share(Some(Duration::MAX), below(1, 1), seconds(10)).as_secs(),
        9
    );
    assert_eq!(
        share(None, below(0, 1), Duration::MAX),
        Duration::MAX - SECOND
    );
}
