//! A wire that can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Stands between a client and a server.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How often it was cut.
    cuts: AtomicU64,
    over: AtomicBool,
}

impl Proxy {
    /// One before a server at this port.
    ///
    /// # Panics
    ///
    /// If there is no port for it.
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State::default());
        let own = state.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                if own.over.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server)))
                else {
                    continue;
                };
                let twice = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
                for (from, to) in [(twice(&client), twice(&server)), (server, client)] {
                    let state = own.clone();
                    thread::spawn(move || pump(from, to, &state.cuts));
                }
            }
        });
        Self { port, state }
    }

    /// At which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing comes through on the connections that there are, and none of them ends. New ones work.
    pub fn cut(&self) {
        self.state.cuts.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        // So that its thread looks.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, cuts: &AtomicU64) {
    let since = cuts.load(Ordering::SeqCst);
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let cut = cuts.load(Ordering::SeqCst) != since;
        if !cut && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
