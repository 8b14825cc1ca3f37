//! Tables of bytes and times, and random bytes.

use super::play::play;
use super::*;
use crate::http::request::Method;

const START: Duration = Duration::from_secs(100);

fn after(seconds: f64) -> Duration {
    START + Duration::from_secs_f64(seconds)
}

/// What comes of `bytes` in one piece.
fn step(bytes: &[u8]) -> Step {
    let mut machine = Machine::new(START);
    let fitting = bytes.len().min(machine.room());
    machine.push(START, &bytes[..fitting]);
    machine.step(START)
}

fn refused(bytes: &[u8]) -> u16 {
    match step(bytes) {
        Step::Refuse(refusal) => refusal.status,
        other => panic!("{other:?} of {:?}", String::from_utf8_lossy(bytes)),
    }
}

#[test]
fn requests_are_read() {
    let Step::Answer(request) = step(b"GET /status?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n") else {
        panic!("no request");
    };
    assert_eq!((request.method, &*request.path), (Method::Get, "/status"));
    assert_eq!(request.host.as_deref(), Some("localhost"));
    assert!(request.keeps);
}

#[test]
fn what_is_no_request_is_refused_with_a_status() {
    for (bytes, status) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4097\r\n\r\n",
            413,
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            413,
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\n",
            400,
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\n",
            400,
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n",
            400,
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            501,
        ),
        (b"GET /\xff HTTP/1.1\r\nHost: \x00\r\n\r\n", 400),
    ] {
        assert_eq!(
            refused(bytes),
            status,
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn a_head_is_bounded() {
    let long = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(HEAD)
    );
    assert_eq!(refused(long.as_bytes()), 431);
    assert_eq!(refused(&[b'\n'; HEAD]), 431);
    let many = format!(
        "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "X: y\r\n".repeat(100)
    );
    assert_eq!(refused(many.as_bytes()), 431);
    let mut machine = Machine::new(START);
    machine.push(START, b"GET / HTTP/1.1\r\n");
    assert!(machine.room() < HEAD);
}

#[test]
fn a_request_may_come_in_single_bytes() {
    let text = format!(
        "POST /reload HTTP/1.1\r\nHost: a\r\nX: {}\r\nContent-Length: 3\r\n\r\nabc",
        "x".repeat(2 * LOOKED_AT)
    );
    let mut machine = Machine::new(START);
    let (last, others) = text.as_bytes().split_last().unwrap();
    for byte in others {
        machine.push(START, &[*byte]);
        assert_eq!(machine.step(START), Step::Wait);
    }
    machine.push(START, &[*last]);
    assert!(matches!(machine.step(START), Step::Answer(request) if request.body == 3));
}

#[test]
fn a_body_that_is_waited_for_is_asked_for() {
    let mut machine = Machine::new(START);
    machine.push(
        START,
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert_eq!(machine.step(START), Step::Continue);
    assert_eq!(machine.step(START), Step::Wait);
    assert_eq!(machine.room(), 2);
    machine.push(START, b"ab");
    assert!(matches!(machine.step(START), Step::Answer(_)));
}

#[test]
fn requests_after_each_other_are_answered_in_turn() {
    let mut machine = Machine::new(START);
    machine.push(START, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(matches!(machine.step(START), Step::Answer(request) if request.path == "/a"));
    assert_eq!(machine.step(START), Step::Wait);
    assert_eq!(machine.room(), 0);
    assert!(machine.answered(START));
    assert!(matches!(machine.step(START), Step::Answer(request) if request.path == "/b"));
    assert!(!machine.answered(START));
    machine.end();
    assert_eq!(machine.step(START), Step::Close);
}

#[test]
fn the_old_version_has_one_request() {
    let Step::Answer(request) = step(b"GET / HTTP/1.0\r\n\r\n") else {
        panic!("no request");
    };
    assert!(!request.keeps);
}

#[test]
fn an_end_in_the_middle_closes() {
    for bytes in [
        &b""[..],
        b"GET / HT",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
    ] {
        let mut machine = Machine::new(START);
        machine.push(START, bytes);
        machine.end();
        assert_eq!(machine.step(START), Step::Close);
    }
    // Whoever has said all may close its side.
    let mut machine = Machine::new(START);
    machine.push(START, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    machine.end();
    assert!(matches!(machine.step(START), Step::Answer(_)));
    assert!(!machine.keeps());
}

#[test]
fn each_state_has_its_time() {
    let mut machine = Machine::new(START);
    assert_eq!(machine.deadline(), Some(after(5.0)));
    assert_eq!(machine.late(after(5.0)), Step::Close);
    // More bytes of a head do not prolong it.
    machine.push(after(1.0), b"GET / HTTP/1.1\r\n");
    machine.push(after(4.0), b"Host: a\r\n");
    assert_eq!(machine.step(after(4.0)), Step::Wait);
    assert_eq!(machine.deadline(), Some(after(6.0)));
    machine.push(after(5.0), b"\r\n");
    assert!(matches!(machine.step(after(5.0)), Step::Answer(_)));
    assert_eq!(machine.deadline(), None);
    assert_eq!(machine.late(after(60.0)), Step::Wait);
    assert!(machine.answered(after(6.0)));
    assert_eq!(machine.deadline(), Some(after(36.0)));
    machine.push(after(7.0), b"P");
    assert_eq!(machine.deadline(), Some(after(12.0)));
    assert!(matches!(machine.late(after(12.0)), Step::Refuse(refusal) if refusal.status == 408));
    assert_eq!(machine.deadline(), Some(after(12.5)));
    assert_eq!(machine.late(after(12.5)), Step::Close);
}

#[test]
fn random_bytes_do_no_harm() {
    let mut random = fastrand::Rng::with_seed(match std::env::var("FOSTER_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => fastrand::u64(..),
    });
    let words: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\n",
        b"POST /units/a/stop HTTP/1.1\r\n",
        b"Host: localhost\r\n",
        b"\r\n",
        b"Content-Length: 3\r\n",
        b"abc",
        b"\n",
        b"HTTP/1.1",
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
        b"\0",
        b"\xff\xff",
    ];
    for _ in 0..20_000 {
        let mut bytes = Vec::new();
        for _ in 0..random.usize(..24) {
            match random.u8(..4) {
                0 => bytes.push(random.u8(..)),
                _ => {
                    let word = words[random.usize(..words.len())];
                    // The size of the next piece stands before it.
                    bytes.push(u8::try_from(word.len()).unwrap());
                    bytes.extend_from_slice(word);
                }
            }
        }
        play(&bytes);
    }
}
