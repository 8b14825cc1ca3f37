//! The order in which services begin that were handed in before the start, and what is said of those that still
//! wait at the stop, and of one that is given up. Rows A7, A8, V10, V11 and V13.

mod common;

use std::io;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use common::services::*;
use common::*;
use foster::{Restart, Settings, Shutdown, Smol, UnitState, service};

on_async_flavours!(
    a8_services_begin_in_the_order_in_which_they_were_handed_in,
    a8_services_begin_in_order_whatever_their_settings_are,
);
on_every_flavour!(
    v10_one_that_waits_at_the_stop_says_for_whom,
    v10_one_that_waits_is_in_the_report_if_there_is_one,
);
once!(
    v11_stop_times_that_exceed_grace_are_told_at_the_start,
    a7_a_give_up_is_a_line_behind_that_of_its_failure,
    v12_a_flavour_that_fails_when_nobody_waits_for_it_is_a_line,
    a8_services_begin_in_order_although_their_flavour_takes_its_time,
    a8_services_begin_in_order_although_their_flavour_takes_its_time_whatever_their_settings_are,
);

/// Settings of many kinds, none of which changes when a service may begin.
fn mixed() -> Vec<Settings> {
    vec![
        Settings::new(),
        Settings::new().stop_time(SECOND),
        Settings::new().start_timeout(SOON),
        Settings::new().notifies_ready().start_timeout(SOON),
        Settings::new().restart(Restart::on_failure().limit(3, 60 * SECOND)),
        Settings::new(),
    ]
}

fn plain() -> Vec<Settings> {
    vec![Settings::new(); 6]
}

/// Hands services in that write their number as they begin, calls `meanwhile` and starts the runtime; the order
/// in which they began.
fn begin<F: Serve + Clone>(
    flavour: &F,
    settings: Vec<Settings>,
    meanwhile: impl FnOnce(),
) -> Vec<usize> {
    let runtime = runtime();
    let log = Log::new();
    let count = settings.len();
    for (number, settings) in settings.into_iter().enumerate() {
        let log = log.clone();
        let run = move || {
            log.write(number);
            std::future::pending::<()>()
        };
        let unit = runtime.unit().with(settings);
        match number % 3 {
            2 => flavour.clone().serve_with(unit, move || run.clone()),
            _ => flavour.clone().serve(unit, run),
        }
        .unwrap();
    }
    meanwhile();
    runtime.start().unwrap();
    expect("all begin", || log.read().len() == count);
    runtime.shutdown();
    runtime.wait().unwrap();
    log.read()
}

fn in_order<F: AsyncFlavour + Host>(flavour: F, settings: fn() -> Vec<Settings>) {
    for round in 0..100 {
        let order = begin(&flavour, settings(), || ());
        assert!(order.is_sorted(), "{order:?} in round {round}");
    }
}

fn a8_services_begin_in_the_order_in_which_they_were_handed_in<F: AsyncFlavour + Host>(flavour: F) {
    in_order(flavour, plain);
}

fn a8_services_begin_in_order_whatever_their_settings_are<F: AsyncFlavour + Host>(flavour: F) {
    in_order(flavour, mixed);
}

/// The start of their flavour ends at some moment of the runtime's.
fn in_order_on_a_slow_flavour(settings: fn() -> Vec<Settings>) {
    for round in 0..1_000_u32 {
        let go = Event::new();
        let opens = go.clone();
        let pause = Duration::from_micros(u64::from(round % 100) * 3);
        let open = move || {
            let begin = Instant::now();
            while begin.elapsed() < pause {
                std::hint::spin_loop();
            }
            opens.happen();
        };
        let mut opener = None;
        let meanwhile = || opener = Some(std::thread::spawn(open));
        let order = begin(&Odd::after(&go), settings(), meanwhile);
        opener.take().map(std::thread::JoinHandle::join);
        assert!(order.is_sorted(), "{order:?} in round {round}");
    }
}

fn a8_services_begin_in_order_although_their_flavour_takes_its_time() {
    in_order_on_a_slow_flavour(plain);
}

fn a8_services_begin_in_order_although_their_flavour_takes_its_time_whatever_their_settings_are() {
    in_order_on_a_slow_flavour(mixed);
}

