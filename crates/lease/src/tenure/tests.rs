//! The decision by tables, and by random events against a plain engine.

use super::*;

mod random;

const RULES: Rules = Rules {
    length: Duration::from_secs(15),
    stop_time: Duration::from_secs(5),
    renew_every: Duration::from_secs(3),
};

fn at(seconds: f64) -> At {
    At::from_secs_f64(seconds)
}

fn error() -> LeaseError {
    LeaseError::new("connection refused")
}

/// What one event brings.
fn by(event: impl FnOnce(&mut Vec<Effect>)) -> Vec<Effect> {
    let mut effects = Vec::new();
    event(&mut effects);
    effects
}

/// One that has begun to acquire at 0, by call 1.
fn asking() -> Tenure {
    let mut tenure = Tenure::new(RULES, 7, false);
    assert_eq!(by(|out| tenure.tick(at(0.0), out)), [Effect::Acquire(1)]);
    tenure
}

/// One that has held the lease since 0, with fence 4.
fn holding() -> Tenure {
    let mut tenure = asking();
    let held = Ok(Acquired::held(4));
    let effects = by(|out| tenure.acquired(at(0.5), 1, &held, out));
    let (fence, until) = (4, at(15.0));
    let told = Effect::Tell(News::Acquired { fence });
    assert_eq!(effects, [told, Effect::Start { fence, until }]);
    tenure
}

/// Sends a renewal at its time; returns that and its call.
fn renew(tenure: &mut Tenure) -> (At, Call) {
    let due = tenure.next_due().expect("a renewal is due");
    match by(|out| tenure.tick(due, out)).as_slice() {
        [Effect::Renew(call, 4)] => (due, *call),
        other => panic!("{other:?} at {due:?}"),
    }
}

#[test]
fn it_is_held_from_the_sending_of_the_acquire() {
    let mut tenure = holding();
    let next = tenure.next_due().unwrap();
    assert!(at(2.7) <= next && next <= at(3.3), "{next:?}");
    let (sent, call) = renew(&mut tenure);
    let kept = Ok(Renewed::Kept);
    let late = sent + at(2.0);
    let until = sent + RULES.length;
    assert_eq!(
        by(|out| tenure.renewed(late, call, &kept, out)),
        [Effect::Extend { until }]
    );
    // An answer counts once.
    assert_eq!(by(|out| tenure.renewed(late, call, &kept, out)), []);
}

#[test]
fn an_acquire_that_is_answered_late_is_given_back() {
    for (answered, starts) in [(8.9, true), (9.0, false), (14.0, false)] {
        let mut tenure = asking();
        let held = Ok(Acquired::held(4));
        let effects = by(|out| tenure.acquired(at(answered), 1, &held, out));
        let is_start = |effect: &Effect| matches!(effect, Effect::Start { .. });
        assert_eq!(effects.iter().any(is_start), starts, "{effects:?}");
        assert_eq!(effects.contains(&Effect::Release(2, 4)), !starts);
    }
}

#[test]
fn without_an_answer_it_ends_in_time() {
    let mut tenure = holding();
    let (mut asked, mut cancelled) = (None, None);
    while let Some(due) = tenure.next_due().filter(|due| *due < at(20.0)) {
        for effect in by(|out| tenure.tick(due, out)) {
            match effect {
                Effect::Ask => assert_eq!(asked.replace(due), None),
                Effect::Cancel => assert_eq!(cancelled.replace(due), None),
                Effect::Renew(..) => assert!(due < at(15.0)),
                _ => {}
            }
        }
    }
    assert_eq!(asked, Some(at(9.0)), "its stop time and a second more");
    assert_eq!(cancelled, Some(at(14.0)), "a second before the end");
    // It did end: what has run out is not released.
    assert_eq!(by(|out| tenure.run_over(at(16.0), false, out)), []);
}

#[test]
fn a_late_answer_of_an_earlier_renewal_counts_from_its_own_sending() {
    let mut tenure = holding();
    let (first, call) = renew(&mut tenure);
    let (_, other) = renew(&mut tenure);
    let kept = Ok(Renewed::Kept);
    let until = first + RULES.length;
    let extended = by(|out| tenure.renewed(at(7.0), call, &kept, out));
    assert_eq!(extended, [Effect::Extend { until }]);
    let extended = by(|out| tenure.renewed(at(7.1), other, &kept, out));
    assert!(matches!(extended[..], [Effect::Extend { until: later }] if later > until));
}

