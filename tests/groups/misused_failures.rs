//! Failures deep inside, and under a thread that waits in the system. Row G3.

use super::*;

on_every_flavour!(g3_ten_runs_deep_a_failure_is_the_runtimes,);

once!(
    g3_an_accept_loop_without_a_policy_is_left_behind,
    g3_an_accept_loop_that_cannot_be_restarted_is_stuck,
    g3_an_accept_loop_that_can_be_woken_is_restarted,
);

/// Each is a service in the group of the one above it.
fn g3_ten_runs_deep_a_failure_is_the_runtimes<F: Member>(flavour: F) {
    fn run<F: Member>(
        flavour: F,
        depth: usize,
        all: Log<Probe>,
        fail: Event,
    ) -> Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>> {
        Box::pin(async move {
            if depth == 10 {
                until(&fail).await;
                return Err("at the bottom");
            }
            let own = Group::current();
            let (log, fail) = (all.clone(), fail.clone());
            let next = move || run(flavour, depth + 1, log, fail);
            serve_once(flavour, own.unit().name("in"), next);
            let probe = Probe::free();
            all.write(probe.clone());
            probe.live().await;
            Ok(())
        })
    }
    let runtime = started();
    let (all, fail) = (Log::new(), Event::new());
    let (log, fails) = (all.clone(), fail.clone());
    serve_once(flavour, runtime.unit().name("in"), move || {
        run(flavour, 1, log, fails)
    });
    expect("all run", || all.read().len() == 9);
    for probe in all.read() {
        probe.held.expect("it holds its token");
    }
    fail.happen();
    let report = runtime.wait().unwrap_err();
    let [failure] = report.failures() else {
        panic!("{report}");
    };
    assert_eq!(failure.message(), "at the bottom");
    assert_eq!(failure.payload(), ["in"; 10].join("/"));
    assert!(!failure.during_shutdown());
    for probe in all.read() {
        assert!(probe.asked.has_happened() && probe.over.has_happened());
    }
    assert!(report.stragglers().is_empty(), "{report}");
}

/// A server of std's: it blocks in `accept`, and each connection is a child, which fails when it is told to.
fn accept_loop(address: &Log<SocketAddr>, asks: bool) -> impl Fn() + Send + Sync + 'static + use<> {
    let address = address.clone();
    move || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let connections = Group::current();
        let token = asks.then(Shutdown::current);
        if let Some(token) = token.clone() {
            // `accept` has no other way to hear of it.
            thread::spawn(move || {
                assert!(token.wait_timeout(SOON));
                drop(TcpStream::connect(own));
            });
        }
        address.write(own);
        for stream in listener.incoming() {
            if token.as_ref().is_some_and(Shutdown::is_requested) {
                return;
            }
            let mut stream = stream.unwrap();
            let serve = move || {
                let _token = Shutdown::current();
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                stream.write_all(&byte)
            };
            if connections
                .named("connection")
                .adopt(Thread, serve)
                .is_err()
            {
                return;
            }
        }
    }
}

/// Has one connection served, and another one fail, by ending within its first byte.
#[track_caller]
fn connect_and_fail(address: SocketAddr) {
    let mut good = TcpStream::connect(address).unwrap();
    good.write_all(b"x").unwrap();
    let mut byte = [0];
    good.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
    drop(TcpStream::connect(address).unwrap());
}

#[track_caller]
fn wait_for_address(addresses: &Log<SocketAddr>, number: usize) -> SocketAddr {
    expect("it listens", || addresses.read().len() >= number);
    addresses.read()[number - 1]
}

fn g3_an_accept_loop_without_a_policy_is_left_behind() {
    let runtime = started();
    let addresses = Log::new();
    let run = service(Thread, accept_loop(&addresses, false));
    runtime.unit().name("listener").serve(run).unwrap();
    let address = wait_for_address(&addresses, 1);
    connect_and_fail(address);
    let report = runtime.wait().unwrap_err();
    let [failure] = report.failures() else {
        panic!("{report}");
    };
    assert_eq!(
        (failure.payload(), failure.kind()),
        ("listener/connection", FailureKind::Error)
    );
    assert!(report.stragglers().is_empty(), "{report}");
    let left = report.left_behind().iter();
    let left: Vec<_> = left.map(|one| one.payload()).collect();
    assert_eq!(left, [Some("listener")], "{report}");
    drop(TcpStream::connect(address));
}

/// It is asked, hears nothing, and its time passes: another run of it cannot follow. The child's failure is the cause.
fn g3_an_accept_loop_that_cannot_be_restarted_is_stuck() {
    let (clock, runtime) = manual();
    let addresses = Log::new();
    let run = service(Thread, accept_loop(&addresses, false));
    let restart = Restart::on_failure().delay(Duration::ZERO);
    let unit = runtime.unit().name("listener").restart(restart);
    let unit = unit.stop_time(2 * SECOND).serve(run).unwrap();
    let address = wait_for_address(&addresses, 1);
    connect_and_fail(address);
    expect("it is asked", || unit.state() == UnitState::Stopping);
    assert_eq!(
        unit.last_failure().expect("it is kept").payload(),
        "listener/connection"
    );
    goes_on(&runtime);
    clock.advance(2 * SECOND);
    let report = finish(&clock, &runtime).unwrap_err();
    let failures = report.failures().iter();
    let seen: Vec<_> = failures.map(|one| (one.payload(), one.kind())).collect();
    let cause = ("listener/connection", FailureKind::Error);
    let stuck = ("listener", FailureKind::Stuck);
    assert_eq!(seen, [cause, stuck], "{report}");
    drop(TcpStream::connect(address));
}

fn g3_an_accept_loop_that_can_be_woken_is_restarted() {
    let runtime = started();
    let addresses = Log::new();
    let run = service(Thread, accept_loop(&addresses, true));
    let restart = Restart::on_failure().delay(Duration::ZERO);
    let unit = runtime.unit().name("listener").restart(restart);
    let unit = unit.serve(run).unwrap();
    for number in 1..4 {
        connect_and_fail(wait_for_address(&addresses, number));
        wait_for_address(&addresses, number + 1);
        let failure = unit.last_failure().expect("it is kept");
        assert_eq!(failure.payload(), "listener/connection");
        assert_eq!(unit.restarts(), number as u64);
    }
    end(&runtime);
    assert_eq!(unit.state(), UnitState::Ended);
}
