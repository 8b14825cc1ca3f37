//! In which order a driver polls what is new and what was woken.

use super::*;

/// However many there are of the other kind.
#[test]
fn new_and_woken_payloads_take_turns() {
    let pool = Pool::new(2);
    let (begun, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (others, sees) = (Arc::clone(&begun), Arc::clone(&seen));
    pool.push_counted(2, move |_| sees.store(others.load(SeqCst), SeqCst));
    assert!(!drive(pool.own));
    for _ in 0..50 {
        let begun = Arc::clone(&begun);
        pool.push(move || async move {
            begun.fetch_add(1, SeqCst);
        });
    }
    pool.wake_parked();
    assert!(!drive(pool.own));
    assert_eq!((pool.polls(), begun.load(SeqCst)), (2, 50));
    assert!(seen.load(SeqCst) < 2, "{seen:?} new ones before it");
    // A new one beside one that never rests.
    let (before, polls) = (pool.polls(), Arc::clone(&pool.polls));
    pool.push_counted(50, Waker::wake_by_ref);
    let sees = Arc::clone(&seen);
    pool.push(move || async move { sees.store(polls.load(SeqCst), SeqCst) });
    assert!(!drive(pool.own));
    let turns = seen.load(SeqCst) - before;
    assert!((1..4).contains(&turns), "{turns} turns before it");
}

/// However many there are, and whichever driver comes to them.
#[test]
fn each_woken_payload_has_its_turn_beside_new_ones() {
    // Another driver takes half of each kind.
    for (takes_share, woken) in [(false, 4), (true, 2)] {
        let pool = Pool::new(2);
        let order = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..4 {
            let order = Arc::clone(&order);
            pool.push_counted(2, move |_| order.lock().unwrap().push("woken"));
        }
        assert!(!drive(pool.own));
        order.lock().unwrap().clear();
        for _ in 0..50 {
            let order = Arc::clone(&order);
            pool.push(move || async move { order.lock().unwrap().push("new") });
        }
        pool.wake_parked();
        assert!(!drive(if takes_share {
            pool.others[0]
        } else {
            pool.own
        }));
        let order = order.lock().unwrap();
        let first = &order[..2 * woken + 1];
        let had_turn = first.iter().filter(|kind| **kind == "woken").count();
        assert_eq!(had_turn, woken, "{order:?}");
    }
}
