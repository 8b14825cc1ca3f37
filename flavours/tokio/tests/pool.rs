//! A payload that blocks a worker of the pool holds up nobody else.

use std::future::poll_fn;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{AdoptErrorKind, Key, Parallel, Runtime, Signals};
use foster_tokio::{TokioHandle, TokioMultiThread};
use tokio::io::AsyncReadExt;
use tokio::runtime::Builder;

const SOON: Duration = Duration::from_secs(20);

/// Tests of a key whose tokio runtime has two workers: Foster's own, and one that is there.
macro_rules! on_two_workers {
    ($($test:ident),*) => {$(
        mod $test {
            use super::*;

            #[test]
            fn on_its_own_runtime() {
                super::$test(TokioMultiThread.worker_threads(2));
            }

            #[test]
            fn on_a_handle() {
                let mut builder = Builder::new_multi_thread();
                let tokio = builder.worker_threads(2).enable_all().build().unwrap();
                super::$test(TokioHandle::new(tokio.handle().clone()));
            }
        }
    )*};
}

on_two_workers!(
    what_a_blocked_worker_waits_for_runs_on_the_other,
    what_has_given_way_is_not_held_up_by_one_that_blocks,
    nothing_waits_for_ever_behind_one_that_blocks
);

fn started() -> Runtime {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    runtime
}

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Tokio alone would keep what was woken last for the worker that blocks.
fn what_a_blocked_worker_waits_for_runs_on_the_other(key: impl Key<Payload = Parallel>) {
    let runtime = started();
    for _ in 0..300 {
        let (inner, own, (over, is_over)) = (runtime.clone(), key.clone(), channel());
        let blocks = move || async move {
            for _ in 0..3 {
                let (tell, told) = channel();
                inner
                    .adopt(own.clone(), move || async move { tell.send(()).unwrap() })
                    .unwrap();
                told.recv_timeout(SOON).expect("the other worker runs it");
            }
            over.send(()).unwrap();
        };
        runtime.adopt(key.clone(), blocks).unwrap();
        is_over.recv_timeout(SOON).expect("it goes on");
    }
    end(&runtime);
}

/// Whatever has had its turns for so long that tokio had one in between.
fn what_has_given_way_is_not_held_up_by_one_that_blocks(key: impl Key<Payload = Parallel>) {
    let runtime = started();
    for _ in 0..20 {
        let (done, release) = (Arc::new(AtomicUsize::new(0)), channel());
        for _ in 0..400 {
            let done = Arc::clone(&done);
            let payload = move || {
                let mut polls = 0;
                poll_fn(move |context| {
                    polls += 1;
                    if polls > 3 {
                        done.fetch_add(1, SeqCst);
                        return Poll::Ready(());
                    }
                    context.waker().wake_by_ref();
                    Poll::Pending
                })
            };
            runtime.adopt(key.clone(), payload).unwrap();
        }
        let blocks = move || async move {
            release.1.recv_timeout(SOON).expect("the others go on");
        };
        runtime.adopt(key.clone(), blocks).unwrap();
        let deadline = Instant::now() + SOON;
        while done.load(SeqCst) < 400 {
            assert!(Instant::now() < deadline, "one that blocks holds them up");
            thread::yield_now();
        }
        release.0.send(()).unwrap();
    }
    end(&runtime);
}

/// Also if the other worker has work without an end: wherever a payload was put, it comes to that.
fn nothing_waits_for_ever_behind_one_that_blocks(key: impl Key<Payload = Parallel>) {
    let runtime = started();
    let ((release, released), over) = (channel::<()>(), Arc::new(AtomicBool::new(false)));
    let (blocks, is_blocked) = channel();
    runtime
        .adopt(key.clone(), move || async move {
            blocks.send(()).unwrap();
            let _ = released.recv_timeout(SOON);
        })
        .unwrap();
    is_blocked.recv_timeout(SOON).unwrap();
    let is_over = Arc::clone(&over);
    let busy = move || {
        poll_fn(move |context| match is_over.load(SeqCst) {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
    };
    runtime.adopt(key.clone(), busy).unwrap();
    let (done, all_done) = channel();
    thread::scope(|scope| {
        for _ in 0..8 {
            let (runtime, key, done) = (&runtime, key.clone(), done.clone());
            scope.spawn(move || {
                let payload = move || async move { done.send(()).unwrap() };
                runtime.adopt(key, payload).unwrap();
            });
        }
    });
    for _ in 0..8 {
        all_done.recv_timeout(SOON).expect("it has its turn");
    }
    over.store(true, SeqCst);
    drop(release);
    end(&runtime);
}

#[test]
fn a_handle_of_another_runtime_is_another_key() {
    let [one, another] = [(); 2].map(|()| Builder::new_multi_thread().build().unwrap());
    let runtime = started();
    let key = |tokio: &tokio::runtime::Runtime| TokioHandle::new(tokio.handle().clone());
    runtime.adopt(key(&one), || async {}).unwrap();
    runtime.adopt(key(&one), || async {}).unwrap();
    let refused = runtime.adopt(key(&another), || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Conflict);
    end(&runtime);
}

/// As soon as other payloads have had some hundred turns, however busy the workers are. Judged by turns, as time is the machine's.
#[test]
fn a_socket_is_heard_while_all_workers_are_busy() {
    const ONE: TokioMultiThread = TokioMultiThread::new().worker_threads(1);
    let (runtime, polls) = (started(), Arc::new(AtomicU64::new(0)));
    let is_over = Arc::new(AtomicBool::new(false));
    for _ in 0..4 {
        let (polls, is_over) = (Arc::clone(&polls), Arc::clone(&is_over));
        let busy = move || {
            poll_fn(move |context| {
                let begin = Instant::now();
                while begin.elapsed() < Duration::from_micros(20) {}
                polls.fetch_add(1, SeqCst);
                if is_over.load(SeqCst) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
        };
        runtime.adopt(ONE, busy).unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    far.set_nonblocking(true).unwrap();
    let (heard, is_heard) = channel();
    let seen = Arc::clone(&polls);
    let listens = move || async move {
        let mut far = tokio::net::TcpStream::from_std(far).unwrap();
        while far.read_exact(&mut [0]).await.is_ok() {
            heard.send(seen.load(SeqCst)).unwrap();
        }
    };
    runtime.adopt(ONE, listens).unwrap();
    let mut turns: Vec<u64> = (0..15)
        .map(|_| {
            // It waits by then.
            let later = polls.load(SeqCst) + 300;
            while polls.load(SeqCst) < later {
                thread::yield_now();
            }
            let before = polls.load(SeqCst);
            near.write_all(&[0]).unwrap();
            is_heard.recv_timeout(SOON).unwrap() - before
        })
        .collect();
    turns.sort_unstable();
    // Tokio's own number, with a driver of 128 payloads, gives four thousand.
    assert!(turns[7] < 1_000, "{turns:?} turns until it is heard");
    is_over.store(true, SeqCst);
    drop(near);
    end(&runtime);
}
