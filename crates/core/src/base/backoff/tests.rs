//! Delays and chance.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn exactly() -> Backoff {
    Backoff {
        delay: SECOND,
        max_delay: Some(8 * SECOND),
        jitter: 0.0,
        ..Backoff::new()
    }
}

#[test]
fn delays_double_up_to_the_longest() {
    let delays: Vec<_> = (0..6)
        .map(|restart| exactly().delay_before(restart, 1.0).as_secs())
        .collect();
    assert_eq!(delays, [1, 2, 4, 8, 8, 8]);
    assert_eq!(exactly().delay_before(u32::MAX, 1.0), 8 * SECOND);
}

#[test]
fn chance_stays_within_its_bounds() {
    let restart = Backoff {
        jitter: 0.25,
        ..exactly()
    };
    for part in 0..=1000 {
        let delay = restart.delay_before(1, f64::from(part) / 1000.0);
        assert!(
            delay <= 2 * SECOND && delay >= 2 * SECOND * 3 / 4,
            "{delay:?}"
        );
    }
}
