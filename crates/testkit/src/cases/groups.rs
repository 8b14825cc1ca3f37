//! Cases about the end of groups: the rows G1, G3, G4. A group ends while its flavour goes on, so nothing that a flavour
//! does at its own end helps here: each payload of the group has to be polled for its wake, and no other may be harmed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use foster_core::{FailureKind, Group, Named, Outcome, Runtime, Shutdown, UnitState};

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::tools::{Counter, Gate, Log, OnDrop, after, once};
use crate::verdict::Verdict;

/// How many are in a group: more than an executor should have a fixed room for. Miri counts its steps as time.
const CROWD: usize = if cfg!(miri) { 20 } else { 1_000 };

const NOT_DROPPABLE: &str = "its payloads cannot be dropped unfinished";

pub(crate) fn make_group<K: Subject>(
    bench: &Bench<K>,
    runtime: &Runtime,
    name: impl Into<String>,
) -> Finding<Group> {
    let made = runtime.group(name.into()).create();
    made.map_err(|error| bench.violation(format!("there is no group: {error}")))
}

/// Adopts a payload there; a refusal is a violation.
pub(crate) fn adopt_in<K: Subject, T: Outcome + Send>(
    bench: &Bench<K>,
    named: Named<'_>,
    step: impl FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static,
) -> Finding<()> {
    let adopted = named.adopt(bench.key(), K::Payload::payload(step));
    adopted.map_err(|error| bench.refused(&error))
}

/// Payloads that await a gate, and the count of those whose destructors have run.
struct Waiting {
    begun: Counter,
    go: Gate,
    /// How many went on after the gate was opened.
    went_on: Counter,
    dropped: Arc<AtomicUsize>,
}

impl Waiting {
    fn to(many: usize) -> Self {
        Self {
            begun: Counter::to(many),
            go: Gate::default(),
            went_on: Counter::to(many),
            dropped: Arc::default(),
        }
    }

    /// The steps of one of them. `first` is called in its first poll.
    fn step<F: FnOnce() + Send + 'static>(
        &self,
        first: F,
    ) -> impl FnMut(&mut Context<'_>) -> Poll<()> + Send + 'static + use<F> {
        let (begun, went_on, dropped) = (
            self.begun.clone(),
            self.went_on.clone(),
            Arc::clone(&self.dropped),
        );
        let guard = OnDrop(move || {
            dropped.fetch_add(1, SeqCst);
        });
        let mut first = Some(first);
        let mut waits = after(&self.go, move || went_on.add());
        move |context| {
            let _ = &guard;
            let waits = waits(context);
            if let Some(first) = first.take() {
                first();
                // Counted last, as the case goes on then.
                begun.add();
            }
            waits
        }
    }

    /// Waits until all of them have begun.
    fn have_begun<K: Subject>(&self, bench: &Bench<K>) -> Finding<()> {
        bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
        bench.until_or(&self.begun.reached, || {
            format!("{} payloads started, not all", self.begun.get())
        })
    }

    /// They were not touched by the end of others: they are there, and go on.
    fn go_on<K: Subject>(&self, bench: &Bench<K>) -> Finding<()> {
        bench.expect(
            &["G1", "POLL-1", "POLL-3", "F2"],
            "payloads outside of the group that has ended are there, and go on",
        );
        let dropped = self.dropped.load(SeqCst);
        bench.check(dropped == 0, || {
            format!("{dropped} of them were dropped as well")
        })?;
        self.go.open();
        bench.until_or(&self.went_on.reached, || {
            format!("{} of them went on", self.went_on.get())
        })
    }
}

/// The present step is that all of `many` are dropped and the group is over.
fn is_over<K: Subject>(
    bench: &Bench<K>,
    group: &Group,
    (many, dropped): (usize, &AtomicUsize),
) -> Finding<()> {
    let over = group.wait_stopped(bench.patience());
    let dropped = dropped.load(SeqCst);
    bench.check(over && dropped == many, || {
        format!(
            "{dropped} of {many} were dropped, and the group is {}",
            group.state()
        )
    })
}

