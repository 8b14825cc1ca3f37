//! The way to systemd: a datagram a message, which never blocks.
//!
//! Where there is no room a message waits here, and the later ones behind it. One that cannot be sent for another reason is
//! dropped: nobody listens.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::errno::Errno;

use crate::message::Message;

/// When it tries again, after there was no room.
const AGAIN: Duration = Duration::from_millis(100);

/// How many messages wait at most. systemd reads some thousands a second.
const WAITING: usize = 32;

/// A socket, and the address where systemd listens.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Sender {
    pub(crate) fn new(address: &SocketAddr) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            address: address.clone(),
        })
    }

    pub(crate) fn send(&self, text: &str) -> io::Result<()> {
        // Not connected: whoever listens there may be another after a while.
        self.socket.send_to_addr(text.as_bytes(), &self.address)?;
        Ok(())
    }
}

/// Messages on their way.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Message>,
    again_at: Option<Duration>,
    /// The last one could not be sent, which was told.
    is_failing: bool,
}

impl Outbox {
    pub(crate) fn push(&mut self, mut message: Message) {
        let is_same = |other: &Message| other.kind == message.kind && other.kind.is_replaced();
        let same = self.waiting.iter().position(is_same);
        if let Some(old) = same.and_then(|index| self.waiting.remove(index)) {
            message.status = message.status.or(old.status);
            message.extend = message.extend.or(old.extend);
        }
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(message);
    }

    /// Sends what waits, as far as it goes. A failure is returned if the last message was sent.
    pub(crate) fn flush(
        &mut self,
        now: Duration,
        mut send: impl FnMut(&str) -> io::Result<()>,
    ) -> Result<(), io::Error> {
        if self.again_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.again_at = None;
        let mut first = None;
        while let Some(message) = self.waiting.front() {
            match send(&message.to_string()) {
                Ok(()) => self.is_failing = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    let is_full = has_no_room(&error);
                    if !std::mem::replace(&mut self.is_failing, true) {
                        first = first.or(Some(error));
                    }
                    if is_full {
                        self.again_at = Some(now.saturating_add(AGAIN));
                        break;
                    }
                }
            }
            self.waiting.pop_front();
        }
        first.map_or(Ok(()), Err)
    }

    /// When to flush again.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.again_at
    }
}

fn has_no_room(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(Errno::ENOBUFS as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Kind;

    fn full() -> io::Error {
        io::Error::from_raw_os_error(Errno::ENOBUFS as i32)
    }

    fn gone() -> io::Error {
        ErrorKind::ConnectionRefused.into()
    }

    fn report(status: &str) -> Message {
        Message {
            status: Some(status.into()),
            ..Message::new(Kind::Report)
        }
    }

    #[test]
    fn what_has_no_room_is_sent_later_in_order() {
        let mut outbox = Outbox::default();
        outbox.push(Message::new(Kind::Ready));
        let error = outbox.flush(Duration::ZERO, |_| Err(full())).unwrap_err();
        assert_eq!(error.raw_os_error(), full().raw_os_error());
        assert_eq!(outbox.next_due(), Some(AGAIN));
        outbox.push(Message::new(Kind::Watchdog));
        outbox.push(report("a"));
        outbox.push(Message::new(Kind::Watchdog));
        outbox.push(report("b"));
        let mut sent = Vec::new();
        let mut send = |text: &str| {
            sent.push(text.to_owned());
            Ok(())
        };
        outbox.flush(AGAIN / 2, &mut send).unwrap();
        outbox.flush(AGAIN, &mut send).unwrap();
        assert_eq!(sent, ["READY=1", "WATCHDOG=1", "STATUS=b"]);
        assert_eq!(outbox.next_due(), None);
    }

    #[test]
    fn what_nobody_hears_is_dropped_and_told_once() {
        let mut outbox = Outbox::default();
        outbox.push(Message::new(Kind::Ready));
        outbox.push(Message::new(Kind::Watchdog));
        outbox.flush(Duration::ZERO, |_| Err(gone())).unwrap_err();
        outbox.push(Message::new(Kind::Watchdog));
        outbox.flush(Duration::ZERO, |_| Err(gone())).unwrap();
        outbox.push(Message::new(Kind::Stopping));
        outbox.flush(Duration::ZERO, |_| Ok(())).unwrap();
        outbox.push(Message::new(Kind::Watchdog));
        outbox.flush(Duration::ZERO, |_| Err(gone())).unwrap_err();
        assert_eq!(outbox.next_due(), None);
    }

    #[test]
    fn a_pile_is_bounded() {
        let mut outbox = Outbox::default();
        for _ in 0..2 * WAITING {
            outbox.push(Message::new(Kind::Reloading(Duration::ZERO)));
            outbox.push(Message::new(Kind::Ready));
        }
        let mut sent = Vec::new();
        let send = |text: &str| {
            sent.push(text.to_owned());
            Ok(())
        };
        outbox.flush(Duration::ZERO, send).unwrap();
        assert_eq!(sent.len(), WAITING);
        assert_eq!(sent.last().unwrap(), "READY=1");
    }
}
