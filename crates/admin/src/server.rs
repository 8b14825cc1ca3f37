//! The thread that serves all connections.
//!
//! It sleeps in the poller until a socket, an executor's answer or the runtime wakes it, or something is due. With nobody
//! connected nothing is, and it watches nothing.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use foster_core::{Reloading, Runtime, Shutdown};
use mio::{Events, Interest, Token};
use slab::Slab;

use self::connection::{Connection, Task, Turn};
use crate::admin::Place;
use crate::events::Watch;
use crate::listener::Listening;
use crate::live::Live;
use crate::metrics::Tally;
use crate::stopping;

mod answering;
mod connection;

/// How many connections there are at a time.
const CONNECTIONS: usize = 64;

/// How many more there may be, only to be told that there are too many.
const REFUSED: usize = 16;

/// How many requests of one connection are answered before others have their turn.
const AT_ONCE: usize = 16;

/// When it tries again to accept, after the system would not.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

const BELL: Token = Token(usize::MAX - 1);
/// The tokens of listeners, which count on from here; below are those of connections.
const FIRST_LISTENER: usize = 1 << 20;

/// Wakes the poller from anywhere.
struct Bell(mio::Waker);

impl Bell {
    fn ring(&self) {
        // It fails only if the poller is gone, and then nobody is to be woken.
        let _ = self.0.wake();
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

/// One run of the service.
pub(crate) struct Server<'a> {
    runtime: &'a Runtime,
    token: Option<&'a str>,
    poll: mio::Poll,
    bell: Arc<Bell>,
    listening: Vec<Listening>,
    /// When accepting is tried again.
    accept_at: Option<Duration>,
    began: Instant,
    connections: Slab<Connection>,
    /// Connections that had their turn and could go on.
    eager: Vec<usize>,
    watch: Option<Watch>,
    live: Option<Live>,
    reloading: Option<Pin<Box<Reloading>>>,
    /// There once somebody has asked for metrics.
    tally: Option<Tally>,
}

impl<'a> Server<'a> {
    pub(crate) fn new(runtime: &'a Runtime, place: &'a Place) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let listening = place.listeners.iter().enumerate().map(|(index, listener)| {
            listener.listen(poll.registry(), Token(FIRST_LISTENER + index))
        });
        Ok(Self {
            runtime,
            token: place.token.as_deref(),
            listening: listening.collect::<io::Result<_>>()?,
            bell: Arc::new(Bell(mio::Waker::new(poll.registry(), BELL)?)),
            poll,
            accept_at: None,
            began: Instant::now(),
            connections: Slab::new(),
            eager: Vec::new(),
            watch: None,
            live: None,
            reloading: None,
            tally: None,
        })
    }

    pub(crate) fn run(mut self) -> io::Result<()> {
        let shutdown = Shutdown::current();
        let bell = Arc::clone(&self.bell);
        let _until_return = shutdown.on_request(move || bell.ring());
        let mut events = Events::with_capacity(2 * CONNECTIONS);
        let mut look_at = None;
        // Those who came before the last run had ended.
        self.accept_all(self.now());
        loop {
            let due = self.due().into_iter().chain(look_at).min();
            let limit = due.map(|due| due.saturating_sub(self.now()));
            match self.poll.poll(&mut events, limit) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = self.now();
            for event in &events {
                match event.token() {
                    BELL => {}
                    Token(index) => match index.checked_sub(FIRST_LISTENER) {
                        Some(listener) => self.accept(listener, now),
                        None => self.serve(index, now),
                    },
                }
            }
            events.clear();
            self.go_on(now);
            if shutdown.is_requested() && look_at.is_none_or(|look_at| look_at <= now) {
                if stopping::is_over(&self.runtime.status()) {
                    break;
                }
                // With a hundred thousand payloads a look takes some milliseconds, which the stop may need.
                let pause = stopping::LOOK.max(4 * self.now().saturating_sub(now));
                look_at = Some(now + pause);
            }
        }
        self.say_farewell();
        Ok(())
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// When there is something to do, if nothing happens.
    fn due(&self) -> Option<Duration> {
        if !self.eager.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadlines = self.connections.iter();
        let deadlines = deadlines.filter_map(|(_, connection)| connection.deadline());
        let live = self.live.as_ref().filter(|_| self.is_any(Task::Live));
        let live = live.map(Live::until);
        let watch = self.watch.as_ref().map(Watch::until);
        deadlines
            .chain(live)
            .chain(watch)
            .chain(self.accept_at)
            .min()
    }

    fn is_any(&self, task: Task) -> bool {
        self.connections
            .iter()
            .any(|(_, connection)| connection.task == task)
    }

    /// All that is due, and all that has come without a socket.
    fn go_on(&mut self, now: Duration) {
        for key in std::mem::take(&mut self.eager) {
            self.serve(key, now);
        }
        for key in self.keys(|connection| connection.deadline().is_some_and(|at| at <= now)) {
            match self.connections[key].is_late(now) {
                true => self.serve(key, now),
                false => self.remove(key),
            }
        }
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept_at = None;
            self.accept_all(now);
        }
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut context = Context::from_waker(&waker);
        self.look_at_live(now, &mut context);
        self.look_at_reload(now, &mut context);
        self.tell(now, &mut context);
    }

