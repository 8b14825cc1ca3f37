//! Calls of a lease, and what comes of them.

use std::fmt;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use foster_engine_testing::DEADLINE;
use foster_lease::{Acquired, Answer, Lease, LeaseError, Renewed};

/// All calls but a watch, of the turn with fence 1.
pub(crate) fn are_errors(lease: &dyn Lease, wanted: &str) {
    let errors = [
        acquire(lease).map(drop),
        renew(lease, 1).map(drop),
        release(lease, 1),
        members(lease).map(drop),
    ];
    for error in errors {
        let error = error.expect_err("it cannot be done");
        assert!(error.contains(wanted), "no `{wanted}` in: {error}");
    }
}

pub(crate) fn acquire(lease: &dyn Lease) -> Result<Acquired, String> {
    got(&ask(|answer| lease.acquire(answer)))
}

pub(crate) fn renew(lease: &dyn Lease, fence: u64) -> Result<Renewed, String> {
    got(&ask(|answer| lease.renew(fence, answer)))
}

pub(crate) fn release(lease: &dyn Lease, fence: u64) -> Result<(), String> {
    got(&ask(|answer| lease.release(fence, answer)))
}

pub(crate) fn members(lease: &dyn Lease) -> Result<Vec<String>, String> {
    got(&ask(|answer| lease.members(answer)))
}

pub(crate) type Answered<T> = Receiver<Result<T, LeaseError>>;

pub(crate) fn ask<T: Send + 'static>(call: impl FnOnce(Answer<T>)) -> Answered<T> {
    let (told, answered) = channel();
    call(Answer::new(move |answer| {
        // A test that has failed waits no more.
        let _ = told.send(answer);
    }));
    answered
}

pub(crate) fn got<T>(answered: &Answered<T>) -> Result<T, String> {
    let answer = answered.recv_timeout(DEADLINE).expect("it is answered");
    answer.map_err(|error| error.to_string())
}

pub(crate) fn until<T: fmt::Debug>(attempt: impl Fn() -> Result<T, String>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < deadline, "to the end: {error}"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}
