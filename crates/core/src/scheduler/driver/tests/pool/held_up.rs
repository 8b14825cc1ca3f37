//! Whether a driver goes on or is held up by a payload, and what the others do then.

use super::*;

/// Each would be polled by the other one's driver, far from the memory that it was made in.
#[test]
fn drivers_that_go_on_leave_each_other_alone() {
    let pool = Pool::new(2);
    let other = pool.others[0];
    let spins = |ran: &Arc<AtomicUsize>| {
        let ran = Arc::clone(ran);
        pool.push_counted(usize::MAX, move |waker| {
            ran.fetch_add(1, SeqCst);
            waker.wake_by_ref();
        });
    };
    let (there, here) = (Arc::default(), Arc::default());
    spins(&there);
    assert!(!drive(other));
    spins(&here);
    for _ in 0..4 {
        let (before, own) = (there.load(SeqCst), here.load(SeqCst));
        assert!(!drive(pool.own));
        assert_eq!(there.load(SeqCst), before);
        assert!(!drive(other));
        assert_eq!(here.load(SeqCst), own + BATCH);
    }
}

/// It was polled, and would be parked after the next one, which blocks the thread.
#[test]
fn a_sweep_finds_a_payload_whose_driver_is_held_up() {
    let pool = Pool::new(2);
    let (other, lifetime) = (pool.others[0], Arc::clone(&pool.runtime.core().lifetime));
    let (queue, scheduler) = (Arc::clone(&pool.queue), Arc::clone(&pool.scheduler));
    for _ in 0..2 {
        pool.push_counted(usize::MAX, |_| {});
    }
    pool.push(move || async move {
        assert_eq!(kept(&scheduler), 3);
        assert!(lifetime.advance(Phase::Idle, Phase::Cancelling));
        queue.sweep(&(Arc::downgrade(&scheduler) as _));
        for _ in 0..4 {
            assert!(!drive(other));
        }
        assert_eq!(kept(&scheduler), 1);
    });
    assert!(!drive(pool.own));
    assert_eq!(pool.polls(), 2);
    assert!(pool.queue.has_parked_none());
}

/// Two looks are enough for each: one that takes what there is, and one that finds nothing and goes on to the next.
#[test]
fn a_busy_driver_takes_from_each_that_is_held_up() {
    for (drivers, busy) in (2..5).flat_map(|drivers| (0..drivers).map(move |busy| (drivers, busy)))
    {
        let pool = Pool::new(drivers);
        let push_to = |lane: usize, ends: usize| {
            let _here = Here::enter(&pool.queue, lane);
            pool.push_counted(ends, Waker::wake_by_ref);
        };
        push_to(busy, usize::MAX);
        assert!(!drive(busy));
        let (others, before) = (drivers - 1, pool.scheduler.unended());
        for round in 1..3 {
            (0..drivers)
                .filter(|lane| *lane != busy)
                .for_each(|lane| push_to(lane, 1));
            for _look in 0..2 * others - 1 {
                assert!(!drive(busy));
            }
            let left = pool.scheduler.unended() - before;
            assert_eq!(left, 0, "round {round}, driver {busy} of {drivers}");
        }
    }
}
