//! What an engine owes while its server is away, and afterwards.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use foster_lease::{Acquired, Answer, Lease, LeaseError, Renewed};

use crate::DEADLINE;
use crate::daemon::Daemon;
use crate::proxy::Proxy;

/// Makes what a process has of a lease, as that of the kit does.
pub type Make<'a> = &'a dyn Fn(&str, &str, Duration) -> Arc<dyn Lease>;

const LONG: Duration = Duration::from_secs(600);

/// Calls to a server that is stopped are answered by errors, and once it goes on all is as before.
///
/// # Panics
///
/// If not.
pub fn stopped_and_continued(server: &Daemon, make: Make<'_>, length: Duration) {
    let [holder, other] = ["holder", "other"].map(|holder| make("stopped", holder, length));
    let fence = held(&*holder);
    let watched = ask(|answer| other.watch(answer));

    server.stop();
    let calls = Calls::of(&*holder, fence);
    let others = Calls::of(&*other, fence);
    calls.are_errors();
    others.are_errors();
    server.go_on();

    // What was sent to it meanwhile may come to pass, and runs out.
    let next = hold(&*other);
    assert!(next > fence, "{next} after {fence}");
    assert_eq!(got(&ask(|answer| other.renew(next, answer))), Renewed::Kept);
    // It may have been given up, or told that the lease ran out.
    let _ = watched
        .recv_timeout(DEADLINE)
        .expect("the watch is answered");
    works(&*other, &*holder, next);
}

/// What a server knew before it was killed it knows when it is there again: holders, and which fence was the last one.
///
/// # Panics
///
/// If not.
pub fn killed_and_started_again(server: &Daemon, make: Make<'_>) {
    let [holder, other] = ["holder", "other"].map(|holder| make("killed", holder, LONG));
    let mut fence = 0;
    for _ in 0..3 {
        fence = held(&*holder);
        got(&ask(|answer| holder.release(fence, answer)));
    }
    for _ in 0..2 {
        let next = hold(&*holder);
        assert!(next > fence, "{next} after {fence}");
        fence = next;
        let watched = ask(|answer| other.watch(answer));

        server.kill();
        Calls::of(&*holder, fence).are_errors();
        server.start_again();

        // The first calls may find the connection that is dead.
        assert!(
            !until(|| given(&ask(|answer| other.acquire(answer)))).is_held(),
            "two holders"
        );
        assert_eq!(
            until(|| given(&ask(|answer| holder.renew(fence, answer)))),
            Renewed::Kept
        );
        until(|| given(&ask(|answer| holder.release(fence, answer))));
        let _ = watched
            .recv_timeout(DEADLINE)
            .expect("the watch is answered");
    }
    let next = held(&*other);
    assert!(next > fence, "{next} after {fence}");
    works(&*other, &*holder, next);
}

/// A connection that dies without a word costs a renewal, and not the lease.
///
/// # Panics
///
/// If not.
pub fn cut_without_a_word(proxy: &Proxy, make: Make<'_>) {
    let length = Duration::from_secs(9);
    let [holder, other] = ["holder", "other"].map(|holder| make("cut", holder, length));
    let fence = held(&*holder);
    got(&ask(|answer| other.members(answer)));
    let watched = ask(|answer| other.watch(answer));
    // The cut comes when the watch has begun, or has not: it hears of the release.
    assert!(
        !got(&ask(|answer| other.acquire(answer))).is_held(),
        "two holders"
    );

    proxy.cut();
    let cut = Instant::now();
    assert_eq!(
        until(|| given(&ask(|answer| holder.renew(fence, answer)))),
        Renewed::Kept
    );
    assert!(
        cut.elapsed() < length,
        "it was renewed after {:?}",
        cut.elapsed()
    );
    got(&ask(|answer| holder.release(fence, answer)));
    let _ = watched
        .recv_timeout(DEADLINE)
        .expect("the watch is answered");
    let next = hold(&*other);
    works(&*other, &*holder, next);
}

