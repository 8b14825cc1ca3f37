//! What becomes of tokio's time where nothing could move it. Row T6.
#![cfg(not(feature = "test-util"))]

use foster_core::{Clock, Runtime, Signals};
use foster_tokio::{Tokio, TokioMultiThread};

#[test]
fn t6_tokio_says_what_it_takes_to_follow_a_clock() {
    let clock = Clock::manual_with_executors();
    let runtime = Runtime::builder().clock(clock).signals(Signals::Leave);
    let runtime = runtime.build();
    runtime.start().unwrap();
    let error = runtime.execute(Tokio, || async {}).unwrap_err();
    assert!(format!("{error:#}").contains("`test-util`"), "{error:#}");
    runtime.execute(TokioMultiThread, || async {}).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}
