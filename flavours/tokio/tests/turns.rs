//! How payloads and tokio's own tasks take turns on a worker, and that a wake costs a second task only where one is needed.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::task::Poll;
use std::time::Duration;

use foster_core::{Key, Parallel, Runtime, Signals};
use foster_tokio::{TokioHandle, TokioMultiThread};
use tokio::runtime::{Builder, Handle};
use tokio::task::consume_budget;

const SOON: Duration = Duration::from_secs(20);

fn started() -> Runtime {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    runtime
}

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn one_worker() -> tokio::runtime::Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// Polled again and again, until that is over.
async fn spins(polls: Arc<AtomicUsize>, is_over: Arc<AtomicBool>) {
    poll_fn(|context| {
        polls.fetch_add(1, SeqCst);
        if is_over.load(SeqCst) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How many payloads are polled on the only worker for each turn of a task that is never idle.
fn polls_for_a_turn(key: impl Key<Payload = Parallel>) -> usize {
    const TURNS: usize = 200;
    let runtime = started();
    let (polls, is_over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
    for _ in 0..3 {
        let (polls, is_over) = (Arc::clone(&polls), Arc::clone(&is_over));
        runtime
            .adopt(key.clone(), move || spins(polls, is_over))
            .unwrap();
    }
    let (tell, told) = channel();
    let seen = Arc::clone(&polls);
    let watch = move || async move {
        let counts = async move {
            let (mut turns, mut first) = (0, 0);
            poll_fn(|context| {
                match turns {
                    // The payloads have begun by then.
                    10 => first = seen.load(SeqCst),
                    turns if turns == 10 + TURNS => return Poll::Ready(()),
                    _ => {}
                }
                turns += 1;
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            tell.send(seen.load(SeqCst) - first).unwrap();
        };
        drop(Handle::current().spawn(counts));
    };
    runtime.adopt(key, watch).unwrap();
    let polled = told.recv_timeout(SOON).expect("the task has its turns");
    is_over.store(true, SeqCst);
    end(&runtime);
    polled / TURNS
}

/// Neither after each payload, which costs as much as the payload, nor after as many as core allows.
#[test]
fn tokio_has_its_turn_after_some_payloads() {
    let own = polls_for_a_turn(TokioMultiThread.worker_threads(1));
    assert!((32..100).contains(&own), "{own} polls");
    let tokio = one_worker();
    let borrowed = polls_for_a_turn(TokioHandle::new(tokio.handle().clone()));
    assert!((8..32).contains(&borrowed), "{borrowed} polls");
}

/// All payloads of a worker share the budget of one task. Once that is spent, each poll would be in vain.
#[test]
fn a_payload_without_budget_is_not_polled_in_vain() {
    /// What a task may do in one poll, many times over.
    const STEPS: usize = 20 * 128;
    const PAYLOADS: usize = 40;
    let (runtime, polls) = (started(), Arc::new(AtomicUsize::new(0)));
    let (over, is_over) = channel();
    for _ in 0..PAYLOADS {
        let (polls, over) = (Arc::clone(&polls), over.clone());
        let steps = move || async move {
            let mut steps = Box::pin(async {
                for _ in 0..STEPS {
                    consume_budget().await;
                }
            });
            poll_fn(|context| {
                polls.fetch_add(1, SeqCst);
                steps.as_mut().poll(context)
            })
            .await;
            over.send(()).unwrap();
        };
        runtime
            .adopt(TokioMultiThread.worker_threads(1), steps)
            .unwrap();
    }
    for _ in 0..PAYLOADS {
        is_over.recv_timeout(SOON).expect("it goes on");
    }
    end(&runtime);
    // One poll uses up the budget of a turn, so each payload needs some 21.
    let polls = polls.load(SeqCst);
    assert!(polls < 30 * PAYLOADS, "{polls} polls");
}

/// Only code of a task can hold up a worker, so a wake from elsewhere needs no task that does nothing behind it.
#[test]
fn a_wake_from_elsewhere_is_followed_by_no_task() {
    let tokio = Builder::new_current_thread().enable_all().build().unwrap();
    let (runtime, key) = (started(), TokioHandle::new(tokio.handle().clone()));
    let is_asleep = || {
        for _ in 0..100 {
            tokio.block_on(async { tokio::task::yield_now().await });
        }
        assert_eq!(tokio.metrics().num_alive_tasks(), 1);
    };
    runtime.adopt(key.clone(), || async {}).unwrap();
    is_asleep();
    runtime.adopt(key.clone(), || async {}).unwrap();
    assert_eq!(tokio.metrics().num_alive_tasks(), 1);
    is_asleep();
    {
        let _inside = tokio.enter();
        runtime.adopt(key.clone(), || async {}).unwrap();
    }
    assert_eq!(tokio.metrics().num_alive_tasks(), 1);
    is_asleep();
    runtime.shutdown();
    tokio.block_on(runtime.wait_async()).unwrap();
}