/// G1, POLL-1: a whole group is woken at once while the flavour is busy, and every payload in it is dropped where it
/// awaits. Those of another group and of none go on.
pub(crate) fn a_group_ends_alone<K: Subject>(bench: &Bench<K>) -> Finding {
    const OTHERS: usize = 5;
    if !K::Payload::DROPPABLE {
        return Ok(Verdict::DoesNotApply(NOT_DROPPABLE));
    }
    let runtime = bench.started()?;
    let ends = make_group(bench, &runtime, "ends")?;
    let stays = make_group(bench, &runtime, "stays")?;
    let (inside, outside) = (Waiting::to(CROWD), Waiting::to(2 * OTHERS));
    for _ in 0..CROWD {
        adopt_in(bench, ends.named("inside"), inside.step(|| ()))?;
    }
    for _ in 0..OTHERS {
        adopt_in(bench, stays.named("elsewhere"), outside.step(|| ()))?;
        adopt_in(bench, runtime.named("in none"), outside.step(|| ()))?;
    }
    inside.have_begun(bench)?;
    outside.have_begun(bench)?;

    // All threads of the flavour are held up, so that all of the wakes have come before the first of these polls.
    let (held, release) = (Counter::to(bench.setup.threads), Gate::default());
    for _ in 0..bench.setup.threads {
        let (held, release, patience) = (held.clone(), release.clone(), bench.patience());
        let holds_up = once(move || {
            held.add();
            release.wait(patience);
        });
        adopt_in(bench, runtime.named("holds up"), holds_up)?;
    }
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    bench.until(&held.reached, "the payload did not start")?;
    bench.expect(
        &["G1", "POLL-1"],
        "when a group ends, every payload in it is dropped where it awaits, however many there are",
    );
    ends.shutdown();
    release.open();
    is_over(bench, &ends, (CROWD, &inside.dropped))?;
    outside.go_on(bench)?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// G1, POLL-1: a payload ends a group, first another one than it is in, then its own. All that is in there is woken while
/// that payload is polled, which then goes on, or is itself dropped at the end of its poll.
pub(crate) fn a_payload_may_end_a_group<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 20;
    if !K::Payload::DROPPABLE {
        return Ok(Verdict::DoesNotApply(NOT_DROPPABLE));
    }
    let runtime = bench.started()?;
    let outside = Waiting::to(2);
    adopt_in(bench, runtime.named("in none"), outside.step(|| ()))?;
    for its_own in [false, true] {
        let group = make_group(bench, &runtime, "ends")?;
        let (inside, own) = (Waiting::to(MANY), Waiting::to(1));
        for _ in 0..MANY {
            adopt_in(bench, group.named("inside"), inside.step(|| ()))?;
        }
        inside.have_begun(bench)?;
        bench.expect(
            &["G1", "POLL-1"],
            "when a payload ends a group, all that is in there is dropped where it awaits",
        );
        let asked = group.clone();
        let asks = move || asked.shutdown();
        match its_own {
            true => adopt_in(bench, group.named("ends its group"), own.step(asks))?,
            false => adopt_in(bench, runtime.named("ends another"), outside.step(asks))?,
        }
        is_over(bench, &group, (MANY, &inside.dropped))?;
        if its_own {
            is_over(bench, &group, (1, &own.dropped))?;
        }
    }
    outside.have_begun(bench)?;
    outside.go_on(bench)?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// G3, POLL-1: a failure ends the group that may fail, with all that is in it, and nothing else. The others there are
/// woken in the last poll of the one that fails. A payload that was lost would be absorbed as well: the case looks at
/// what the failure is.
pub(crate) fn a_failure_ends_its_group_alone<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 20;
    let runtime = bench.started()?;
    let made = runtime.group("fails").may_fail().create();
    let group = made.map_err(|error| bench.violation(error.to_string()))?;
    bench.expect(
        &["G3", "SPAWN-1", "F2"],
        "a group that may fail goes on until a payload in it fails",
    );
    let (begun, ended) = (Counter::to(MANY), Counter::to(MANY));
    for _ in 0..MANY {
        // A thread hears of the end by its token; all others are dropped.
        let (begun, guard) = (begun.clone(), ended.clone());
        let guard = OnDrop(move || guard.add());
        let mut requested = None;
        let mut first = true;
        let step = move |context: &mut Context<'_>| {
            let _ = &guard;
            let asked = match K::Payload::DROPPABLE {
                true => Poll::Pending,
                false => {
                    let token = requested.get_or_insert_with(|| Shutdown::current().requested());
                    Pin::new(token).poll(context)
                }
            };
            if std::mem::take(&mut first) {
                begun.add();
            }
            asked
        };
        let adopted = adopt_in(bench, group.named("inside"), step);
        adopted.map_err(|refused| match group.last_failure() {
            Some(failure) => bench.violation(format!("{failure:#}")),
            None => refused,
        })?;
    }
    bench.until_or(&begun.reached, || match group.last_failure() {
        Some(failure) => format!("{failure:#}"),
        None => format!("{} of {MANY} started", begun.get()),
    })?;
    let outside = Waiting::to(1);
    adopt_in(bench, runtime.named("in none"), outside.step(|| ()))?;
    outside.have_begun(bench)?;

    bench.expect(
        &["G3", "POLL-1"],
        "a failure ends a group that may fail, and all that is in it ends with it",
    );
    let fails = once(|| Err::<(), _>("told to"));
    adopt_in(bench, group.named("told to"), fails)?;
    let over = group.wait_stopped(bench.patience());
    bench.check(over && group.state() == UnitState::Failed, || {
        format!(
            "{} of {MANY} ended, and the group is {}",
            ended.get(),
            group.state()
        )
    })?;
    bench.until_or(&ended.reached, || {
        format!("{} of {MANY} ended", ended.get())
    })?;
    let failure = group.last_failure();
    let is_own = failure
        .as_ref()
        .is_some_and(|one| one.kind() == FailureKind::Error);
    bench.check(is_own, || match failure {
        Some(failure) => format!("{failure:#}"),
        None => "there is no failure".to_owned(),
    })?;
    outside.go_on(bench)?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// G4, POLL-1: many groups, one after the other, in which payloads end by themselves or are dropped. Their wakers are
