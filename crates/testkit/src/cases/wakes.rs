//! Cases about wakes: a payload that was woken is polled again. POLL-1, and the rows F3 and F2.

use std::task::{Context, Poll, Waker};
use std::thread;

use crate::bench::{Bench, Finding};
use crate::cases::threads::all_meet;
use crate::kind::{Kind, Subject};
use crate::tools::{Gate, Log, once, wake_from_afar};
use crate::verdict::Verdict;

/// Miri counts its steps as time.
const ROUNDS: usize = if cfg!(miri) { 20 } else { 100 };

/// Why wakes do not concern a flavour of subroutines.
const WAITS_ITSELF: &str = "its payloads block and wake their threads themselves";

/// POLL-1, F3: wakes from threads outside the flavour.
pub(crate) fn a_wake_from_any_thread_counts<K: Subject>(bench: &Bench<K>) -> Finding {
    if K::Payload::INLINE {
        return Ok(Verdict::DoesNotApply(WAITS_ITSELF));
    }
    bench.expect(
        &["POLL-1", "F3"],
        "a payload that another thread wakes is polled again",
    );
    is_polled_again(bench, "woken from afar", |_, waker| wake_from_afar(waker))
}

/// POLL-1, F3: wakes that come while the payload is polled, by itself and by others.
pub(crate) fn a_wake_during_a_poll_counts<K: Subject>(bench: &Bench<K>) -> Finding {
    if K::Payload::INLINE {
        return Ok(Verdict::DoesNotApply(WAITS_ITSELF));
    }
    bench.expect(
        &["POLL-1", "F3"],
        "a payload that is woken while it is polled is polled again",
    );
    is_polled_again(bench, "woken at once", |round, waker| match round % 3 {
        0 => waker.wake(),
        1 => waker.wake_by_ref(),
        // Over before this poll is.
        _ => drop(thread::spawn(move || waker.wake()).join()),
    })
}

/// A payload woken by `wake` in each of its polls is polled as often.
fn is_polled_again<K: Subject>(
    bench: &Bench<K>,
    name: &str,
    wake: impl Fn(usize, Waker) + Send + 'static,
) -> Finding {
    let runtime = bench.started()?;
    let (done, log) = (Gate::default(), Log::default());
    let (ends, rounds) = (done.clone(), log.clone());
    bench.adopt(&runtime, name, move |context: &mut Context<'_>| {
        rounds.write(());
        let round = rounds.read().len();
        if round > ROUNDS {
            ends.open();
            return Poll::Ready(());
        }
        wake(round, context.waker().clone());
        Poll::Pending
    })?;
    bench.until_or(&done, || {
        format!("{} polls for {ROUNDS} wakes", log.read().len())
    })?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// POLL-1, F2: a waker may be kept, cloned, used and dropped anywhere, long after its payload is over and
/// after its flavour is.
pub(crate) fn a_late_wake_does_no_harm<K: Subject>(bench: &Bench<K>) -> Finding {
    if K::Payload::INLINE {
        return Ok(Verdict::DoesNotApply(WAITS_ITSELF));
    }
    let runtime = bench.started()?;
    bench.expect(
        &["POLL-1", "F2"],
        "a wake that comes after its payload's end changes nothing",
    );
    let kept: Log<Waker> = Log::default();
    let keeps = kept.clone();
    bench.execute(&runtime, move |context: &mut Context<'_>| {
        keeps.write(context.waker().clone());
        Poll::Ready(())
    })?;
    let wake = || {
        let wakers = kept.read();
        let woken = thread::spawn(move || wakers.into_iter().for_each(Waker::wake)).join();
        bench.check(woken.is_ok(), || "the wake panics".to_owned())
    };
    wake()?;
    // On a thread of the flavour, too.
    let wakers = kept.clone();
    bench.execute(
        &runtime,
        once(move || wakers.read().into_iter().for_each(Waker::wake)),
    )?;
    // A payload runs on each thread of the flavour: each has handled the wake by then.
    all_meet(bench, &runtime, bench.setup.threads)?;
    let value = bench.execute(&runtime, once(|| 1))?;
    bench.check(value == 1, || format!("a later payload gives {value}"))?;
    bench.stop_well(&runtime)?;
    bench.expect(
        &["POLL-1", "F2"],
        "a wake that comes after its flavour's end changes nothing",
    );
    wake()?;
    Ok(Verdict::Kept)
}
