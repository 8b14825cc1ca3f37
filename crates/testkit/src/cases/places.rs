//! Cases about the room in groups: the rows G5 and G1. Places go from one payload to the next, and what was left behind
//! takes no room from others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, ready};

use crate::bench::{Bench, Finding};
use crate::cases::groups::{adopt_in, make_group};
use crate::kind::{Kind, Subject};
use crate::tools::{Counter, Gate, Opens, after_turns, once};
use crate::verdict::Verdict;

/// G5, POLL-1: a group with one place, in which each payload comes after the one before has ended. Whoever waits for the
/// place is woken in the last poll of the one that had it.
pub(crate) fn a_place_goes_to_the_next<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 20;
    let runtime = bench.started()?;
    let made = runtime.group("one at a time").limit(1).create();
    let group = made.map_err(|error| bench.violation(error.to_string()))?;
    bench.expect(
        &["G5", "POLL-1"],
        "a place is free when its payload has ended, and goes to the next who waits",
    );
    let (alive, crowded, ended) = (
        Arc::new(AtomicUsize::new(0)),
        Gate::default(),
        Counter::to(MANY),
    );
    for number in 0..MANY {
        let (key, group, patience) = (bench.key(), group.clone(), bench.patience());
        let (alive, crowded, ended) = (Arc::clone(&alive), crowded.clone(), ended.clone());
        let mut begun = false;
        let leaves = Arc::clone(&alive);
        let mut ends = after_turns(number % 3, move || {
            leaves.fetch_sub(1, SeqCst);
            ended.add();
        });
        let inside = move |context: &mut Context<'_>| {
            if !std::mem::replace(&mut begun, true) && alive.fetch_add(1, SeqCst) > 0 {
                crowded.open();
            }
            ends(context)
        };
        let (mut inside, mut waits) = (Some(inside), None);
        let adopts = move |context: &mut Context<'_>| {
            let place = match K::Payload::INLINE {
                true => group.wait_place(patience),
                false => {
                    let waits = waits.get_or_insert_with(|| group.place());
                    ready!(Pin::new(waits).poll(context))
                }
            };
            let adopted = place.map_err(|error| error.to_string()).and_then(|place| {
                let inside = inside.take().expect("it is ready once");
                let adopted = place.adopt(key.clone(), K::Payload::payload(inside));
                adopted.map_err(|error| error.to_string())
            });
            Poll::Ready(adopted)
        };
        adopt_in(bench, runtime.named("waits"), adopts)?;
    }
    bench.until_or(&ended.reached, || {
        format!(
            "{} of {MANY} had the place, {} wait for it, and {} is taken",
            ended.get(),
            group.waiting(),
            group.taken()
        )
    })?;
    bench.check(!crowded.is_open(), || "two had it at once".to_owned())?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// G1, SPAWN-1: threads that go on after their groups have ended are left behind, and keep no later payload from its
/// thread.
pub(crate) fn threads_left_behind_hold_up_no_other<K: Subject>(bench: &Bench<K>) -> Finding {
    const GROUPS: usize = if cfg!(miri) { 2 } else { 10 };
    const EACH: usize = 16;
    if !K::Payload::INLINE {
        return Ok(Verdict::DoesNotApply("its payloads must not block"));
    }
    let runtime = bench.started()?;
    let release = Gate::default();
    let _released = Opens(release.clone());
    for number in 0..GROUPS {
        bench.expect(
            &["G1", "SPAWN-1", "A3"],
            "a payload starts, however many threads of groups that are over go on",
        );
        let group = make_group(bench, &runtime, format!("number {number}"))?;
        let begun = Counter::to(EACH);
        for _ in 0..EACH {
            let (begun, release, patience) = (begun.clone(), release.clone(), bench.patience());
            let goes_on = once(move || {
                begun.add();
                release.wait(4 * patience);
            });
            adopt_in(bench, group.named("goes on"), goes_on)?;
        }
        bench.until_or(&begun.reached, || {
            let others = number * EACH;
            format!("{} of {EACH} started beside {others} others", begun.get())
        })?;
        bench.expect(
            &["G1"],
            "a group of threads without a token is over though they go on",
        );
        group.shutdown();
        let over = group.wait_stopped(bench.patience());
        bench.check(over, || format!("it is {}", group.state()))?;
    }
    release.open();
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}