#[test]
fn one_that_is_lost_is_cancelled_at_once() {
    let mut tenure = holding();
    let (sent, call) = renew(&mut tenure);
    let effects = by(|out| tenure.renewed(sent, call, &Ok(Renewed::Lost), out));
    let until = sent + MARGIN;
    let told = Effect::Tell(News::Lost { fence: 4 });
    assert_eq!(effects, [told, Effect::Shorten { until }, Effect::Cancel]);
    // Neither released nor renewed.
    assert_eq!(by(|out| tenure.run_over(sent, false, out)), []);
    let next = tenure.next_due().unwrap();
    let wait = next - sent;
    assert!(at(3.3) <= wait && wait <= at(4.2), "others first: {wait:?}");
    assert_eq!(
        by(|out| tenure.tick(next, out)),
        [Effect::Acquire(call + 1)]
    );
}

#[test]
fn one_that_is_lost_stays_so_whatever_is_answered_later() {
    let mut tenure = holding();
    let (_, first) = renew(&mut tenure);
    let (sent, second) = renew(&mut tenure);
    by(|out| tenure.renewed(sent, first, &Ok(Renewed::Lost), out));
    let kept = by(|out| tenure.renewed(sent, second, &Ok(Renewed::Kept), out));
    assert_eq!(kept, []);
}

#[test]
fn one_that_has_run_out_is_not_renewed() {
    let mut tenure = holding();
    let effects = by(|out| tenure.tick(at(15.0), out));
    let told = Effect::Tell(News::RunsOut { fence: 4 });
    assert_eq!(effects, [told, Effect::Ask, Effect::Cancel]);
}

#[test]
fn a_renewal_that_fails_is_tried_again_soon_and_not_at_once() {
    for seed in 0..50 {
        let mut tenure = Tenure::new(RULES, seed, false);
        by(|out| tenure.tick(at(0.0), out));
        by(|out| tenure.acquired(at(0.0), 1, &Ok(Acquired::held(4)), out));
        while let Some(now) = tenure.next_due().filter(|now| *now < at(14.0)) {
            for effect in by(|out| tenure.tick(now, out)) {
                let Effect::Renew(call, _) = effect else {
                    continue;
                };
                by(|out| tenure.renewed(now, call, &Err(error()), out));
                let State::Held(held) = tenure.state else {
                    panic!("{tenure:?}")
                };
                let wait = held.renew_at.saturating_sub(now);
                assert!(at(0.05) <= wait && wait <= RULES.renew_every, "{wait:?}");
            }
        }
    }
}

#[test]
fn a_stop_ends_the_work_then_releases() {
    let mut tenure = holding();
    assert_eq!(by(|out| tenure.stop(at(1.0), out)), [Effect::Ask]);
    assert_eq!(by(|out| tenure.stop(at(1.0), out)), []);
    // Renewals go on.
    let (sent, call) = renew(&mut tenure);
    let kept = by(|out| tenure.renewed(sent, call, &Ok(Renewed::Kept), out));
    assert!(matches!(kept[..], [Effect::Extend { .. }]));
    let released = by(|out| tenure.run_over(at(4.0), false, out));
    let [Effect::Release(call, 4)] = released[..] else {
        panic!("{released:?}")
    };
    let effects = by(|out| tenure.released(at(4.1), call, &Ok(()), out));
    assert_eq!(
        effects,
        [Effect::Tell(News::Released { fence: 4 }), Effect::Finish]
    );
}

#[test]
fn an_end_does_not_wait_for_ever_for_a_release() {
    let mut tenure = holding();
    by(|out| tenure.stop(at(1.0), out));
    by(|out| tenure.run_over(at(2.0), false, out));
    assert_eq!(tenure.next_due(), Some(at(3.0)));
    assert_eq!(by(|out| tenure.tick(at(2.9), out)), [], "not before");
    assert_eq!(by(|out| tenure.tick(at(3.0), out)), [Effect::Finish]);
}

