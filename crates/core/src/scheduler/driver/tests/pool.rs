//! Several drivers of one queue, each polled by the test: what one does for the others.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::Wake;

use super::*;
use crate::Shutdown;

mod held_up;
mod turns;

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

struct ByHand {
    driver: Pin<Box<dyn Future<Output = ()>>>,
    wakes: Arc<Wakes>,
}

thread_local! {
    /// The drivers, but for those that are being polled.
    static DRIVERS: RefCell<Vec<Option<ByHand>>> = const { RefCell::new(Vec::new()) };
    /// Called once by the first driver that has polled a payload, before it parks that.
    static AFTER_POLL: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Polls a driver until it sleeps, gives way, or is over. Returns whether it is over.
fn drive(number: usize) -> bool {
    let taken = DRIVERS.with_borrow_mut(|drivers| drivers[number].take());
    let mut by_hand = taken.expect("it is not being polled");
    let waker = Waker::from(Arc::clone(&by_hand.wakes));
    let mut context = Context::from_waker(&waker);
    let is_over = by_hand.driver.as_mut().poll(&mut context).is_ready();
    DRIVERS.with_borrow_mut(|drivers| drivers[number] = Some(by_hand));
    is_over
}

/// How often each driver was woken.
fn wakes() -> Vec<usize> {
    let wakes = |by_hand: &Option<ByHand>| by_hand.as_ref().unwrap().wakes.0.load(SeqCst);
    DRIVERS.with_borrow(|drivers| drivers.iter().map(wakes).collect())
}

fn after_poll() -> bool {
    if let Some(call) = AFTER_POLL.take() {
        call();
    }
    false
}

/// A queue of several drivers, all of which sleep.
struct Pool {
    runtime: Runtime,
    scheduler: Arc<Scheduler>,
    queue: Arc<RunQueue>,
    /// The driver whose lane takes what comes from the test, and those that look there, in the order in which they are woken.
    own: usize,
    others: Vec<usize>,
    polls: Arc<AtomicUsize>,
    wakers: Arc<Mutex<Vec<Waker>>>,
}

impl Pool {
    fn new(drivers: usize) -> Self {
        let (runtime, scheduler) = scheduler();
        let queue = Arc::new(RunQueue::with_lanes(drivers));
        let by_hand = |lane| {
            let queue = Arc::clone(&queue);
            let driver = async move { queue.drive(lane, pause, after_poll).await };
            Some(ByHand {
                driver: Box::pin(driver),
                wakes: Arc::default(),
            })
        };
        DRIVERS.set((0..drivers).map(by_hand).collect());
        for number in 0..drivers {
            assert!(!drive(number));
        }
        assert!(queue.is_asleep());
        let own = queue.lane_here();
        Self {
            runtime,
            scheduler,
            queue,
            own,
            others: (own + 1..drivers).chain(0..own).collect(),
            polls: Arc::default(),
            wakers: Arc::default(),
        }
    }

    /// How often each was woken: the own one first, then the others.
    fn wakes(&self) -> Vec<usize> {
        let wakes = wakes();
        let order = [self.own].into_iter().chain(self.others.iter().copied());
        order.map(|number| wakes[number]).collect()
    }

    fn polls(&self) -> usize {
        self.polls.load(SeqCst)
    }

    fn push<A: Future<Output = ()> + 'static>(&self, make: impl FnOnce() -> A + Send + 'static) {
        push(&self.queue, &self.scheduler, make);
    }

    /// A payload that counts its polls, does `also` in each, and ends with its poll of this number.
    fn push_counted(&self, ends: usize, also: impl Fn(&Waker) + Send + 'static) {
        let (polls, wakers) = (Arc::clone(&self.polls), Arc::clone(&self.wakers));
        let mut own_polls = 0;
        self.push(move || {
            poll_fn(move |context| {
                polls.fetch_add(1, SeqCst);
                own_polls += 1;
                if own_polls == 1 {
                    wakers.lock().unwrap().push(context.waker().clone());
                }
                also(context.waker());
                match own_polls == ends {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
        });
    }

    /// Has as many payloads polled once by the own driver, and parked there, which end when they are woken.
    fn park(&self, number: usize) {
        for _ in 0..number {
            self.push_counted(2, |_| {});
        }
        while !self.queue.is_asleep() {
            for number in [self.own].iter().chain(&self.others) {
                assert!(!drive(*number));
            }
        }
        assert_eq!(kept(&self.scheduler), number);
    }

    fn wake_parked(&self) {
        let wakers = mem::take(&mut *self.wakers.lock().unwrap());
        wakers.into_iter().for_each(Waker::wake);
    }

    fn begin(&self, phase: Phase) {
        assert!(self.runtime.core().lifetime.advance(Phase::Idle, phase));
        self.queue.sweep(&(Arc::downgrade(&self.scheduler) as _));
    }
}

#[test]
fn each_arrival_wakes_one_driver() {
    let pool = Pool::new(3);
    for woken in [[1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1]] {
        pool.push_counted(1, |_| {});
        assert_eq!(pool.wakes(), woken);
    }
    // One is enough for all of it.
    assert!(!drive(pool.others[1]));
    assert_eq!(pool.polls(), 4);
    assert!(!drive(pool.own));
    assert!(!drive(pool.others[0]));
    assert!(pool.queue.is_asleep());
    assert_eq!(pool.wakes(), [1, 1, 1]);
}

/// New or woken: it waits behind no payload that blocks its thread.
#[test]
fn what_waits_behind_a_payload_is_polled_by_another_driver() {
    let pool = Pool::new(2);
    pool.park(3);
    assert_eq!(pool.polls(), 3);
    let (other, polls) = (pool.others[0], Arc::clone(&pool.polls));
    let seen = Arc::clone(&polls);
    pool.push(move || async move {
        assert!(!drive(other));
        seen.fetch_add(100, SeqCst);
    });
    for _ in 0..5 {
        let polls = Arc::clone(&polls);
        pool.push(move || async move {
            assert!(polls.fetch_add(1, SeqCst) < 100, "it waited");
        });
    }
    pool.wake_parked();
    assert!(!drive(pool.own));
    assert_eq!(pool.polls(), 111);
    assert_eq!(kept(&pool.scheduler), 0);
}

/// Another one polls it, while its driver is held up by the next.
#[test]
fn what_wakes_itself_is_there_for_another_driver() {
    let pool = Pool::new(2);
    pool.push_counted(3, Waker::wake_by_ref);
    let (other, polls) = (pool.others[0], Arc::clone(&pool.polls));
    pool.push(move || async move {
        assert!(polls.load(SeqCst) < 3);
        assert!(!drive(other));
        assert_eq!(polls.load(SeqCst), 3);
    });
    assert!(!drive(pool.own));
    assert_eq!(pool.polls(), 3);
    assert_eq!(kept(&pool.scheduler), 0);
}

#[test]
fn a_driver_that_always_has_work_looks_at_the_others() {
    let pool = Pool::new(2);
    let other = pool.others[0];
    pool.push_counted(usize::MAX, Waker::wake_by_ref);
    assert!(!drive(other));
    let (spins, ran) = (pool.polls(), Arc::new(AtomicUsize::new(0)));
    assert_eq!(spins, BATCH);
    let runs = Arc::clone(&ran);
    pool.push(move || async move {
        runs.fetch_add(1, SeqCst);
    });
    assert!(!drive(other));
    assert_eq!(ran.load(SeqCst), 1);
    assert_eq!(pool.polls(), 2 * BATCH - 1);
}

/// It is parked where it was polled first, and taken out there, whoever has polled it last.
#[test]
fn a_payload_that_ends_on_another_driver_is_forgotten() {
    let pool = Pool::new(3);
    pool.park(5);
    pool.wake_parked();
    assert!(!drive(pool.others[1]));
    assert_eq!(pool.polls(), 10);
    assert_eq!(kept(&pool.scheduler), 0);
    assert!(pool.queue.has_parked_none());
}

/// Woken, polled by another driver and over between its first poll and the moment at which it would be parked.
#[test]
fn a_payload_that_is_over_before_it_is_parked_is_forgotten() {
    let pool = Pool::new(2);
    let (other, wakers) = (pool.others[0], Arc::clone(&pool.wakers));
    pool.push_counted(2, |_| {});
    AFTER_POLL.set(Some(Box::new(move || {
        wakers.lock().unwrap().pop().unwrap().wake();
        assert!(!drive(other));
    })));
    assert!(!drive(pool.own));
    assert_eq!(pool.polls(), 2);
    assert_eq!(kept(&pool.scheduler), 0);
    assert!(pool.queue.has_parked_none());
}

/// Of a cancel, and of a stop if it has a token; of a stop alone it need not hear.
#[test]
fn a_payload_that_a_sweep_has_missed_hears_of_it() {
    for (phase, has_token, polls, left) in [
        (Phase::Cancelling, false, 1, 0),
        (Phase::Stopping, true, 2, 1),
        (Phase::Stopping, false, 1, 1),
    ] {
        let pool = Pool::new(2);
        let (other, lifetime) = (pool.others[0], Arc::clone(&pool.runtime.core().lifetime));
        let (queue, scheduler) = (Arc::clone(&pool.queue), Arc::downgrade(&pool.scheduler));
        let tokens = Mutex::new(None);
        pool.push_counted(usize::MAX, move |_| {
            if has_token {
                tokens.lock().unwrap().get_or_insert_with(Shutdown::current);
            }
        });
        AFTER_POLL.set(Some(Box::new(move || {
            assert!(lifetime.advance(Phase::Idle, phase));
            queue.sweep(&(scheduler as _));
            // The sweep is over before the payload is parked.
            for _ in 0..4 {
                assert!(!drive(other));
            }
        })));
        for number in [pool.own, other, pool.own, other] {
            assert!(!drive(number));
        }
        assert_eq!(pool.polls(), polls);
        assert_eq!(kept(&pool.scheduler), left);
        assert_eq!(pool.queue.has_parked_none(), left == 0);
    }
}

/// Also of what is parked with a driver that is held up, and of more than fit into one batch.
#[test]
fn any_driver_sweeps_all_lanes() {
    let pool = Pool::new(3);
    let number = 2 * Batch::ROOM + 2;
    pool.park(number);
    pool.begin(Phase::Cancelling);
    for _ in 0..12 {
        assert!(!drive(pool.others[0]));
    }
    assert_eq!(kept(&pool.scheduler), 0);
    assert_eq!(pool.polls(), number);
    assert!(pool.queue.has_parked_none());
    // No payload is on its way with a sweep that was taken alone.
    pool.queue.close();
    assert!(pool.queue.is_over());
}

/// Those who slept before the sweep has found anything are woken for it, one by one: not for a single payload, which its finder
/// polls.
#[test]
fn a_sweep_wakes_others_for_what_it_finds() {
    for (found, woken) in [(1, [0, 0]), (2, [1, 0]), (3, [1, 1])] {
        let pool = Pool::new(3);
        pool.park(Batch::ROOM + found);
        pool.begin(Phase::Cancelling);
        // It gives way when it has passed as many as there is room for. The others end these, and sleep.
        assert!(!drive(pool.own));
        for _ in 0..4 {
            assert!(!drive(pool.others[0]));
            assert!(!drive(pool.others[1]));
        }
        assert_eq!(kept(&pool.scheduler), found);
        let before = pool.wakes();
        assert!(!drive(pool.own));
        let since = |after: Vec<usize>| [after[1] - before[1], after[2] - before[2]];
        assert_eq!(since(pool.wakes()), [woken[0], 0]);
        // Whoever takes several of them wakes the next.
        if woken[0] > 0 {
            assert!(!drive(pool.others[0]));
            assert_eq!(since(pool.wakes()), woken);
        }
        assert!(!drive(pool.own));
        assert_eq!(kept(&pool.scheduler), 0);
    }
}

#[test]
fn drivers_end_when_the_last_payload_is_over() {
    let pool = Pool::new(2);
    let other = pool.others[0];
    pool.park(1);
    pool.queue.close();
    assert!(!drive(pool.own));
    assert!(!drive(other));
    let before = pool.wakes();
    pool.wake_parked();
    assert_eq!(pool.wakes(), [before[0] + 1, before[1]]);
    // Whoever finds out tells the rest.
    assert!(drive(pool.own));
    assert_eq!(pool.wakes(), [before[0] + 1, before[1] + 1]);
    assert!(drive(other));
}

#[test]
fn a_driver_that_is_gone_is_not_woken() {
    let pool = Pool::new(2);
    DRIVERS.with_borrow_mut(|drivers| {
        drivers[pool.own].as_mut().unwrap().driver = Box::pin(pending())
    });
    pool.push_counted(1, |_| {});
    assert_eq!(pool.wakes(), [0, 1]);
    assert!(!drive(pool.others[0]));
    assert_eq!(pool.polls(), 1);
}

/// Of its own queue: another one may have less lanes.
#[test]
fn what_a_driver_hands_in_comes_to_its_lane() {
    let wide = RunQueue::with_lanes(9);
    for lane in 0..9 {
        let _here = Here::enter(&wide, lane);
        assert_eq!(wide.lane_here(), lane);
    }
    let pool = Pool::new(2);
    let _here = Here::enter(&wide, 8);
    pool.push_counted(1, |_| {});
    assert_eq!(pool.wakes(), [1, 0]);
    assert!(!drive(pool.own));
    assert_eq!(pool.polls(), 1);
}
