//! Requests that nobody should send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::{AT_ONCE, Looked, until};

#[test]
fn malformed_requests_are_refused_with_a_text() {
    let looked = Looked::new();
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "x".repeat(20_000)
    );
    let cookies = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "Cookie: a=b\r\n".repeat(600)
    );
    let large = format!(
        "POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    for (bytes, status) in [
        ("\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/3\r\nHost: localhost\r\n\r\n", 505),
        ("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nConnection: close\r\n\r\n",
            403,
        ),
        (
            "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
            400,
        ),
        (
            "POST /reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            501,
        ),
        (
            "POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            400,
        ),
        (&long, 431),
        (&cookies, 431),
        (&large, 413),
    ] {
        let shown: String = bytes.chars().take(60).collect();
        let bytes = bytes.replace(
            "Host: evil.example\r\n",
            "Host: evil.example\r\nConnection: close\r\n",
        );
        let answer = looked.send(bytes.as_bytes());
        assert_eq!(answer.status, status, "{shown:?} {answer:?}");
        assert!(!answer.body.is_empty(), "{shown:?} {answer:?}");
    }
}

#[test]
fn who_is_slow_is_told_so() {
    let looked = Looked::new();
    let mut slow = looked.connect();
    slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let began = Instant::now();
    let mut answer = String::new();
    let mut other = slow.try_clone().unwrap();
    // A byte now and then does not help.
    std::thread::spawn(move || {
        while other.write_all(b"X: y\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    let _ = slow.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        (4..8).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    let looked = Looked::new();
    let idle: Vec<TcpStream> = (0..1000).map(|_| looked.connect()).collect();
    // Long before they are too late with their requests.
    let answer = looked.get("/livez");
    assert!(answer.took < 10 * AT_ONCE, "{answer:?}");
    let answer = looked.get("/status");
    assert_eq!(answer.status, 200);
    assert!(answer.took < AT_ONCE, "{answer:?}");
    drop(idle);
}

#[test]
fn listeners_leave_room_for_others() {
    let looked = Looked::new();
    let mut listening = Vec::new();
    for number in 0..40 {
        let mut stream = looked.connect();
        stream
            .write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        let expected = if number < 32 {
            "HTTP/1.1 200"
        } else {
            "HTTP/1.1 503"
        };
        assert_eq!(std::str::from_utf8(&first).unwrap(), expected, "{number}");
        listening.push(stream);
    }
    assert_eq!(looked.get("/status").status, 200);
    // Their place is free when they are gone.
    let began = Instant::now();
    drop(listening);
    until("there is room again", || {
        looked.ask("HEAD", "/events", "").status == 200
    });
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn ten_thousand_malformed_requests_do_no_harm() {
    let looked = Looked::new();
    let mut random = fastrand::Rng::with_seed(match std::env::var("FOSTER_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => fastrand::u64(..),
    });
    let request = b"POST /units/a/stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    let before = memory();
    for number in 0..10_000 {
        let mut bytes = request.to_vec();
        for _ in 0..random.usize(1..8) {
            let at = random.usize(..bytes.len());
            match random.u8(..3) {
                0 => bytes[at] = random.u8(..),
                1 => drop(bytes.drain(at..(at + random.usize(1..20)).min(bytes.len()))),
                _ => bytes.insert(at, random.u8(..)),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let mut stream = looked.connect();
        let _ = stream.write_all(&bytes);
        if number % 500 == 0 {
            let answer = looked.get("/readyz");
            assert_eq!(answer.status, 200);
            // Windows has fewer connections wait, and who finds no place tries again.
            assert!(answer.took < AT_ONCE || cfg!(windows), "{answer:?}");
        }
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < 20_000, "{grown} kB more");
    assert_eq!(looked.admin.restarts(), 0);
    assert_eq!(looked.get("/livez").status, 200);
}

/// What this process has of the machine's memory, in kB; nothing where that is not told.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}
