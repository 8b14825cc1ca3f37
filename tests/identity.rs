//! Who runs here: name, flavour, place and run. Row A9.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;

use common::services::*;
use common::*;
use foster::{Payload, Restart, Thread, Unit};
use futures_lite::future::{block_on, yield_now};

on_every_flavour!(
    a9_a_payload_knows_its_name_flavour_and_place,
    a9_a_run_of_a_service_knows_its_name_and_its_number,
    a9_one_that_is_started_again_counts_on,
    a9_outside_of_payloads_there_is_nobody,
    a9_the_answer_is_data_that_outlives_its_payload,
);
on_async_flavours!(a9_it_holds_at_each_poll_and_in_destructors);
once!(a9_the_innermost_payload_answers);

fn a9_a_payload_knows_its_name_flavour_and_place<F: AnyFlavour>(flavour: F) {
    let (runtime, log) = (started(), Log::new());
    let me = |log: &Log<Payload>| {
        let log = log.clone();
        move || log.write(Payload::current())
    };
    flavour.adopt_named(&runtime, "adopted", me(&log)).unwrap();
    expect("it ran", || log.read().len() == 1);
    flavour
        .execute_named(&runtime, "executed", me(&log))
        .unwrap();
    block_on(flavour.call_named(&runtime, "called", me(&log))).unwrap();
    let line = line!() + 1;
    flavour.execute(&runtime, me(&log)).unwrap();
    let seen = log.read();
    let names: Vec<_> = seen.iter().map(Payload::name).collect();
    let unnamed = format!("{}:{line}", file!());
    assert_eq!(names, ["adopted", "executed", "called", &unnamed]);
    for payload in &seen {
        assert_eq!(payload.flavour(), F::NAME);
        assert_eq!(payload.location().file(), file!());
        assert_eq!(payload.run(), None);
    }
    assert_eq!(seen[3].location().line(), line);
    let text = format!("payload `adopted` on {}", F::NAME);
    assert_eq!(seen[0].to_string(), text);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a9_a_run_of_a_service_knows_its_name_and_its_number<F: Host>(flavour: F) {
    let (runtime, log) = (started(), Log::new());
    let run = |log: &Log<Payload>| {
        let log = log.clone();
        move || {
            let log = log.clone();
            async move {
                yield_now().await;
                let me = Payload::current();
                log.write(me.clone());
                match me.run() {
                    Some(3) => Ok(()),
                    _ => Err("again"),
                }
            }
        }
    };
    let settings = || {
        let restart = Restart::on_failure().delay(std::time::Duration::ZERO);
        runtime.unit().name("beat").restart(restart)
    };
    let unit = flavour.serve(settings(), run(&log)).unwrap();
    assert!(unit.wait_stopped(SOON));
    let seen = log.read();
    let runs: Vec<_> = seen.iter().map(|me| (me.name(), me.run())).collect();
    assert_eq!(
        runs,
        [("beat", Some(1)), ("beat", Some(2)), ("beat", Some(3))]
    );
    assert_eq!(seen[0].flavour(), F::NAME);
    assert_eq!(
        seen[0].to_string(),
        format!("service `beat` on {}", F::NAME)
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a9_one_that_is_started_again_counts_on<F: Host>(flavour: F) {
    let (runtime, log) = (started(), Log::new());
    let writes = log.clone();
    let run = move || {
        let writes = writes.clone();
        async move { writes.write(Payload::current().run()) }
    };
    let unit = flavour.serve(runtime.unit().startable(), run).unwrap();
    assert!(unit.wait_stopped(SOON));
    Unit::start(&unit).unwrap();
    expect("it ran again", || log.read().len() == 2);
    assert_eq!(log.read(), [Some(1), Some(2)]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a9_outside_of_payloads_there_is_nobody<F: AnyFlavour>(flavour: F) {
    assert!(Payload::try_current().is_none());
    let panic = catch_unwind(AssertUnwindSafe(Payload::current)).unwrap_err();
    let text = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(
        text.contains("ask `Payload::current()` in the payload"),
        "{text}"
    );

    let runtime = started();
    let code = || {
        let inside = Payload::try_current().is_some();
        let spawned = thread::spawn(|| Payload::try_current().is_some());
        (inside, spawned.join().unwrap())
    };
    assert_eq!(flavour.execute(&runtime, code).unwrap(), (true, false));
    assert!(Payload::try_current().is_none());
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a9_the_answer_is_data_that_outlives_its_payload<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let me = flavour
        .execute_named(&runtime, "gone", Payload::current)
        .unwrap();
    runtime.shutdown();
    // It is no token, so nothing waits for it.
    runtime.wait().unwrap();
    drop(runtime);
    assert_eq!((me.name(), me.flavour().as_str()), ("gone", F::NAME));
    let debug = format!("{me:?}");
    assert!(debug.contains("gone") && debug.contains(F::NAME), "{debug}");

    fn _is_send_and_sync<T: Send + Sync + Clone>() {}
    _is_send_and_sync::<Payload>();
}

fn a9_it_holds_at_each_poll_and_in_destructors<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (sender, receiver) = channel();
    let payload = move || async move {
        let last = sender.clone();
        let _drops = OnDrop(move || last.send(Payload::current()).unwrap());
        for _ in 0..2 {
            sender.send(Payload::current()).unwrap();
            yield_now().await;
        }
        std::future::pending::<()>().await;
    };
    runtime.named("polled").adopt(flavour, payload).unwrap();
    for time in 0..3 {
        if time == 2 {
            runtime.shutdown();
        }
        assert_eq!(receiver.recv_timeout(SOON).unwrap().name(), "polled");
    }
    runtime.wait().unwrap();
}

fn a9_the_innermost_payload_answers() {
    let runtime = started();
    let inner = runtime.clone();
    let name = || Payload::current().name().to_owned();
    let code = move || {
        let before = name();
        // On this very thread: row E3.
        let within = inner.named("inner").execute(Thread, name).unwrap();
        [before, within, name()]
    };
    let names = runtime.named("outer").execute(Thread, code).unwrap();
    assert_eq!(names, ["outer", "inner", "outer"]);
    runtime.shutdown();
    runtime.wait().unwrap();
}
