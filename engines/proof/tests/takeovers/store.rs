//! A store that refuses older fences, and its history.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use foster_proof::Write;

/// A write as it came to the store.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at: Instant,
    pub(crate) write: Write,
    pub(crate) is_accepted: bool,
}

#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) address: SocketAddr,
    history: Arc<Mutex<Vec<Entry>>>,
}

impl Store {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let store = Self {
            address: listener.local_addr().expect("it is bound"),
            history: Arc::default(),
        };
        let served = store.clone();
        thread::spawn(move || {
            for writer in listener.incoming().flatten() {
                let store = served.clone();
                thread::spawn(move || store.serve(writer));
            }
        });
        store
    }

    fn serve(&self, mut writer: TcpStream) {
        let lines = BufReader::new(writer.try_clone().expect("a socket")).lines();
        for line in lines.map_while(Result::ok) {
            let Some(write) = Write::parse(&line) else {
                panic!("`{line}` is no write")
            };
            let is_accepted = self.take(write);
            let answer = if is_accepted { "accepted" } else { "refused" };
            if writeln!(writer, "{answer}").is_err() {
                return;
            }
        }
    }

    /// Accepts a write unless a greater fence was seen.
    fn take(&self, write: Write) -> bool {
        let mut history = self.history.lock().unwrap();
        let accepted = history.iter().rev().find(|entry| entry.is_accepted);
        let is_accepted = accepted.is_none_or(|entry| entry.write.fence <= write.fence);
        history.push(Entry {
            at: Instant::now(),
            write,
            is_accepted,
        });
        is_accepted
    }

    pub(crate) fn history(&self) -> Vec<Entry> {
        self.history.lock().unwrap().clone()
    }

    /// The last write that was accepted.
    pub(crate) fn last(&self) -> Option<Entry> {
        let history = self.history.lock().unwrap();
        history
            .iter()
            .rev()
            .find(|entry| entry.is_accepted)
            .cloned()
    }
}

/// What a history must show, but for the times in which nobody could hold the lease.
pub(crate) fn check(history: &[Entry], longest: Duration, excused: &[(Instant, Instant)]) {
    let accepted: Vec<_> = history.iter().filter(|entry| entry.is_accepted).collect();
    for (before, after) in accepted.iter().zip(accepted.iter().skip(1)) {
        let (earlier, later) = (&before.write, &after.write);
        assert!(earlier.fence <= later.fence, "{earlier}, then {later}");
        if earlier.fence == later.fence {
            assert_eq!(
                earlier.replica, later.replica,
                "two replicas have one fence"
            );
            assert_eq!(earlier.number + 1, later.number, "{earlier}, then {later}");
        } else {
            assert_eq!(later.number, 1, "the first write of a turn: {later}");
        }
        let is_excused = |(from, to): &(Instant, Instant)| before.at <= *to && *from <= after.at;
        let gap = after.at - before.at;
        assert!(
            gap <= longest || excused.iter().any(is_excused),
            "nobody wrote for {gap:?}, from {earlier} to {later}"
        );
    }
}
