//! Waits that nobody else could end, and those that somebody could. Row G5.

use super::*;

on_every_flavour!(
    g5_a_wait_for_oneself_is_refused,
    g5_a_wait_for_oneself_is_refused_in_a_select,
    g5_a_wait_that_loses_a_select_leaves_the_queue,
    g5_a_child_does_not_wait_for_its_parents_place,
    g5_a_child_waits_for_the_place_of_another,
    g5_a_child_does_not_count_a_parent_that_is_over,
    g5_a_wait_that_others_can_end_is_none_for_oneself,
);

fn g5_a_wait_for_oneself_is_refused<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 1);
    let (own, seen) = (group.clone(), Log::new());
    let log = seen.clone();
    flavour
        .adopt_in(&group, || async move {
            log.write(own.place().await.unwrap_err());
        })
        .unwrap();
    expect("it is refused", || !seen.read().is_empty());
    let refused = &seen.read()[0];
    assert_eq!(refused.kind(), PlaceErrorKind::Deadlock);
    assert!(
        refused
            .to_string()
            .contains("is reached by the run that waits")
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// By whichever means it is polled, and whatever else the select waits for. The payload goes on, and has the place of the
/// next one that ends.
fn g5_a_wait_for_oneself_is_refused_in_a_select<F: Member>(flavour: F) {
    for way in ["or", "select!", "biased select!", "zip"] {
        let runtime = started();
        let group = limited(&runtime, 1);
        let (own, seen) = (group.clone(), Log::new());
        let log = seen.clone();
        let payload = move || async move {
            let waits = async { own.place().await.map(drop).unwrap_err().kind() };
            log.write(match way {
                "or" => or(pending(), waits).await,
                "select!" => tokio::select! {
                    kind = waits => kind,
                    kind = pending() => kind,
                },
                "biased select!" => tokio::select! {
                    biased;
                    kind = pending() => kind,
                    kind = waits => kind,
                },
                // A second wait beside it.
                _ => {
                    let other = async { own.place().await.map(drop).unwrap_err().kind() };
                    let (one, other) = zip(waits, other).await;
                    assert_eq!(one, other);
                    one
                }
            });
        };
        flavour.adopt_in(&group, payload).unwrap();
        expect("it is refused", || {
            seen.read() == [PlaceErrorKind::Deadlock]
        });
        drop(block_on(group.place()).unwrap());
        assert_eq!((group.taken(), group.waiting()), (0, 0));
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

/// What loses a select waits no more, and the next has the place.
fn g5_a_wait_that_loses_a_select_leaves_the_queue<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 2);
    let (holder, stop, lost) = (Probe::new(), Event::new(), Event::new());
    let (is_holder, stops, loses) = (holder.clone(), stop.clone(), lost.clone());
    flavour.adopt_in(&group, || is_holder.live_deaf()).unwrap();
    holder.held.expect("it runs");
    let own = group.clone();
    let payload = || async move {
        tokio::select! {
            place = own.place() => panic!("{place:?}"),
            () = until(&stops) => loses.happen(),
        }
        pending::<()>().await;
    };
    // A thread cannot be dropped where it awaits.
    Smol.adopt_in(&group, payload).unwrap();
    expect("it waits", || group.waiting() == 1);
    let mut next = Box::pin(group.place());
    assert!(block_on(poll_once(next.as_mut())).is_none());
    assert_eq!(group.waiting(), 2);
    stop.happen();
    lost.expect("it waits no more");
    assert_eq!(group.waiting(), 1);
    holder.go.happen();
    drop(block_on(next).unwrap());
    assert_eq!(group.waiting(), 0);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// How a parent has its child.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Parent {
    Service,
    Payload,
    /// It waits for a call, and for an execute on a thread.
    Calls,
    Executes,
}

use Parent::{Calls, Executes, Payload, Service};

/// A group with a limit of 2, in which a parent is and its child, which runs this.
fn with_child<F: Member, C: Member>(
    flavour: F,
    childs: C,
    group: &Group,
    parent: Parent,
    child: impl FnOnce() + Send + 'static,
) {
    let inside = group.clone();
    match parent {
        Service => drop(serve_once(flavour, group.unit(), move || async move {
            let token = Shutdown::current();
            childs
                .adopt_in(&Group::current(), || async move { child() })
                .unwrap();
            token.requested().await;
        })),
        Payload => flavour
            .adopt_in(group, move || async move {
                let token = Shutdown::current();
                childs
                    .adopt_in(&Group::current(), || async move { child() })
                    .unwrap();
                token.requested().await;
            })
            .unwrap(),
        Calls => flavour
            .adopt_in(group, || async move {
                inside.call(Thread, child).await.unwrap();
            })
            .unwrap(),
        Executes => flavour
            .adopt_in(group, || async move {
                inside.execute(Thread, child).unwrap();
            })
            .unwrap(),
    }
}

/// A coroutine's wait and that of a thread; whoever is the parent waits for the child, or could not free a place for it.
fn g5_a_child_does_not_wait_for_its_parents_place<F: Member>(flavour: F) {
    for parent in [Service, Payload, Calls, Executes] {
        for blocks in [false, true] {
            let runtime = started();
            let group = limited(&runtime, 2);
            let (own, seen) = (group.clone(), Log::new());
            let log = seen.clone();
            with_child(flavour, flavour, &group, parent, move || {
                assert_eq!(own.taken(), 2, "both are in there");
                let waited = match blocks {
                    // Were it not refused it would hold up the flavour, and be told apart.
                    true => own.wait_place(SOON),
                    false => block_on(own.place()),
                };
                let error = waited.unwrap_err();
                log.write((error.kind(), own.waiting()));
            });
            expect("it is refused", || seen.read().len() == 1);
            assert_eq!(
                seen.read(),
                [(PlaceErrorKind::Deadlock, 0)],
                "{parent:?}, {blocks}"
            );
            runtime.shutdown();
            runtime.wait().unwrap();
        }
    }
}

/// One more place, which another payload has: a child waits for that, and has it.
fn g5_a_child_waits_for_the_place_of_another<F: Member>(flavour: F) {
    for parent in [Service, Payload, Calls, Executes] {
        let runtime = started();
        let group = runtime.group("limited").limit(3).create().unwrap();
        let other = Probe::new();
        let is_other = other.clone();
        // An execute holds up the parent's flavour.
        Thread.adopt_in(&group, || is_other.live_deaf()).unwrap();
        other.held.expect("it runs");
        let (own, seen) = (group.clone(), Log::new());
        let log = seen.clone();
        with_child(flavour, Thread, &group, parent, move || {
            log.write(own.wait_place(SOON).map(drop).is_ok());
        });
        expect("it waits", || group.waiting() == 1);
        other.go.happen();
        expect("it has the place", || seen.read() == [true]);
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

/// A parent that was adopted and is over holds no place: another payload has it, for whose end the child can wait.
fn g5_a_child_does_not_count_a_parent_that_is_over<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 2);
    let (own, go, has) = (group.clone(), Event::new(), Event::new());
    let (goes, has_place) = (go.clone(), has.clone());
    let begun = Event::new();
    let begins = begun.clone();
    let parent = move || async move {
        let child = || async move {
            begins.happen();
            until(&goes).await;
            let _place = own.place().await.unwrap();
            has_place.happen();
        };
        flavour.adopt_in(&Group::current(), child).unwrap();
    };
    flavour.adopt_in(&group, parent).unwrap();
    begun.expect("the child runs");
    expect("the parent is over", || group.taken() == 1);
    let other = Probe::new();
    let is_other = other.clone();
    flavour.adopt_in(&group, || is_other.live_deaf()).unwrap();
    other.held.expect("it runs");
    go.happen();
    expect("the child waits", || group.waiting() == 1);
    other.go.happen();
    has.expect("there is a place");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g5_a_wait_that_others_can_end_is_none_for_oneself<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 2);
    let (go, has_place) = (Event::new(), Event::new());
    let (goes, has) = (go.clone(), has_place.clone());
    flavour
        .adopt_in(&group, || async move {
            while !goes.has_happened() {
                futures_lite::future::yield_now().await;
            }
        })
        .unwrap();
    let own = group.clone();
    Smol.adopt_in(&group, || async move {
        let _place = own.place().await.unwrap();
        has.happen();
    })
    .unwrap();
    expect("it waits", || group.waiting() == 1);
    go.happen();
    has_place.expect("the other one's place is free");
    runtime.shutdown();
    runtime.wait().unwrap();
}
