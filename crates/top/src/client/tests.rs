use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use foster::{Runtime, Tokio};

use super::*;
use crate::fixture::value;

/// A daemon that gives one answer, whatever it is asked; returns its port, and what it will have been asked.
fn daemon(
    answer: impl FnOnce(&mut TcpStream) + Send + 'static,
) -> (Address, flume::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::Tcp(listener.local_addr().unwrap().to_string());
    let (asked, question) = flume::bounded(1);
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        asked.send(String::from_utf8(request).unwrap()).unwrap();
        answer(&mut stream);
    });
    (address, question)
}

/// One that writes `bytes`, and closes.
fn daemon_of(bytes: impl Into<Vec<u8>>) -> (Address, flume::Receiver<String>) {
    let bytes = bytes.into();
    // Whoever has seen enough closes first.
    daemon(move |stream| drop(stream.write_all(&bytes)))
}

fn answer(head: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ask<T: Send + 'static, F: Future<Output = T> + 'static>(
    address: Address,
    ask: impl FnOnce(Client) -> F + Send + 'static,
) -> T {
    let runtime = Runtime::builder().quiet().build();
    runtime.start().unwrap();
    let client = Client::new(address, Some("secret")).unwrap();
    let answer = runtime.execute(Tokio, move || ask(client)).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    answer
}

fn status(address: Address) -> Result<Status, String> {
    let status = ask(address, |client| async move { client.status().await });
    status.map_err(|error| format!("{error:#}"))
}

fn command(address: Address, command: Command) -> Result<String, String> {
    let told = ask(address, |client| async move {
        client.send_command(&command).await
    });
    told.map_err(|error| format!("{error:#}"))
}

#[test]
fn a_status_is_asked_for_and_read_in_pieces_too() {
    let (address, asked) = daemon_of(answer("200 OK", &value().to_string()));
    assert_eq!(status(address.clone()).unwrap().units.len(), 8);
    let asked = asked.recv().unwrap().to_lowercase();
    assert!(asked.starts_with("get /status http/1.1\r\n"), "{asked}");
    for line in [
        &format!("host: {address}"),
        "connection: close",
        "authorization: bearer secret",
    ] {
        assert!(asked.contains(&format!("{line}\r\n")), "{line} in {asked}");
    }
    let (body, head) = (
        value().to_string(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let (first, second) = body.split_at(100);
    let chunks = format!(
        "{head}64\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        second.len()
    );
    assert!(status(daemon_of(chunks).0).is_ok());
}

#[test]
fn what_is_no_status_is_told_apart() {
    let without = |key: &str| {
        let mut value = value();
        value.as_object_mut().unwrap().remove(key);
        answer("200 OK", &value.to_string())
    };
    let table = [
        (without("flavours"), "missing field `flavours`"),
        (answer("200 OK", "<html>"), "no"),
        (
            answer("421 Misdirected Request", "asked by localhost\nalone"),
            "asked by localhost · alone",
        ),
        (answer("302 Found", ""), "302"),
        ("SSH-2.0-OpenSSH_9\r\n".to_owned(), "invalid HTTP"),
        (String::new(), "closed"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{".to_owned(),
            "end of file",
        ),
        (answer("500 Oh", "\u{1b}[2J"), "\\u{1b}[2J"),
    ];
    for (bytes, says) in table {
        let error = status(daemon_of(bytes.clone()).0).unwrap_err();
        assert!(error.contains(says), "{says} in {error}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = status(Address::Tcp(nobody.to_string())).unwrap_err();
    assert!(error.contains("refused"), "{error}");
}

#[test]
fn an_answer_without_an_end_costs_no_more_than_its_limit() {
    let (address, _asked) = daemon(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b' '; 65536]).is_ok() {}
    });
    let error = status(address).unwrap_err();
    assert!(error.contains("limit"), "{error}");
}

#[test]
fn a_daemon_that_says_nothing_is_not_waited_for() {
    let (address, _asked) = daemon(|stream| {
        // Until the other side has had enough.
        let _ = stream.read(&mut [0]);
    });
    assert_eq!(status(address).unwrap_err(), "no answer within 5 s");
}

#[test]
fn commands_are_posts_and_their_answers_words() {
    let stop = Command::Stop("listener/a b?%\u{e9}".to_owned());
    let body = r#"{"unit": "a", "asked": "stop", "state": "running"}"#;
    let (address, asked) = daemon_of(answer("202 Accepted", body));
    assert_eq!(command(address, stop), Ok("asked".to_owned()));
    let asked = asked.recv().unwrap();
    assert!(
        asked.starts_with("POST /units/listener/a%20b%3F%25%C3%A9/stop HTTP/1.1"),
        "{asked}"
    );

    let table = [
        (
            answer("200 OK", r#"{"reloaded": ["a", "b"]}"#),
            Ok("done by a, b"),
        ),
        (
            answer("200 OK", r#"{"reloaded": []}"#),
            Ok("done, nothing takes part"),
        ),
        (
            answer("404 Not Found", "control is off"),
            Err("control is off (404 Not Found)"),
        ),
        (
            answer("403 Forbidden", ""),
            Err("nothing more (403 Forbidden)"),
        ),
    ];
    for (bytes, told) in table {
        let told = told.map(str::to_owned).map_err(str::to_owned);
        let (address, asked) = daemon_of(bytes);
        assert_eq!(command(address, Command::Reload), told);
        assert!(asked.recv().unwrap().starts_with("POST /reload HTTP/1.1"));
    }
}

#[test]
fn a_token_that_no_header_may_have_is_refused() {
    let address = || Address::Tcp("a:1".to_owned());
    assert!(Client::new(address(), Some("a\r\nb")).is_err());
    assert!(Client::new(Address::Tcp("a\nb:1".to_owned()), None).is_err());
}
