//! A runtime that exists already, driven by itself, by its owner, or by nobody.

use super::*;

once!(
    e4_execute_on_a_thread_that_a_borrowed_runtime_needs_is_refused,
    e4_execute_beside_the_workers_of_a_borrowed_runtime_is_taken,
    e4_a_ring_through_a_borrowed_runtime_is_refused,
    e4_execute_is_refused_again_where_a_thread_drives_a_borrowed_runtime_again,
    s3_payloads_on_a_runtime_that_nobody_drives_are_named,
    on_a_handle_payloads_are_watched_and_the_runtime_goes_on,
    f2_a_runtime_that_ends_first_loses_its_payloads,
    inside_tokio_main_nothing_blocks,
);

/// A runtime of one thread that runs tasks: its own, or a worker.
fn of_one_thread(is_pool: bool) -> tokio::runtime::Runtime {
    let mut builder = match is_pool {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// Runs `code` on the thread that runs the tasks of `outside`.
fn on_its_thread<T: Send + 'static>(
    outside: &tokio::runtime::Runtime,
    code: impl Future<Output = T> + Send + 'static,
) -> T {
    let task = outside.spawn(code);
    outside.block_on(task).unwrap()
}

fn e4_execute_on_a_thread_that_a_borrowed_runtime_needs_is_refused() {
    for is_pool in [false, true] {
        for has_polled in [false, true] {
            let outside = of_one_thread(is_pool);
            let key = TokioHandle::new(outside.handle().clone());
            let runtime = started();
            let inner = runtime.clone();
            let error = on_its_thread(&outside, async move {
                if has_polled {
                    inner.call(key.clone(), || async {}).await.unwrap();
                }
                let error = inner.execute(key.clone(), || async {}).unwrap_err();
                // It is no matter of the first time.
                assert!(inner.execute(key, || async {}).is_err());
                error
            });
            assert_eq!(error.kind(), ExecuteErrorKind::Deadlock, "{error}");
            let text = error.to_string();
            assert!(text.contains("whose thread this is"), "{text}");
            assert!(text.contains("`call`"), "{text}");
            runtime.shutdown();
            runtime.wait().unwrap();
        }
    }
    // The thread of `main` itself, where that drives the runtime.
    let outside = of_one_thread(false);
    let runtime = started();
    let inner = runtime.clone();
    let refused = async move { inner.execute(TokioHandle::current(), || async {}) };
    let error = outside.block_on(refused).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Deadlock, "{error}");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_execute_beside_the_workers_of_a_borrowed_runtime_is_taken() {
    let outside = of_one_thread(true);
    let key = TokioHandle::new(outside.handle().clone());
    let runtime = started();
    let execute = {
        let (runtime, key) = (runtime.clone(), key.clone());
        move || runtime.execute(key.clone(), || async { 1 }).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(execute(), 1);
        assert_eq!(outside.block_on(async { execute() }), 1);
        let job = execute.clone();
        let job = async { tokio::task::spawn_blocking(job).await };
        let job = on_its_thread(&outside, job);
        assert_eq!(job.unwrap(), 1);
        let in_place = execute.clone();
        let value = on_its_thread(&outside, async { tokio::task::block_in_place(in_place) });
        assert_eq!(value, 1);
        // From here on the worker is known for having polled payloads.
        let first = runtime.call(key.clone(), || async {});
        on_its_thread(&outside, first).unwrap();
    }
    runtime.shutdown();
    runtime.wait().unwrap();

    // A thread that drove the runtime once, while another one does.
    let outside = of_one_thread(false);
    let key = TokioHandle::new(outside.handle().clone());
    let runtime = started();
    outside
        .block_on(runtime.call(key.clone(), || async {}))
        .unwrap();
    let (over, is_over) = tokio::sync::oneshot::channel::<()>();
    let driver = thread::spawn(move || outside.block_on(is_over).unwrap());
    assert_eq!(runtime.execute(key, || async { 1 }).unwrap(), 1);
    over.send(()).unwrap();
    driver.join().unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_a_ring_through_a_borrowed_runtime_is_refused() {
    let outside = of_one_thread(false);
    let key = TokioHandle::new(outside.handle().clone());
    let runtime = started();
    // The flavour is known, and nothing of it was polled.
    runtime.adopt(key.clone(), || async {}).unwrap();
    let (inner, outer) = (runtime.clone(), runtime.clone());
    let ring = async move {
        inner.execute(Smol, move || async move {
            outer.execute(key, || async {}).unwrap_err()
        })
    };
    let error = outside.block_on(ring).unwrap();
    assert_eq!(error.kind(), ExecuteErrorKind::Deadlock, "{error}");
    let text = error.to_string();
    assert!(text.contains("this thread → smol"), "{text}");
    runtime.shutdown();
    outside.block_on(runtime.wait_async()).unwrap();
}

fn e4_execute_is_refused_again_where_a_thread_drives_a_borrowed_runtime_again() {
    let outside = of_one_thread(false);
    let key = TokioHandle::new(outside.handle().clone());
    let runtime = started();
    for _ in 0..2 {
        let refused = async { runtime.execute(key.clone(), || async {}) };
        let error = outside.block_on(refused).unwrap_err();
        assert_eq!(error.kind(), ExecuteErrorKind::Deadlock, "{error}");
        // Where it does not drive it, it may wait for others.
        assert_eq!(runtime.execute(Smol, || async { 1 }).unwrap(), 1);
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn s3_payloads_on_a_runtime_that_nobody_drives_are_named() {
    let short = Duration::from_millis(100);
    let runtime = builder().grace(short).cancel_timeout(short).build();
    let outside = of_one_thread(false);
    let key = TokioHandle::new(outside.handle().clone());
    let dropped = Event::new();
    for name in ["before the start", "after the start"] {
        let is_dropped = dropped.clone();
        let on_drop = OnDrop(move || is_dropped.happen());
        let payload = move || async move { drop(on_drop) };
        runtime.named(name).adopt(key.clone(), payload).unwrap();
        let _ = runtime.start();
    }
    let inner = runtime.clone();
    let asks = thread::spawn(move || inner.shutdown());
    // Blocks the one thread that could poll them.
    let error = outside.block_on(async { runtime.wait() }).unwrap_err();
    asks.join().unwrap();
    let stragglers: Vec<_> = error
        .stragglers()
        .iter()
        .map(|one| (one.payload(), one.flavour(), one.reason()))
        .collect();
    let kept = |name| (Some(name), "tokio::runtime::handle", StragglerReason::Kept);
    assert_eq!(
        stragglers,
        [kept("before the start"), kept("after the start")],
        "{error}"
    );
    assert!(!error.to_string().contains("executor thread"), "{error}");
    // What is left of them goes with the runtime that has them.
    assert!(!dropped.has_happened());
    drop(outside);
    dropped.expect("they are dropped");
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn on_a_handle_payloads_are_watched_and_the_runtime_goes_on() {
    let outside = tokio_runtime();
    let key = TokioHandle::new(outside.handle().clone());
    let runtime = started();
    assert_eq!(runtime.execute(key.clone(), || async { 1 }).unwrap(), 1);
    let own = outside.spawn(pending::<()>());
    runtime
        .named("watched")
        .adopt(key, || async { Err::<(), _>("seen") })
        .unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].payload(), "watched");
    assert!(!own.is_finished(), "other tasks are not touched");
    assert_eq!(outside.block_on(async { 2 }), 2);
}

fn f2_a_runtime_that_ends_first_loses_its_payloads() {
    let outside = tokio_runtime();
    let runtime = started();
    let polled = Event::new();
    let has_polled = polled.clone();
    runtime
        .named("homeless")
        .adopt(
            TokioHandle::new(outside.handle().clone()),
            move || async move {
                has_polled.happen();
                pending::<()>().await;
            },
        )
        .unwrap();
    polled.expect("the payload runs");
    drop(outside);
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(error.failures()[0].payload(), "homeless");
}

fn inside_tokio_main_nothing_blocks() {
    for workers in 0..2 {
        let outside = match workers {
            0 => tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build(),
            _ => tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build(),
        };
        outside.unwrap().block_on(async {
            let runtime: Runtime = started();
            let key = TokioHandle::current();
            let value = runtime
                .call(key.clone(), || async { tokio::task::id() })
                .await;
            assert!(value.is_ok());
            let handle = runtime.clone();
            runtime
                .adopt(key, move || async move {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    assert_eq!(handle.call(Thread, || 3).await.unwrap(), 3);
                    handle.shutdown();
                })
                .unwrap();
            runtime.wait_async().await.unwrap();
        });
    }
}
