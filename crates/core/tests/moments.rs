//! Since when services are in their states. Row V4.

mod plain;

use std::sync::Arc;
use std::time::{Duration, Instant};

use foster_core::{Latch, Shutdown, UnitState, service};

use plain::*;

/// Miri takes a second for each.
const ROUNDS: usize = if cfg!(miri) { 4 } else { 20 };

#[test]
fn v4_a_moment_that_was_seen_of_a_service_does_not_go_back() {
    for _ in 0..ROUNDS {
        let runtime = runtime();
        let (has_begun, goes_on) = (Arc::new(Latch::default()), Arc::new(Latch::default()));
        let run = {
            let (has_begun, goes_on) = (Arc::clone(&has_begun), Arc::clone(&goes_on));
            move || {
                let (has_begun, goes_on) = (Arc::clone(&has_begun), Arc::clone(&goes_on));
                async move {
                    let token = Shutdown::current();
                    has_begun.open();
                    token.requested().await;
                    assert!(goes_on.wait(soon()));
                }
            }
        };
        let unit = runtime.serve(service(Plain::Well, run)).unwrap();
        assert!(has_begun.wait(soon()));
        runtime.shutdown();
        let before = unit.status();
        assert_eq!(before.state(), UnitState::Stopping);
        goes_on.open();
        runtime.wait().unwrap();
        let after = unit.status();
        assert_eq!(after.state(), UnitState::Ended);
        assert!(after.since() >= before.since());
    }
}

#[test]
fn v4_a_change_that_is_told_has_its_very_moment() {
    let runtime = runtime();
    let mut changes = runtime.unit_changes(8);
    for _ in 0..ROUNDS {
        let before = Instant::now();
        let run = service(Plain::Well, || async {});
        runtime.serve(run).unwrap();
        let over = loop {
            let change = changes.recv_timeout(Duration::from_secs(20)).unwrap();
            assert!(change.at() >= before, "{change:?}");
            if change.state() == UnitState::Ended {
                break change.at();
            }
        };
        assert!(over <= Instant::now());
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}
