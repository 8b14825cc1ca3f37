//! Where and in which order payloads run. Rows A1 to A3 and A8.

use super::*;

on_every_flavour!(
    a1_adopt_never_waits_for_the_payload,
    a1_adopt_works_inside_every_flavour,
    a1_adopt_works_inside_a_payload_of_another_runtime,
    a8_an_adopt_happens_before_its_payload,
);

on_async_flavours!(
    a2_the_future_is_made_polled_and_dropped_on_one_thread,
    a2_a_future_that_is_not_send_lives_across_awaits,
    a8_adopts_of_one_thread_start_in_order,
);

once!(
    a2_destructors_run_inside_the_executor,
    a2_a_closure_that_never_ran_may_be_dropped_anywhere,
    a3_flavours_run_in_parallel,
);

fn a1_adopt_never_waits_for_the_payload<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (go, ran) = (Event::new(), Event::new());
    // The flavour's thread is blocked; adopt returns all the same.
    flavour
        .adopt(&runtime, {
            let go = go.clone();
            move || block_until(&go)
        })
        .unwrap();
    flavour
        .adopt(&runtime, {
            let ran = ran.clone();
            move || ran.happen()
        })
        .unwrap();
    go.happen();
    ran.expect("the second payload runs once the first is over");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a1_adopt_works_inside_every_flavour<F: AnyFlavour>(flavour: F) {
    let runtime = builder().until_idle().build();
    let log = Log::new();
    fn adopt_on_all<F: AnyFlavour>(runtime: &Runtime, log: &Log<String>, from: F) {
        fn write<T: AnyFlavour>(runtime: &Runtime, log: &Log<String>, from: &'static str, to: T) {
            let log = log.clone();
            to.adopt(runtime, move || log.write(format!("{from} to {}", T::NAME)))
                .unwrap();
        }
        let (inner, log) = (runtime.clone(), log.clone());
        from.adopt(runtime, move || {
            write(&inner, &log, F::NAME, Smol);
            write(&inner, &log, F::NAME, Tokio);
            write(&inner, &log, F::NAME, Thread);
        })
        .unwrap();
    }
    adopt_on_all(&runtime, &log, flavour);
    runtime.run().unwrap();
    let mut seen = log.read();
    seen.sort();
    let wanted = ["smol", "std::thread", "tokio"].map(|to| format!("{} to {to}", F::NAME));
    assert_eq!(seen, wanted);
}

fn a1_adopt_works_inside_a_payload_of_another_runtime<F: AnyFlavour>(flavour: F) {
    let (one, two) = (started(), started());
    let ran = Event::new();
    let (other, its_ran) = (two.clone(), ran.clone());
    flavour
        .adopt(&one, move || {
            flavour.adopt(&other, move || its_ran.happen()).unwrap();
        })
        .unwrap();
    ran.expect("the payload runs on the other runtime");
    for runtime in [one, two] {
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

/// Notes the thread on which each step of its life happens.
struct Traced {
    polls: usize,
    log: Log<(&'static str, thread::ThreadId)>,
    _not_send: Rc<()>,
}

impl Traced {
    fn new(log: Log<(&'static str, thread::ThreadId)>) -> Self {
        log.write(("made", thread::current().id()));
        Self {
            polls: 0,
            log,
            _not_send: Rc::new(()),
        }
    }
}

impl Future for Traced {
    type Output = ();

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        self.log.write(("polled", thread::current().id()));
        self.polls += 1;
        if self.polls < 3 {
            context.waker().wake_by_ref();
        }
        std::task::Poll::Pending
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.log.write(("dropped", thread::current().id()));
    }
}

fn a2_the_future_is_made_polled_and_dropped_on_one_thread<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    let home = runtime
        .execute(flavour, || async { thread::current().id() })
        .unwrap();
    let inner = log.clone();
    runtime.adopt(flavour, move || Traced::new(inner)).unwrap();
    while log.read().len() < 4 {
        thread::yield_now();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    let (steps, threads): (Vec<_>, Vec<_>) = log.read().into_iter().unzip();
    assert_eq!(steps, ["made", "polled", "polled", "polled", "dropped"]);
    assert!(threads.iter().all(|thread| *thread == home));
}

fn a2_a_future_that_is_not_send_lives_across_awaits<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let sum = runtime
        .execute(flavour, || async {
            let shared = Rc::new(Cell::new(0));
            for step in 1..=10 {
                let borrowed = Rc::clone(&shared);
                futures_lite::future::yield_now().await;
                borrowed.set(borrowed.get() + step);
            }
            shared.get()
        })
        .unwrap();
    assert_eq!(sum, 55);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a2_destructors_run_inside_the_executor() {
    let runtime = started();
    let (polled, dropped) = (Event::new(), Event::new());
    let (is_polled, is_dropped) = (polled.clone(), dropped.clone());
    runtime
        .adopt(Tokio, move || async move {
            let _on_drop = OnDrop(move || {
                // Panics outside of a tokio runtime.
                let _timer = Box::pin(tokio::time::sleep(Duration::from_secs(1)));
                tokio::task::spawn_local(async {});
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

fn a2_a_closure_that_never_ran_may_be_dropped_anywhere() {
    let runtime = runtime();
    let dropped_on = Log::new();
    let log = dropped_on.clone();
    let on_drop = OnDrop(move || log.write(thread::current().id()));
    runtime
        .adopt(Smol, move || {
            let _on_drop = on_drop;
            async {}
        })
        .unwrap();
    let dropper = thread::spawn(move || {
        drop(runtime);
        thread::current().id()
    });
    assert_eq!([dropper.join().unwrap()], *dropped_on.read());
}

fn a3_flavours_run_in_parallel() {
    let runtime = builder().until_idle().build();
    // Passed only if four payloads run at the same time, two of them threads.
    let barrier = Arc::new(std::sync::Barrier::new(4));
    let [one, two, three, four] = [(); 4].map(|()| Arc::clone(&barrier));
    runtime
        .adopt(Smol, move || async move {
            one.wait();
        })
        .unwrap();
    runtime
        .adopt(Tokio, move || async move {
            two.wait();
        })
        .unwrap();
    for barrier in [three, four] {
        runtime
            .adopt(Thread, move || {
                barrier.wait();
            })
            .unwrap();
    }
    runtime.run().unwrap();
}

fn a8_an_adopt_happens_before_its_payload<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    // Plain data, handed over by the adopt alone and back by the end of the payload alone.
    let mut data = vec![1, 2, 3];
    for _ in 0..100 {
        data = flavour
            .execute(&runtime, move || {
                data.rotate_left(1);
                data
            })
            .unwrap();
    }
    assert_eq!(data, [2, 3, 1]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a8_adopts_of_one_thread_start_in_order<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    let adopters: Vec<_> = (0..4)
        .map(|adopter| {
            let (runtime, log) = (runtime.clone(), log.clone());
            thread::spawn(move || {
                for number in 0..500 {
                    let log = log.clone();
                    runtime
                        .adopt(flavour, move || async move { log.write((adopter, number)) })
                        .unwrap();
                }
            })
        })
        .collect();
    for adopter in adopters {
        adopter.join().unwrap();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    let seen = log.read();
    assert_eq!(seen.len(), 2_000);
    for adopter in 0..4 {
        let numbers = seen
            .iter()
            .filter(|(by, _)| *by == adopter)
            .map(|(_, number)| *number);
        assert!(numbers.eq(0..500));
    }
}
