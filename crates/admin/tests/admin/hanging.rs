//! Answers while executors hang.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use foster::status::Status;
use foster::{Smol, Tokio};
use foster_admin::Admin;

use crate::client::{AT_ONCE, Looked, SOON, builder, until};

/// Blocks the thread that polls it until `over` says so.
async fn hang(begun: Sender<()>, over: Receiver<()>) {
    begun.send(()).unwrap();
    let _ = over.recv();
}

#[test]
fn all_answer_while_smol_and_tokio_hang() {
    let looked = Looked::new();
    looked.runtime.execute(Smol, || async {}).unwrap();
    looked.runtime.execute(Tokio, || async {}).unwrap();
    assert_eq!(looked.get("/livez").status, 200);
    let (begun, has_begun) = channel();
    let (end_smol, until_smol) = channel();
    let (end_tokio, until_tokio) = channel();
    let first = begun.clone();
    looked
        .runtime
        .adopt(Smol, || hang(first, until_smol))
        .unwrap();
    looked
        .runtime
        .adopt(Tokio, || hang(begun, until_tokio))
        .unwrap();
    for _ in 0..2 {
        has_begun.recv_timeout(SOON).unwrap();
    }
    let address = looked.address;
    // What was answered before says nothing of now. It takes its second, and holds nobody up meanwhile.
    let live = std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        crate::client::exchange(
            &mut stream,
            b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n",
        )
    });
    let mut number = 0;
    while !live.is_finished() {
        for path in ["/status", "/readyz", "/metrics", "/"] {
            let answer = looked.get(path);
            assert!(answer.took < AT_ONCE, "{path} took {:?}", answer.took);
            number += 1;
        }
    }
    assert!(number > 4);
    let answer = live.join().unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer.body.contains("`smol`") && answer.body.contains("`tokio`"),
        "{answer:?}"
    );
    assert!(answer.took < Duration::from_millis(1500), "{answer:?}");
    // That they have not answered is known, and who asks again need not wait as long.
    let again = looked.get("/livez");
    assert_eq!(again.status, 503);
    assert!(again.took < AT_ONCE, "{again:?}");
    end_smol.send(()).unwrap();
    until("only one hangs", || {
        !looked.get("/livez").body.contains("`smol`")
    });
    end_tokio.send(()).unwrap();
    until("all are alive", || looked.get("/livez").status == 200);
}

#[test]
fn a_stall_is_shown_while_it_lasts() {
    let builder = builder().stall_after(Duration::from_millis(300));
    let looked = Looked::with(builder, Admin::loopback(0), |_| {});
    let (begun, has_begun) = channel();
    let (end, is_over) = channel();
    let payload = || hang(begun, is_over);
    looked
        .runtime
        .named("import")
        .adopt(Tokio, payload)
        .unwrap();
    has_begun.recv_timeout(SOON).unwrap();
    let stall = || {
        let status: Status = serde_json::from_str(&looked.get("/status").body).unwrap();
        status
            .flavours
            .into_iter()
            .find_map(|flavour| flavour.stall)
    };
    until("it is seen", || stall().is_some());
    let stall_seen = stall().unwrap();
    assert!(
        stall_seen.is_whole && stall_seen.payloads[0].contains("import"),
        "{stall_seen:?}"
    );
    let metrics = looked.get("/metrics").body;
    assert!(
        metrics.contains("foster_flavour_stalled{flavour=\"tokio\"} 1"),
        "{metrics}"
    );
    end.send(()).unwrap();
    until("it is over", || stall().is_none());
}