/// kept, and used when others have come in their place.
pub(crate) fn many_short_groups_leave_nothing_behind<K: Subject>(bench: &Bench<K>) -> Finding {
    const GROUPS: usize = if cfg!(miri) { 5 } else { 100 };
    const EACH: usize = 8;
    if !K::Payload::DROPPABLE {
        return Ok(Verdict::DoesNotApply(NOT_DROPPABLE));
    }
    let runtime = bench.started()?;
    let outside = Waiting::to(1);
    adopt_in(bench, runtime.named("in none"), outside.step(|| ()))?;
    outside.have_begun(bench)?;
    let mut late: Log<Waker> = Log::default();
    for number in 0..GROUPS {
        let group = make_group(bench, &runtime, format!("number {number}"))?;
        // Half of them go on and end.
        let (ends, stays) = (Waiting::to(EACH), Waiting::to(EACH));
        let wakers = Log::default();
        for which in [&ends, &stays] {
            for _ in 0..EACH {
                let (mut step, wakers) = (which.step(|| ()), wakers.clone());
                let step = move |context: &mut Context<'_>| {
                    wakers.write(context.waker().clone());
                    step(context)
                };
                adopt_in(bench, group.named("inside"), step)?;
            }
        }
        ends.have_begun(bench)?;
        stays.have_begun(bench)?;
        bench.expect(
            &["G4", "POLL-1", "F2"],
            "what was in a group that is over does no harm to those after it",
        );
        late.read().into_iter().for_each(Waker::wake);
        late = wakers;
        ends.go.open();
        bench.until_or(&ends.went_on.reached, || {
            format!("{} of {EACH} went on", ends.went_on.get())
        })?;
        group.shutdown();
        is_over(bench, &group, (EACH, &stays.dropped))?;
    }
    outside.go_on(bench)?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}
