//! A server for the cases with sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::bench::{Bench, Finding};
use crate::kind::Subject;
use crate::tools::Gate;

/// A server on this machine that sends all bytes back, until it is dropped.
pub(crate) struct Echo {
    address: SocketAddr,
    over: Gate,
}

impl Echo {
    pub(crate) fn start<K: Subject>(bench: &Bench<K>) -> Finding<Self> {
        let no_server = |error| bench.violation(format!("no server to connect to: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(no_server)?;
        let address = listener.local_addr().map_err(no_server)?;
        let over = Gate::default();
        let (is_over, patience) = (over.clone(), bench.patience());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if is_over.is_open() {
                    return;
                }
                thread::spawn(move || answer(stream, patience));
            }
        });
        Ok(Self { address, over })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.over.open();
        // The thread that waits for the next connection sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

/// Sends all bytes back, until the other side is gone or silent for longer than `patience`.
fn answer(mut stream: TcpStream, patience: Duration) {
    let mut buffer = [0; 64];
    let limited = stream.set_read_timeout(Some(patience));
    while let (Ok(()), Ok(count @ 1..)) = (&limited, stream.read(&mut buffer)) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
