//! A pool of the runtime's own.

use super::*;

once!(
    a2_parallels_are_dropped_inside_their_executor,
    e4_execute_on_the_own_pool_is_refused,
    e4_a_ring_is_refused_only_if_all_threads_are_blocked,
    #[cfg(target_os = "linux")]
    l5_the_workers_end_with_the_run,
    s3_a_blocked_worker_is_named_and_blocking_jobs_are_left_behind,
    s3_a_pool_is_not_blamed_for_a_stuck_flavour,
    settings_are_the_keys,
);

fn a2_parallels_are_dropped_inside_their_executor() {
    let runtime = started();
    let (polled, dropped) = (Event::new(), Event::new());
    let (is_polled, is_dropped) = (polled.clone(), dropped.clone());
    runtime
        .adopt(POOL, move || async move {
            let _on_drop = OnDrop(move || {
                // Panics outside of a tokio runtime.
                let _timer = Box::pin(tokio::time::sleep(Duration::from_secs(1)));
                tokio::spawn(async {});
                is_dropped.happen();
            });
            is_polled.happen();
            pending::<()>().await;
        })
        .unwrap();
    polled.expect("the payload runs");
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(dropped.has_happened());
}

fn e4_execute_on_the_own_pool_is_refused() {
    let runtime = started();
    let inner = runtime.clone();
    let kind = runtime.execute(POOL, move || async move {
        inner.execute(POOL, || async {}).unwrap_err().kind()
    });
    assert_eq!(kind.unwrap(), ExecuteErrorKind::Deadlock);
    // In tasks beside the payloads as well, on whatever worker they are.
    let inner = runtime.clone();
    let kinds = runtime.execute(POOL, move || async move {
        let mut kinds = Vec::new();
        for _ in 0..10 {
            let inner = inner.clone();
            let task = async move { inner.execute(POOL, || async {}).unwrap_err().kind() };
            kinds.push(tokio::spawn(task).await.unwrap());
        }
        kinds
    });
    assert_eq!(kinds.unwrap(), [ExecuteErrorKind::Deadlock; 10]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_a_ring_is_refused_only_if_all_threads_are_blocked() {
    let runtime = started();
    let nudging = Nudging::start(&runtime, POOL);
    // Both workers are known to the runtime, as both have run a payload.
    let both = Arc::new(Barrier::new(2));
    let calls = [(); 2].map(|()| {
        let both = Arc::clone(&both);
        runtime.call(POOL, move || async move {
            both.wait();
        })
    });
    futures_lite::future::block_on(async {
        let [one, two] = calls;
        let (one, two) = futures_lite::future::zip(one, two).await;
        one.unwrap();
        two.unwrap();
    });
    for blocked_workers in 1..=2 {
        let (blocked, go) = (Arc::new(AtomicUsize::new(0)), Event::new());
        let done = Arc::new(AtomicUsize::new(0));
        // Holds smol's thread until as many workers as wanted wait for it.
        let (count, outer, its_go) = (Arc::clone(&blocked), runtime.clone(), go.clone());
        let holder = runtime.call(Smol, move || async move {
            its_go.happen();
            while count.load(SeqCst) < blocked_workers {
                thread::yield_now();
            }
            outer
                .execute(POOL, || async { 1 })
                .map_err(|error| error.kind())
        });
        let holder = thread::spawn(move || futures_lite::future::block_on(holder));
        go.expect("smol's thread is held");
        for _ in 0..blocked_workers {
            let (inner, count, done) = (runtime.clone(), Arc::clone(&blocked), Arc::clone(&done));
            runtime
                .adopt(POOL, move || async move {
                    count.fetch_add(1, SeqCst);
                    let _ = inner.execute(Smol, || async {});
                    done.fetch_add(1, SeqCst);
                })
                .unwrap();
        }
        let value = holder.join().unwrap().unwrap();
        if blocked_workers == 1 {
            assert_eq!(value, Ok(1), "the other worker is free");
        }
        // Whoever came second was refused if both were blocked; nobody hangs either way.
        while done.load(SeqCst) < blocked_workers {
            thread::yield_now();
        }
    }
    drop(nudging);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[cfg(target_os = "linux")]
fn l5_the_workers_end_with_the_run() {
    const OWN: TokioMultiThread = TokioMultiThread::new()
        .worker_threads(3)
        .thread_name("p::l5");
    let runtime = started();
    runtime.execute(OWN, || async {}).unwrap();
    assert!(threads_named("p::l5") > 0);
    runtime.shutdown();
    runtime.wait().unwrap();
    // A thread that has ended leaves the kernel's list a moment later.
    let deadline = Instant::now() + Duration::from_millis(500);
    while threads_named("p::l5") > 0 {
        assert!(Instant::now() < deadline, "a worker is still there");
        thread::yield_now();
    }
}

fn s3_a_blocked_worker_is_named_and_blocking_jobs_are_left_behind() {
    let short = Duration::from_millis(100);
    let runtime = builder().grace(short).cancel_timeout(short).build();
    runtime.start().unwrap();
    let (blocked, job, go) = (Event::new(), Event::new(), Event::new());
    let (is_blocked, is_job, its_go) = (blocked.clone(), job.clone(), go.clone());
    let job_go = go.clone();
    runtime
        .named("blocker")
        .adopt(POOL, move || async move {
            is_blocked.happen();
            block_until(&its_go);
        })
        .unwrap();
    runtime
        .adopt(Tokio, move || async move {
            tokio::task::spawn_blocking(move || {
                is_job.happen();
                block_until(&job_go);
            });
        })
        .unwrap();
    blocked.expect("a worker is blocked");
    job.expect("the job runs");
    let start = Instant::now();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert!(start.elapsed() < SOON);
    let [blocker] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(blocker.payload(), Some("blocker"));
    assert_eq!(blocker.reason(), StragglerReason::Blocking { others: 0 });
    go.happen();

    let runtime = started();
    let (job, go) = (Event::new(), Event::new());
    let (is_job, job_go) = (job.clone(), go.clone());
    runtime
        .adopt(POOL, move || async move {
            tokio::task::spawn_blocking(move || {
                is_job.happen();
                block_until(&job_go);
            });
        })
        .unwrap();
    job.expect("the job runs");
    let start = Instant::now();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "it is not waited for"
    );
    go.happen();
}

fn s3_a_pool_is_not_blamed_for_a_stuck_flavour() {
    let short = Duration::from_millis(100);
    let runtime = builder().grace(short).cancel_timeout(short).build();
    runtime.start().unwrap();
    runtime.execute(POOL, || async {}).unwrap();
    let (blocked, go) = (Event::new(), Event::new());
    let (is_blocked, its_go) = (blocked.clone(), go.clone());
    runtime
        .named("blocker")
        .adopt(Smol, move || async move {
            is_blocked.happen();
            block_until(&its_go);
        })
        .unwrap();
    blocked.expect("smol's thread is blocked");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    go.happen();
    let stragglers: Vec<_> = error.stragglers().iter().map(|one| one.payload()).collect();
    assert_eq!(stragglers, [Some("blocker")], "{error}");
}

fn settings_are_the_keys() {
    let runtime = started();
    runtime.execute(POOL, || async {}).unwrap();
    let error = runtime
        .adopt(TokioMultiThread::new().worker_threads(3), || async {})
        .unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Conflict);
    assert!(error.to_string().contains("p::pool"), "{error}");
    runtime.shutdown();
    runtime.wait().unwrap();

    // Whatever the settings, nothing panics.
    let odd = TokioMultiThread::new()
        .worker_threads(0)
        .thread_name("zero\0inside");
    let runtime = started();
    let name = runtime.execute(odd, || async {
        thread::current().name().map(str::to_owned)
    });
    assert_eq!(name.unwrap().as_deref(), Some("zeroinside"));
    runtime.shutdown();
    runtime.wait().unwrap();
}