/// When nothing is left of the client, nothing waits for ever.
///
/// # Panics
///
/// If something does.
pub fn without_a_handle(make: impl FnOnce(&str, &str, Duration) -> Arc<dyn Lease>) {
    let lease = make("dropped", "holder", LONG);
    held(&*lease);
    let watched = ask(|answer| lease.watch(answer));
    drop(lease);
    let answer = watched
        .recv_timeout(DEADLINE)
        .expect("the watch is answered");
    assert!(answer.is_err(), "it is held, and nobody is there to look");
}

/// All calls but a watch.
struct Calls {
    acquired: Receiver<Result<Acquired, LeaseError>>,
    renewed: Receiver<Result<Renewed, LeaseError>>,
    released: Receiver<Result<(), LeaseError>>,
    members: Receiver<Result<Vec<String>, LeaseError>>,
}

impl Calls {
    fn of(lease: &dyn Lease, fence: u64) -> Self {
        let begun = Instant::now();
        let calls = Self {
            acquired: ask(|answer| lease.acquire(answer)),
            renewed: ask(|answer| lease.renew(fence, answer)),
            // Of nobody, so that it changes nothing when it comes to pass.
            released: ask(|answer| lease.release(0, answer)),
            members: ask(|answer| lease.members(answer)),
        };
        assert!(begun.elapsed() < DEADLINE / 2, "the calls block");
        calls
    }

    fn are_errors(self) {
        is_error(&self.acquired);
        is_error(&self.renewed);
        is_error(&self.released);
        is_error(&self.members);
    }
}

fn is_error<T: fmt::Debug>(answered: &Receiver<Result<T, LeaseError>>) {
    let answer = answered.recv_timeout(DEADLINE).expect("it is answered");
    let error = answer.expect_err("nobody can have answered").to_string();
    assert!(
        error.contains("`stopped`") || error.contains("`killed`"),
        "it does not say of which lease: {error}"
    );
}

trait IsHeld {
    fn is_held(&self) -> bool;
}

impl IsHeld for Acquired {
    fn is_held(&self) -> bool {
        matches!(self, Acquired::Held { .. })
    }
}

/// A release is heard of, and the other one has it.
fn works(holder: &dyn Lease, other: &dyn Lease, fence: u64) {
    let watched = ask(|answer| other.watch(answer));
    got(&ask(|answer| holder.release(fence, answer)));
    got(&watched);
    let next = held(other);
    assert!(next > fence, "{next} after {fence}");
    got(&ask(|answer| other.release(next, answer)));
}

/// Acquires what is free.
fn held(lease: &dyn Lease) -> u64 {
    match got(&ask(|answer| lease.acquire(answer))) {
        Acquired::Held { fence } => fence,
        taken => panic!("it is free, and {taken:?}"),
    }
}

/// Acquires what becomes free.
fn hold(lease: &dyn Lease) -> u64 {
    until(|| match given(&ask(|answer| lease.acquire(answer)))? {
        Acquired::Held { fence } => Ok(fence),
        taken => Err(LeaseError::new(format!("{taken:?}"))),
    })
}

fn until<T>(attempt: impl Fn() -> Result<T, LeaseError>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < deadline, "to the end: {error}"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn ask<T: Send + 'static>(call: impl FnOnce(Answer<T>)) -> Receiver<Result<T, LeaseError>> {
    let (told, answered) = channel();
    call(Answer::new(move |answer| {
        let _ = told.send(answer);
    }));
    answered
}

fn given<T>(answered: &Receiver<Result<T, LeaseError>>) -> Result<T, LeaseError> {
    answered.recv_timeout(DEADLINE).expect("it is answered")
}

fn got<T>(answered: &Receiver<Result<T, LeaseError>>) -> T {
    given(answered).unwrap_or_else(|error| panic!("{error}"))
}
