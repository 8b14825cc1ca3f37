//! A connection with its socket: brings bytes to the machine, and answers to the other side.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use crate::http::guard::Hosts;
use crate::http::machine::{Machine, Step};
use crate::http::request::{Method, Refusal, Request};
use crate::http::response::{self, Response};
use crate::listener::Stream;

/// How long the other side may take nothing of an answer.
const STUCK: Duration = Duration::from_secs(10);

/// How much may wait for a slow listener.
const WAITING: usize = 256 * 1024;

/// How much is thrown away of what comes after a refusal, or beside events.
const IGNORED: usize = 64 * 1024;

/// A connection.
pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) hosts: Hosts,
    pub(super) task: Task,
    machine: Machine,
    /// What is to go out, and how much of it has.
    out: Vec<u8>,
    sent: usize,
    /// The socket has no room.
    is_blocked: bool,
    /// When something went out last.
    moved: Duration,
    /// Whether what goes out is the answer to a request.
    is_answering: bool,
    /// Whether the other side is to be told that it was all, as soon as it is.
    ends: bool,
    has_ended: bool,
    ignored: usize,
    is_head: bool,
    /// How much of what waits are events, which come without being asked for.
    waiting: usize,
    /// It has not been told of the last status.
    owes: bool,
}

/// What a connection is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Requests that are answered at once.
    Requests,
    /// It waits for executors.
    Live,
    /// It waits for a reload.
    Reload,
    /// It hears what happens.
    Events,
}

/// What is to be done next with it.
pub(super) enum Turn {
    /// Nothing before its socket says so.
    Asleep,
    /// This is to be answered.
    Request(Request),
    /// It is over.
    Gone,
}

impl Connection {
    pub(super) fn new(stream: Stream, hosts: Hosts, now: Duration) -> Self {
        Self {
            stream,
            hosts,
            task: Task::Requests,
            machine: Machine::new(now),
            out: Vec::new(),
            sent: 0,
            is_blocked: false,
            moved: now,
            is_answering: false,
            ends: false,
            has_ended: false,
            ignored: 0,
            is_head: false,
            waiting: 0,
            owes: false,
        }
    }

    /// Goes on as far as the socket lets it.
    pub(super) fn turn(&mut self, now: Duration) -> Turn {
        self.go_on(now).unwrap_or(Turn::Gone)
    }

    fn go_on(&mut self, now: Duration) -> io::Result<Turn> {
        loop {
            if !self.send(now)? {
                return Ok(Turn::Asleep);
            }
            match self.task {
                Task::Live | Task::Reload => return Ok(Turn::Asleep),
                Task::Events => return self.ignore(),
                Task::Requests => {}
            }
            if std::mem::take(&mut self.is_answering) && !self.machine.answered(now) {
                self.ends = true;
            }
            if std::mem::take(&mut self.ends) && !std::mem::replace(&mut self.has_ended, true) {
                self.stream.end()?;
            }
            match self.machine.step(now) {
                Step::Answer(request) => {
                    self.is_head = request.method == Method::Head;
                    return Ok(Turn::Request(request));
                }
                Step::Refuse(refusal) => self.refuse(refusal, now),
                Step::Continue => self.put(b"HTTP/1.1 100 Continue\r\n\r\n", now),
                Step::Close => return Ok(Turn::Gone),
                Step::Wait => {
                    if !self.receive(now)? {
                        return Ok(Turn::Asleep);
                    }
                }
            }
        }
    }

