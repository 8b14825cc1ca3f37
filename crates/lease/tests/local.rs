//! The engine inside the process keeps the clauses as any other.

use std::time::Duration;

use foster::Clock;
use foster_lease::Local;
use foster_lease::conformance::Kit;

fn kit() -> Kit {
    let engine = Local::new(&Clock::system());
    Kit::new(Duration::from_millis(300), move |name, holder, length| {
        engine.lease(name, holder, length)
    })
}

foster_lease::lease_conformance!(kit());