/// The only service that waited for it was stopped meanwhile.
fn v12_a_flavour_that_fails_when_nobody_waits_for_it_is_a_line() {
    traced();
    let (runtime, go) = (runtime(), Event::new());
    runtime.start().unwrap();
    let odd = Odd::failing_after(&go, 1);
    let unit = runtime
        .unit()
        .name("not to be")
        .serve(service(odd, || async {}));
    let unit = unit.unwrap();
    unit.stop();
    assert!(unit.wait_stopped(SOON));
    go.happen();
    let by = Instant::now() + SOON;
    let is_it = |line: &str| line.contains("not to be") && line.contains("nobody waits for it");
    while !traced_text().lines().any(is_it) {
        assert!(Instant::now() < by, "it is told: {}", traced_text());
        std::thread::yield_now();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// What the process has traced, as text.
fn traced() -> &'static Mutex<Vec<u8>> {
    static TRACED: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    TRACED.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
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

fn traced_text() -> String {
    String::from_utf8(traced().lock().unwrap().clone()).unwrap()
}

/// Once, before anything stops; not where they fit.
fn v11_stop_times_that_exceed_grace_are_told_at_the_start() {
    traced();
    for (base, front, time, exceeds) in [
        ("too long a base", "too long a front", 8 * SECOND, true),
        ("a base that fits", "a front that fits", 4 * SECOND, false),
    ] {
        let runtime = builder().grace(10 * SECOND).build();
        let run = || async { Shutdown::current().requested().await };
        let unit = |name: &'static str| runtime.unit().name(name).stop_time(time);
        Smol.serve(unit(base), run).unwrap();
        let unit = unit(front).after(base);
        let front_unit = Smol.serve(unit, run).unwrap();
        runtime.start().unwrap();
        assert!(front_unit.wait_ready(SOON));
        let is_told = || {
            let text = traced_text();
            let mut lines = text.lines();
            lines.any(|line| {
                let names = [base, front].map(|name| line.contains(&format!("`{name}`")));
                names.contains(&true) && line.contains("grace")
            })
        };
        match exceeds {
            true => expect("a line", is_told),
            false => assert!(!is_told()),
        }
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

/// In this order, on whatever threads they were told of.
fn a7_a_give_up_is_a_line_behind_that_of_its_failure() {
    traced();
    let runtime = started();
    let restart = Restart::on_failure().jitter(0.0).limit(1, 60 * SECOND);
    let unit = runtime.unit().name("one that is given up").restart(restart);
    let fails = || async { Err::<(), _>("the only cause") };
    unit.serve(foster::service(Smol, fails)).unwrap();
    runtime.wait().unwrap_err();
    let text = traced_text();
    let lines = text
        .lines()
        .filter(|line| line.contains("one that is given up"));
    let lines: Vec<_> = lines.collect();
    let [failure, give_up] = lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(failure.contains("the only cause"), "{failure}");
    assert!(!failure.contains("does not end"), "{failure}");
    assert!(give_up.contains("given_up_after_starts=1"), "{give_up}");
}

/// A line of `text` that says that `one` waits for `other`.
fn says_who_waits(text: &str, one: &str, other: &str) -> bool {
    let mut lines = text.lines();
    lines.any(|line| line.contains(one) && line.contains(other) && line.contains("wait"))
}

/// A runtime on which a service waits for another that is never ready, without a time for that.
fn waiting<F: Host>(
    flavour: F,
    one: &'static str,
    other: &'static str,
) -> (foster::Runtime, Served) {
    let runtime = started();
    let held = Event::new();
    let holds = held.clone();
    let never_ready = move || {
        let held = holds.clone();
        async move {
            let token = Shutdown::current();
            held.happen();
            token.requested().await;
        }
    };
    let unit = runtime.unit().name(other).notifies_ready();
    Smol.serve(unit, never_ready).unwrap();
    held.expect("it holds its token");
    let unit = runtime.unit().name(one).after(other);
    let run = std::future::pending::<()>;
    let waits = flavour.serve(unit, run).unwrap();
    assert_eq!(waits.state(), UnitState::Waiting);
    (runtime, waits)
}

fn names<F: Host>(test: &str) -> (&'static str, &'static str) {
    let name = |name: &str| &*format!("{name} of {test} on <{}>", F::NAME).leak();
    (name("api"), name("log"))
}

/// As a line. The one that is never ready has done what it was asked to: nothing has failed.
fn v10_one_that_waits_at_the_stop_says_for_whom<F: Host>(flavour: F) {
    traced();
    let (one, other) = names::<F>("a clean stop");
    let (runtime, waits) = waiting(flavour, one, other);
    assert!(!says_who_waits(&traced_text(), one, other));
    runtime.shutdown();
    let _ = runtime.wait();
    assert!(waits.state().is_over());
    expect("a line", || says_who_waits(&traced_text(), one, other));
}

fn v10_one_that_waits_is_in_the_report_if_there_is_one<F: Host>(flavour: F) {
    let (one, other) = names::<F>("a failure");
    let (runtime, waits) = waiting(flavour, one, other);
    let fail = || Err::<(), _>("the cause");
    runtime.named("cause").adopt(foster::Thread, fail).unwrap();
    let error = runtime.wait().unwrap_err();
    let cause = &error.failures()[0];
    assert_eq!((cause.payload(), cause.message()), ("cause", "the cause"));
    assert!(waits.state().is_over());
    assert!(says_who_waits(&error.to_string(), one, other), "{error}");
}
