//! Who waits for a place, and has it in the end.

use super::*;

on_every_flavour!(g5_who_waits_longest_has_the_next_place,);

once!(g5_a_thread_waits_for_a_place, g5_a_manual_clock_ends_a_wait,);

fn g5_who_waits_longest_has_the_next_place<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 1);
    let go = Event::new();
    let goes = go.clone();
    flavour
        .adopt_in(&group, || async move {
            while !goes.has_happened() {
                futures_lite::future::yield_now().await;
            }
        })
        .unwrap();
    let (mut first, mut second) = (Box::pin(group.place()), Box::pin(group.place()));
    assert!(block_on(poll_once(first.as_mut())).is_none());
    assert!(block_on(poll_once(second.as_mut())).is_none());
    assert_eq!(group.waiting(), 2);
    go.happen();
    let place = block_on(first).unwrap();
    assert!(block_on(poll_once(second.as_mut())).is_none());
    let refused = flavour.adopt_in(&group, || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Full, "others came first");
    drop(place);
    drop(block_on(second).unwrap());
    assert_eq!((group.taken(), group.waiting()), (0, 0));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g5_a_thread_waits_for_a_place() {
    let runtime = started();
    let group = limited(&runtime, 1);
    let place = group.wait_place(SOON).unwrap();
    assert_eq!(
        group.wait_place(Duration::ZERO).unwrap_err().kind(),
        PlaceErrorKind::Late
    );
    let waiting = std::thread::spawn({
        let group = group.clone();
        move || group.wait_place(SOON).map(drop)
    });
    expect("it waits", || group.waiting() == 1);
    drop(place);
    waiting.join().unwrap().unwrap();
    assert_eq!((group.taken(), group.waiting()), (0, 0));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g5_a_manual_clock_ends_a_wait() {
    let (clock, runtime) = manual();
    let group = limited(&runtime, 1);
    let _place = group.wait_place(SOON).unwrap();
    let waiting = std::thread::spawn({
        let group = group.clone();
        move || group.wait_place(60 * SECOND).unwrap_err().kind()
    });
    expect("it waits", || group.waiting() == 1);
    clock.advance(60 * SECOND);
    assert_eq!(waiting.join().unwrap(), PlaceErrorKind::Late);
    runtime.shutdown();
    runtime.wait().unwrap();
}
