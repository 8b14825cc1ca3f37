//! The example `http_service` behind a balancer: it is ended under load, and no request is lost.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crate::child::Example;
use crate::http::{Connection, get};
use crate::until;

/// How many requests there are before the signal. How many come after it depends on the machine.
const REQUESTS: usize = 50_000;
const SENDERS: usize = 8;

/// For how long the balancer sends on after it has heard that the service is not ready.
const LAG: Duration = Duration::from_secs(1);

/// The service, when it is ready; where it serves, and where it tells its health.
fn start() -> (Example, SocketAddr, SocketAddr) {
    let mut service = Example::start("http_service", &[]);
    let [http, health] = service.addresses(["listening on http://", "health at http://"]);
    let is_ready = || get(health, "/readyz").is_ok_and(|(code, _)| code == 200);
    until("it is ready", is_ready);
    (service, http, health)
}

/// Sends requests one behind the other until it is told to end. Returns the first that was lost.
fn send(address: SocketAddr, ends: &AtomicBool, answered: &AtomicUsize) -> Result<(), String> {
    let mut connection = Connection::new(address).map_err(|error| error.to_string())?;
    while !ends.load(SeqCst) {
        match connection.get("/") {
            Ok((200, text)) if text.starts_with("hello from ") => answered.fetch_add(1, SeqCst),
            other => return Err(format!("{other:?}, after {}", answered.load(SeqCst))),
        };
    }
    Ok(())
}

#[test]
fn no_request_is_lost_as_it_is_ended_under_load() {
    let (mut service, http, health) = start();
    let (ends, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let send = || scope.spawn(|| send(http, &ends, &answered));
        let senders: Vec<_> = (0..SENDERS).map(|_| send()).collect();
        until("the requests", || answered.load(SeqCst) >= REQUESTS);
        service.signal("TERM");
        let signalled = Instant::now();
        let ready = || get(health, "/readyz").unwrap();
        until("it is not ready any more", || ready().0 == 503);
        let (heard, before) = (Instant::now(), answered.load(SeqCst));
        assert!(heard - signalled < Duration::from_secs(1));
        // The balancer goes on, as it has not heard of it. New connections are taken as well.
        while heard.elapsed() < LAG {
            assert_eq!(ready(), (503, "draining\n".to_owned()));
            assert_eq!(get(health, "/livez").unwrap().0, 200);
            assert_eq!(get(http, "/").unwrap().0, 200);
        }
        ends.store(true, SeqCst);
        for sender in senders {
            sender.join().unwrap().expect("no request is lost");
        }
        assert!(answered.load(SeqCst) >= before + SENDERS, "it goes on");
    });
    // It is alive until nobody is there any more to ask.
    until("it is over", || match get(health, "/livez") {
        Ok((code, _)) => {
            assert_eq!(code, 200);
            false
        }
        Err(_) => true,
    });
    let (status, output) = service.end();
    assert_eq!(status.code(), Some(0), "{output}");
}

#[test]
fn a_second_signal_and_ctrl_c_end_it_without_the_wait() {
    for signals in [&["TERM", "TERM"][..], &["INT"]] {
        let (mut service, ..) = start();
        let began = Instant::now();
        for signal in signals {
            service.signal(signal);
        }
        let (status, output) = service.end();
        assert_eq!(status.code(), Some(0), "{output}");
        // Without that it were three seconds.
        let time = began.elapsed();
        assert!(time < Duration::from_secs(2), "{signals:?}: {time:?}");
    }
}

/// A connection that is kept goes round the balancer: without a word its next request would meet the end.
#[test]
fn who_keeps_a_connection_is_told_in_time_that_it_ends() {
    let (mut service, http, health) = start();
    let mut connection = Connection::new(http).unwrap();
    for _ in 0..2 {
        assert_eq!(connection.get("/").unwrap().0, 200);
        assert!(!connection.is_over);
    }
    service.signal("TERM");
    until("it drains", || get(health, "/readyz").unwrap().0 == 503);
    assert_eq!(connection.get("/").unwrap().0, 200);
    assert!(connection.is_over);
    service.signal("TERM");
    let (status, output) = service.end();
    assert_eq!(status.code(), Some(0), "{output}");
}

/// The times that are written beside the example hold what a stop may take.
#[test]
fn the_unit_file_and_the_manifest_leave_it_the_time() {
    let number = |text: &str, key: &str| -> u64 {
        let (_, rest) = text.split_once(key).expect(key);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect(key)
    };
    let source = include_str!("../http_service/main.rs");
    let unit = include_str!("../http_service/http_service.service");
    let manifest = include_str!("../http_service/http_service.yaml");
    let drain = number(source, "DRAIN: Duration = Duration::from_secs(");
    let grace = number(source, "GRACE: Duration = Duration::from_secs(");
    // The cancel time is not set.
    let stop = drain + grace + 5;
    assert!(number(unit, "TimeoutStopSec=") > stop);
    assert!(number(manifest, "terminationGracePeriodSeconds: ") > stop);
}
