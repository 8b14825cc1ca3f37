//! Signals of Unix, and a waker that nobody gets past. Row S4.

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Wake};
use std::thread;
use std::time::Duration;

use foster::{Runtime, Shutdown, Thread};
use signal_hook::consts::SIGTERM;

use crate::child;
use crate::common::*;
use crate::once;

once!(s4_a_waker_that_blocks_stops_no_signal_from_being_counted);

/// A waker that does not come back.
struct Blocks(Event);

impl Wake for Blocks {
    fn wake(self: Arc<Self>) {
        self.0.happen();
        block_until(&Event::new());
    }
}

pub fn stalled() {
    let runtime = Runtime::builder().grace(Duration::from_secs(3_600)).build();
    runtime.start().unwrap();
    let (sender, receiver) = channel();
    let blocks = move || {
        sender.send(Shutdown::current()).unwrap();
        // Beyond the grace time.
        block_until(&Event::new());
    };
    runtime.adopt(Thread, blocks).unwrap();
    let token = receiver.recv_timeout(SOON).unwrap();
    let blocked = Event::new();
    let waker = Arc::new(Blocks(blocked.clone())).into();
    let mut requested = pin!(token.requested());
    let polled = requested.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let raise = || signal_hook::low_level::raise(SIGTERM).unwrap();
    raise();
    blocked.expect("the waker blocks");
    loop {
        // Signals at once may count as one.
        thread::sleep(Duration::from_millis(300));
        raise();
    }
}

fn s4_a_waker_that_blocks_stops_no_signal_from_being_counted() {
    let played = child::play("stalled signals");
    let status = played.status.code();
    assert_eq!(status, Some(128 + SIGTERM), "{}", played.text);
}