    fn keys(&self, which: impl Fn(&Connection) -> bool) -> Vec<usize> {
        let connections = self.connections.iter();
        let those = connections.filter(|(_, connection)| which(connection));
        those.map(|(key, _)| key).collect()
    }

    fn remove(&mut self, key: usize) {
        if let Some(mut connection) = self.connections.try_remove(key) {
            // It is closed at once, which the poller sees by itself.
            let _ = self.poll.registry().deregister(&mut connection.stream);
        }
    }

    fn accept_all(&mut self, now: Duration) {
        for listener in 0..self.listening.len() {
            self.accept(listener, now);
        }
    }

    /// Takes all that have come.
    fn accept(&mut self, listener: usize, now: Duration) {
        let Some(listening) = self.listening.get(listener) else {
            return;
        };
        let hosts = listening.hosts();
        for _ in 0..CONNECTIONS {
            let mut stream = match self.listening[listener].accept() {
                Ok(stream) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // It was gone before it was taken.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                // The system has no room for one more.
                Err(_) => {
                    self.accept_at = Some(now + ACCEPT_AGAIN);
                    return;
                }
            };
            let is_full = self.connections.len() >= CONNECTIONS && !self.make_room();
            if self.connections.len() >= CONNECTIONS + REFUSED {
                continue;
            }
            let entry = self.connections.vacant_entry();
            let (key, interest) = (entry.key(), Interest::READABLE | Interest::WRITABLE);
            let registered = self
                .poll
                .registry()
                .register(&mut stream, Token(key), interest);
            if registered.is_err() {
                continue;
            }
            let connection = entry.insert(Connection::new(stream, hosts, now));
            if is_full {
                connection.turn_away("too many connections at a time", now);
            }
            self.serve(key, now);
        }
        // More may have come, after those who are here have had their turn.
        self.accept_at = Some(now);
    }

    /// Closes the connection that has been without a request for longest: who has a request is served, however many
    /// have none. Whether there is one.
    fn make_room(&mut self) -> bool {
        let unused = self.connections.iter().filter(|(_, one)| one.is_unused());
        let oldest = unused
            .min_by_key(|(_, one)| one.deadline())
            .map(|(key, _)| key);
        oldest.inspect(|key| self.remove(*key)).is_some()
    }

    /// Goes on with a connection as far as it goes.
    fn serve(&mut self, key: usize, now: Duration) {
        for _ in 0..AT_ONCE {
            let Some(connection) = self.connections.get_mut(key) else {
                return;
            };
            match connection.turn(now) {
                Turn::Asleep => {
                    connection.tell_owed(self.watch.as_ref().map(Watch::status), now);
                    if connection.is_flushed() || connection.is_stuck() {
                        return;
                    }
                }
                Turn::Gone => return self.remove(key),
                Turn::Request(request) => self.answer(key, &request, now),
            }
        }
        self.eager.push(key);
    }
}