    /// Reads what the machine has room for. Whether something came.
    fn receive(&mut self, now: Duration) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let room = self.machine.room().min(buffer.len());
        match read(&mut self.stream, &mut buffer[..room])? {
            None => return Ok(false),
            Some(0) => self.machine.end(),
            Some(number) => {
                if self.has_ended {
                    self.note_ignored(number)?;
                }
                self.machine.push(now, &buffer[..number]);
            }
        }
        Ok(true)
    }

    /// Reads what nobody asked for, to see whether the other side is gone.
    fn ignore(&mut self) -> io::Result<Turn> {
        let mut buffer = [0; 4096];
        loop {
            match read(&mut self.stream, &mut buffer)? {
                None => return Ok(Turn::Asleep),
                Some(0) => return Ok(Turn::Gone),
                Some(number) => self.note_ignored(number)?,
            }
        }
    }

    fn note_ignored(&mut self, number: usize) -> io::Result<()> {
        self.ignored += number;
        match self.ignored > IGNORED {
            true => Err(ErrorKind::InvalidData.into()),
            false => Ok(()),
        }
    }

    /// Sends what there is. Whether all of it has gone out.
    fn send(&mut self, now: Duration) -> io::Result<bool> {
        self.is_blocked = false;
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(number) => {
                    self.sent += number;
                    self.moved = now;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    return Ok(false);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.sent > 0 {
            // Not kept: it may have been large, and connections last.
            self.out = Vec::new();
            self.sent = 0;
            self.waiting = 0;
        }
        Ok(true)
    }

    fn put(&mut self, bytes: &[u8], now: Duration) {
        if self.is_flushed() {
            self.moved = now;
        }
        self.out.extend_from_slice(bytes);
    }

    /// Whether all has gone out.
    pub(super) fn is_flushed(&self) -> bool {
        self.sent == self.out.len()
    }

    /// Whether its socket took less than there was.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_blocked
    }

    /// Whether nobody would miss it.
    pub(super) fn is_unused(&self) -> bool {
        self.task == Task::Requests && self.is_flushed() && self.machine.is_unused()
    }

    /// Answers the request that it has.
    pub(super) fn answer(&mut self, response: Response, now: Duration) {
        let keeps = self.machine.keeps();
        self.task = Task::Requests;
        self.is_answering = true;
        let bytes = response.into_bytes(keeps, self.is_head);
        self.put(&bytes, now);
    }

    fn refuse(&mut self, refusal: Refusal, now: Duration) {
        let response = Response::from(refusal);
        self.ends = true;
        self.put(&response.into_bytes(false, false), now);
    }

    /// Says that there is no room for it, and nothing else.
    pub(super) fn turn_away(&mut self, text: &str, now: Duration) {
        let refusal = Refusal::new(503, text);
        if let Step::Refuse(refusal) = self.machine.refuse(now, refusal) {
            self.refuse(refusal, now);
        }
    }

    /// Begins to tell what happens, with the present `status`. Asked for the head alone, that is all.
    pub(super) fn listen(&mut self, status: &[u8], now: Duration) {
        self.put(&response::head_of_events(), now);
        if self.is_head {
            self.is_answering = true;
            self.ends = true;
        } else {
            self.task = Task::Events;
            self.put(status, now);
        }
    }

    /// Tells `events`, and the `status`, if there is a new one. Whether it may stay: who takes nothing is dropped.
    pub(super) fn tell(&mut self, events: &[u8], status: Option<&[u8]>, now: Duration) -> bool {
        self.put(events, now);
        self.waiting += events.len();
        self.owes |= status.is_some();
        self.tell_owed(status, now);
        self.waiting <= WAITING
    }

    /// Tells the last status if it was not told of one, and has taken all else: many are skipped for who is slow.
    pub(super) fn tell_owed(&mut self, status: Option<&[u8]>, now: Duration) {
        if let Some(status) = status.filter(|_| self.owes && self.is_flushed()) {
            self.owes = false;
            self.put(status, now);
        }
    }

    /// When something must have happened.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.is_flushed() {
            true => self
                .machine
                .deadline()
                .filter(|_| self.task == Task::Requests),
            false => Some(self.moved + STUCK),
        }
    }

    /// The deadline is over. Whether it may stay.
    pub(super) fn is_late(&mut self, now: Duration) -> bool {
        if !self.is_flushed() {
            return false;
        }
        match self.machine.late(now) {
            Step::Refuse(refusal) => {
                self.refuse(refusal, now);
                true
            }
            Step::Wait => true,
            _ => false,
        }
    }
}

/// What came: `None` if nothing is there now.
fn read(stream: &mut Stream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read.map(Some),
        }
    }
}
