//! Each change of a payload's state, on each state in which it may happen.

use super::*;

const DRIVEN_BIRTH: Birth = Birth {
    is_blocking: false,
    is_late: false,
    is_observed: false,
    is_called: false,
    has_queue: true,
};

fn driven() -> State {
    State::new(DRIVEN_BIRTH)
}

/// One that waits to be woken.
fn idle() -> State {
    let state = driven();
    assert!(state.start());
    assert_eq!(state.end_drive(), AfterPoll::IsIdle);
    state
}

#[test]
fn what_is_said_at_birth_stays() {
    for number in 0..32 {
        let is = |bit: u8| number & bit != 0;
        let birth = Birth {
            is_blocking: is(1),
            is_late: is(2),
            is_observed: is(4),
            has_queue: is(8),
            is_called: is(16),
        };
        let state = State::new(birth);
        assert_eq!(state.is_blocking(), birth.is_blocking);
        assert_eq!(state.is_late(), birth.is_late);
        assert_eq!(state.is_observed(), birth.is_observed);
        assert_eq!(state.is_driven(), birth.has_queue && !birth.is_blocking);
        assert!(!state.is_started() && !state.is_holder() && !state.is_cancelled());
        assert!(!state.is_ending() && !state.is_settled() && !state.is_queued());
        assert_eq!(state.key(), None);
        assert!(!state.is_polling());
        let settled = state.settle().expect("it was not over");
        assert_eq!(settled.was_called(), birth.is_called);
    }
}

#[test]
fn the_first_to_say_something_is_told_so() {
    let state = driven();
    for change in [State::start, State::take_token, State::cancel] {
        assert!(change(&state));
        assert!(!change(&state));
    }
    assert!(state.is_started() && state.is_holder() && state.is_cancelled());
}

#[test]
fn a_payload_settles_once_with_what_it_had_come_to() {
    for number in 0..64 {
        let is = |bit: u8| number & bit != 0;
        let state = State::new(Birth {
            is_late: is(1),
            is_observed: is(2),
            ..DRIVEN_BIRTH
        });
        if is(4) {
            assert!(state.start());
        }
        if is(8) {
            assert!(state.take_token());
        }
        if is(16) {
            state.waiter();
        }
        if is(32) {
            state.listen();
        }
        let settled = state.settle().expect("it is the first to say so");
        assert_eq!(settled.was_late(), is(1));
        assert_eq!(settled.was_observed(), is(2));
        assert_eq!(settled.had_started(), is(4));
        assert_eq!(settled.was_holder(), is(8));
        assert_eq!(settled.was_awaited(), is(16));
        assert_eq!(settled.was_listened(), is(32));
        assert!(state.is_settled() && state.is_started());
        assert!(state.settle().is_none());
    }
}

#[test]
fn a_wake_is_to_be_enqueued_where_the_payload_is_idle_alone() {
    let state = idle();
    assert_eq!(state.wake(), Wake::Enqueue);
    assert!(state.is_queued());
    assert_eq!(state.wake(), Wake::Nothing, "it stands in the queue");
    state.begin_drive();
    assert!(!state.is_queued());
    assert_eq!(state.wake(), Wake::Nothing, "it is being polled");
    assert_eq!(state.end_drive(), AfterPoll::IsQueued);
    state.begin_drive();
    assert_eq!(state.end_drive(), AfterPoll::IsIdle);
    assert!(state.settle().is_some());
    assert_eq!(state.wake(), Wake::Nothing, "it is over");
}

#[test]
fn a_wake_of_what_no_run_queue_polls_asks_for_nothing() {
    let undriven = State::new(Birth {
        has_queue: false,
        ..DRIVEN_BIRTH
    });
    assert_eq!(undriven.wake(), Wake::Nothing);
    let left = driven();
    left.leave_driven();
    assert!(!left.is_driven());
    assert_eq!(left.wake(), Wake::Nothing);
    // It is not lost, should a run queue poll it after all.
    left.begin_driven();
    assert_eq!(left.end_drive(), AfterPoll::IsQueued);
}

#[test]
#[cfg(debug_assertions)]
fn what_must_not_be_is_found() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let fails = |change: &dyn Fn()| catch_unwind(AssertUnwindSafe(change)).is_err();
    assert!(
        fails(&|| idle().begin_drive()),
        "it does not stand in the queue"
    );
    assert!(
        fails(&|| assert_ne!(idle().end_drive(), AfterPoll::IsQueued)),
        "nobody has begun to poll it"
    );
    let ended = State::new(Birth {
        is_blocking: true,
        ..DRIVEN_BIRTH
    });
    ended.come_to_end();
    assert!(fails(&|| ended.come_to_end()), "it has come to its end");
}

#[test]
fn a_key_is_found_again() {
    let state = driven();
    state.set_key(7);
    assert_eq!(state.key(), Some(7));
    state.set_key(usize::MAX);
    assert_eq!(state.key(), None, "there is no room for it");
}
