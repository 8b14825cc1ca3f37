//! How failures are counted, ordered and told. Rows A6 and A7.

use super::*;

on_every_flavour!(
    a6_the_run_waits_for_a_waker_and_goes_on_after_it,
    a6_the_cause_comes_first_and_the_rest_in_order,
    a6_the_first_64_are_kept_and_the_rest_counted,
    a7_a_failure_names_payload_flavour_place_and_chain,
    a7_a_failure_is_traced_the_moment_it_happens,
    a7_without_a_name_a_payload_is_known_by_its_place,
);

fn a6_the_cause_comes_first_and_the_rest_in_order<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let (begun, is_begun) = (Event::new(), Event::new());
    let has_begun = begun.clone();
    runtime
        .named("second")
        .adopt(Thread, move || {
            let token = Shutdown::current();
            has_begun.happen();
            assert!(token.wait_timeout(SOON));
            Err::<(), _>("afterwards")
        })
        .unwrap();
    is_begun.happen();
    flavour
        .adopt_named(&runtime, "first", move || {
            begun.expect("the other holds a token");
            Err::<(), _>("the cause")
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    let seen: Vec<_> = error
        .failures()
        .iter()
        .map(|failure| {
            (
                failure.payload(),
                failure.message(),
                failure.during_shutdown(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("first", "the cause", false),
            ("second", "afterwards", true)
        ]
    );
    assert_eq!(error.omitted(), 0);
}

fn a6_the_first_64_are_kept_and_the_rest_counted<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    for number in 0..200 {
        flavour
            .adopt(&runtime, move || Err::<(), _>(number.to_string()))
            .unwrap();
    }
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures().len(), 64);
    assert_eq!(error.failures().len() + error.omitted(), 200);
    assert_eq!(
        error
            .failures()
            .iter()
            .filter(|one| !one.during_shutdown())
            .count(),
        1
    );
    if F::IN_TURN {
        let numbers = error
            .failures()
            .iter()
            .map(|failure| failure.message().parse::<usize>());
        assert!(
            numbers.eq((0..64).map(Ok)),
            "in the order in which they happened"
        );
    }
    assert!(error.to_string().contains("136 more failures"), "{error}");
}

fn a7_a_failure_names_payload_flavour_place_and_chain<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    flavour
        .adopt_named(&runtime, "reader", || -> anyhow::Result<()> {
            let disk = io::Error::other("the disk is gone");
            Err(disk)
                .context("cannot read the index")
                .context("cannot start")
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(failure.payload(), "reader");
    assert_eq!(failure.flavour(), F::NAME);
    assert!(failure.location().file().ends_with(".rs"));
    assert_eq!(failure.message(), "cannot start");
    assert_eq!(
        failure.chain(),
        ["cannot read the index", "the disk is gone"]
    );
    assert!(failure.error().is_some());
    let report = without_backtraces(&error.to_string());
    for part in [
        "reader",
        F::NAME,
        "cannot start",
        "cannot read the index",
        "the disk is gone",
    ] {
        assert_eq!(
            report.matches(part).count(),
            1,
            "`{part}` once in: {report}"
        );
    }
}

fn a7_without_a_name_a_payload_is_known_by_its_place<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    // The trait's own method is called here, and it is the place: `#[track_caller]` leads back.
    let line = line!() + 1;
    flavour.adopt(&runtime, || Err::<(), _>("x")).unwrap();
    let error = runtime.run().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(failure.location().line(), line);
    assert_eq!(failure.payload(), format!("{}:{line}", file!()));
}

/// What the process has traced, as text.
fn traced() -> &'static Mutex<Vec<u8>> {
    static TRACED: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    TRACED.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(|| Writer)
            .init();
        Mutex::default()
    })
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        traced().lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn a7_a_failure_is_traced_the_moment_it_happens<F: AnyFlavour>(flavour: F) {
    let traced = traced();
    let runtime = started();
    let (held, go) = (Event::new(), Event::new());
    let (is_held, its_go) = (held.clone(), go.clone());
    runtime
        .adopt(Thread, move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&its_go);
        })
        .unwrap();
    held.expect("the grace time is held open");
    let name: &'static str = match F::NAME {
        "smol" => "traced on smol",
        "tokio" => "traced on tokio",
        "tokio::multi_thread" => "traced on several threads",
        _ => "traced on a thread",
    };
    flavour
        .adopt_named(&runtime, name, || Err::<(), _>("told at once"))
        .unwrap();
    // The runtime cannot end yet, and the failure is told already.
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let text = String::from_utf8(traced.lock().unwrap().clone()).unwrap();
        if let Some(line) = text.lines().find(|line| line.contains(name)) {
            assert!(
                line.contains("told at once") && line.contains(F::NAME),
                "{line}"
            );
            assert!(line.contains("during_shutdown=false"), "{line}");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "not traced: {text}");
        std::thread::yield_now();
    }
    go.happen();
    runtime.wait().unwrap_err();
}

/// A waker that comes back when it may.
struct Waits {
    woken: Event,
    go: Event,
}

impl Wake for Waits {
    fn wake(self: Arc<Self>) {
        self.woken.happen();
        block_until(&self.go);
    }
}

fn a6_the_run_waits_for_a_waker_and_goes_on_after_it<F: AnyFlavour>(flavour: F) {
    let runtime = builder().cancel_timeout(Duration::from_secs(3_600)).build();
    runtime.start().unwrap();
    let (sender, receiver) = channel();
    let holder = move || async move {
        let token = Shutdown::current();
        sender.send(token.clone()).unwrap();
        token.requested().await;
    };
    runtime.adopt(Smol, holder).unwrap();
    let token = receiver.recv_timeout(SOON).unwrap();
    let (woken, go) = (Event::new(), Event::new());
    let waits = Waits {
        woken: woken.clone(),
        go: go.clone(),
    };
    let waker = Arc::new(waits).into();
    let mut requested = pin!(token.requested());
    let polled = requested.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    flavour.adopt(&runtime, || Err::<(), _>("fails")).unwrap();
    woken.expect("the failure ends the runtime");
    let (over, waiter) = wait_apart(runtime);
    assert!(!over.happens_within(Duration::from_millis(50)));
    go.happen();
    over.expect("nothing is told any more");
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.failures().len(), 1);
}