#[test]
fn a_release_that_fails_or_is_not_answered_is_asked_for_again() {
    let mut tenure = holding();
    let effects = by(|out| tenure.run_over(at(2.0), false, out));
    assert_eq!(effects, [Effect::Release(2, 4)]);
    by(|out| tenure.released(at(2.1), 2, &Err(error()), out));
    let next = tenure.next_due().unwrap();
    assert!(at(2.1) < next && next < at(2.4), "{next:?}");
    let effects = by(|out| tenure.tick(next, out));
    let [Effect::Release(again, 4)] = effects[..] else {
        panic!("{effects:?}")
    };
    // The answer to the first one says nothing of this one.
    assert_eq!(by(|out| tenure.released(next, 2, &Ok(()), out)), []);
    let last = tenure.next_due().unwrap();
    assert_eq!(last, next + RULES.renew_every);
    let effects = by(|out| tenure.tick(last, out));
    let [Effect::Release(third, 4)] = effects[..] else {
        panic!("{effects:?}")
    };
    assert!(third > again);
    let effects = by(|out| tenure.released(last, third, &Ok(()), out));
    assert_eq!(effects.last(), Some(&Effect::Finish));
    // It runs out at the latest.
    let mut tenure = holding();
    by(|out| tenure.run_over(at(2.0), false, out));
    while let Some(due) = tenure.next_due() {
        by(|out| tenure.tick(due, out));
        assert!(due <= at(15.0));
    }
}

#[test]
fn with_something_left_behind_there_is_no_release() {
    let told = Effect::Tell(News::Left { fence: 4 });
    let mut tenure = holding();
    by(|out| tenure.stop(at(1.0), out));
    let effects = by(|out| tenure.run_over(at(2.0), true, out));
    assert_eq!(effects, [told.clone(), Effect::Finish]);
    // Without a stop it waits until nothing is left, and stands by again.
    let mut tenure = holding();
    assert_eq!(by(|out| tenure.run_over(at(2.0), true, out)), [told]);
    assert_eq!(by(|out| tenure.run_over(at(3.0), true, out)), []);
    assert_eq!(tenure.next_due(), None);
    assert_eq!(by(|out| tenure.run_over(at(5.0), false, out)), []);
    assert!(tenure.next_due().is_some());
}

#[test]
fn work_that_ends_by_itself_is_done() {
    let mut tenure = holding();
    let effects = by(|out| tenure.run_over(at(2.0), false, out));
    assert_eq!(effects, [Effect::Release(2, 4)]);
    let effects = by(|out| tenure.released(at(2.1), 2, &Ok(()), out));
    assert_eq!(effects.last(), Some(&Effect::Finish));
}

#[test]
fn one_that_is_taken_is_watched_and_tried_again() {
    let mut tenure = asking();
    let taken = Ok(Acquired::taken(None));
    let effects = by(|out| tenure.acquired(at(1.0), 1, &taken, out));
    assert_eq!(effects, [Effect::Watch]);
    let next = tenure.next_due().unwrap();
    assert!(at(14.0) <= next && next <= at(18.0), "{next:?}");
    assert_eq!(by(|out| tenure.tick(at(2.0), out)), [], "not before");
    // A watch that fails says nothing of the lease.
    tenure.freed(at(2.0), &Err(error()));
    assert_eq!(tenure.next_due(), Some(next));
    tenure.freed(at(3.0), &Ok(()));
    assert_eq!(tenure.next_due(), Some(at(3.0)));
    assert_eq!(by(|out| tenure.tick(at(3.0), out)), [Effect::Acquire(2)]);
}

#[test]
fn an_engine_that_fails_is_told_once_and_asked_less_and_less() {
    let mut tenure = asking();
    let (mut now, mut waits, mut told) = (at(0.0), Vec::new(), 0);
    for call in 1..12 {
        let effects = by(|out| tenure.acquired(now, call, &Err(error()), out));
        told += effects.len();
        let next = tenure.next_due().unwrap();
        waits.push(next - now);
        now = next;
        assert_eq!(by(|out| tenure.tick(now, out)), [Effect::Acquire(call + 1)]);
    }
    assert_eq!(told, 1);
    assert!(
        waits[0] <= at(0.1) && waits[10] <= at(7.5) && waits[10] >= at(3.7),
        "{waits:?}"
    );
    let taken = Ok(Acquired::taken(None));
    let effects = by(|out| tenure.acquired(now, 12, &taken, out));
    assert_eq!(effects, [Effect::Tell(News::Recovered), Effect::Watch]);
}

#[test]
fn a_stop_while_it_stands_by_gives_back_what_comes_meanwhile() {
    let mut tenure = asking();
    assert_eq!(by(|out| tenure.stop(at(0.2), out)), []);
    let held = Ok(Acquired::held(4));
    let effects = by(|out| tenure.acquired(at(0.3), 1, &held, out));
    assert_eq!(effects, [Effect::Release(2, 4)]);
    let mut tenure = asking();
    by(|out| tenure.stop(at(0.2), out));
    assert_eq!(tenure.next_due(), Some(at(1.0)));
    assert_eq!(by(|out| tenure.tick(at(1.0), out)), [Effect::Finish]);
}
