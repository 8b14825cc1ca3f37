//! Who is named as a straggler, and who is not. Row S3.

use super::*;

on_every_flavour!(
    s3_what_is_refused_meanwhile_makes_no_straggler,
    s3_a_token_holder_that_overruns_is_a_straggler,
);

on_async_flavours!(s3_a_payload_that_blocks_its_thread_is_named_and_no_other);

fn s3_what_is_refused_meanwhile_makes_no_straggler<F: AnyFlavour>(flavour: F) {
    for _ in 0..100 {
        let runtime = started();
        flavour.execute(&runtime, || ()).unwrap();
        // Hand in payloads before, while and after the runtime stops.
        let over = Event::new();
        let others: Vec<_> = [true, true, false, false]
            .into_iter()
            .map(|adopts| {
                let (runtime, over) = (runtime.clone(), over.clone());
                thread::spawn(move || {
                    while !over.has_happened() {
                        match adopts {
                            true => drop(flavour.adopt(&runtime, || ())),
                            false => drop(flavour.execute(&runtime, || ())),
                        }
                    }
                })
            })
            .collect();
        runtime.shutdown();
        let result = runtime.wait();
        over.happen();
        for other in others {
            other.join().unwrap();
        }
        result.unwrap();
    }
}

fn s3_a_token_holder_that_overruns_is_a_straggler<F: AnyFlavour>(flavour: F) {
    let grace = Duration::from_millis(50);
    let runtime = builder().grace(grace).cancel_timeout(grace).build();
    runtime.start().unwrap();
    let (held, go) = (Event::new(), Event::new());
    let (is_held, its_go) = (held.clone(), go.clone());
    flavour
        .adopt_named(&runtime, "slow", move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&its_go);
        })
        .unwrap();
    held.expect("the payload holds a token");
    let start = Instant::now();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert!(start.elapsed() >= grace);
    assert!(start.elapsed() < SOON);
    let [slow] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(slow.payload(), Some("slow"));
    assert_eq!(slow.flavour(), F::NAME);
    assert!(error.failures().is_empty());
    assert!(error.to_string().contains("slow"), "{error}");
    go.happen();
}

fn s3_a_payload_that_blocks_its_thread_is_named_and_no_other<F: AsyncFlavour>(flavour: F) {
    let runtime = builder()
        .grace(Duration::from_millis(30))
        .cancel_timeout(Duration::from_millis(100))
        .build();
    runtime.start().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let ready = Event::new();
    // Healthy neighbours on all flavours.
    let count = Arc::clone(&dropped);
    runtime
        .adopt(Smol, move || async move {
            let _on_drop = OnDrop(|| {
                count.fetch_add(1, SeqCst);
            });
            pending::<()>().await;
        })
        .unwrap();
    let count = Arc::clone(&dropped);
    runtime
        .adopt(Tokio, move || async move {
            let _on_drop = OnDrop(|| {
                count.fetch_add(1, SeqCst);
            });
            pending::<()>().await;
        })
        .unwrap();
    runtime.execute(Smol, || async {}).unwrap();
    runtime.execute(Tokio, || async {}).unwrap();
    let (is_ready, go) = (ready.clone(), Event::new());
    let its_go = go.clone();
    runtime
        .named("blocker")
        .adopt(flavour, move || async move {
            is_ready.happen();
            block_until(&its_go);
        })
        .unwrap();
    ready.expect("the blocker blocks");
    let start = Instant::now();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert!(start.elapsed() < SOON);
    let [blocker] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(blocker.payload(), Some("blocker"));
    assert_eq!(blocker.reason(), StragglerReason::Blocking { others: 1 });
    assert_eq!(
        dropped.load(SeqCst),
        1,
        "the healthy flavour dropped its own"
    );
    go.happen();
}
