//! A way to the engine that can be cut, or swallow what goes over it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of what goes over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Nothing comes through, and nobody is told.
    Swallows,
    /// Connections end, and new ones as well.
    Cut,
    /// All comes half a second late.
    Slow,
}

const WAYS: [Way; 4] = [Way::Open, Way::Swallows, Way::Cut, Way::Slow];

#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    way: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub(crate) fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = Self {
            address: listener.local_addr().expect("it is bound"),
            way: Arc::default(),
            open: Arc::default(),
        };
        let passes = proxy.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                passes.pass(near, to);
            }
        });
        proxy
    }

    pub(crate) fn set(&self, way: Way) {
        let index = WAYS.iter().position(|other| *other == way).expect("a way");
        self.way
            .store(u8::try_from(index).expect("few ways"), SeqCst);
        if way == Way::Cut {
            for open in self.open.lock().unwrap().drain(..) {
                let _ = open.shutdown(Shutdown::Both);
            }
        }
    }

    fn way(&self) -> Way {
        WAYS[usize::from(self.way.load(SeqCst))]
    }

    fn pass(&self, near: TcpStream, to: u16) {
        if self.way() == Way::Cut {
            return;
        }
        let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else {
            return;
        };
        for end in [&near, &far] {
            // Each of the messages is small, and waits for no other.
            end.set_nodelay(true).expect("a socket");
        }
        let ends = [&near, &far].map(|end| end.try_clone().expect("a socket"));
        self.open.lock().unwrap().extend(ends);
        for (mut from, mut to) in [
            (
                near.try_clone().expect("a socket"),
                far.try_clone().expect("a socket"),
            ),
            (far, near),
        ] {
            let proxy = self.clone();
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(number @ 1..) = from.read(&mut bytes) {
                    match proxy.way() {
                        Way::Swallows => continue,
                        Way::Slow => thread::sleep(Duration::from_millis(500)),
                        Way::Open | Way::Cut => {}
                    }
                    if to.write_all(&bytes[..number]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(Shutdown::Both);
            });
        }
    }
}
