//! What was handed over: how many descriptors, by which names, and what they are.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::{io, iter};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, SockType, SockaddrLike, SockaddrStorage, getsockname, getsockopt, sockopt,
};

use crate::environment::Record;
use crate::error::{SystemdError, SystemdErrorKind};
use crate::fenced;
use crate::sockets::{Handed, Kind};
use crate::told::{number, process};

/// The number of the first descriptor, by definition.
const FIRST: RawFd = 3;

/// How many there are at most: a process of Linux can have no more open, unless `fs.nr_open` was raised.
const MOST: RawFd = 1 << 20;

/// The name of those without one, by definition.
const NAMELESS: &str = "unknown";

/// A descriptor that should be there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Promised {
    number: RawFd,
    name: String,
}

/// What systemd says that it handed over to the process `own`.
pub(crate) fn promised(record: &Record, own: u32) -> Result<Vec<Promised>, SystemdError> {
    let Some(count) = &record.listen_fds else {
        return Ok(Vec::new());
    };
    match &record.listen_pid {
        Some(process) if self::process("LISTEN_PID", process)? == own => {}
        _ => return Ok(Vec::new()),
    }
    let numbers = number(count).and_then(|count| RawFd::try_from(count).ok());
    let numbers = numbers.filter(|count| *count <= MOST);
    let refused = || {
        let allowed = format!("it must be a number of descriptors, at most {MOST}");
        SystemdError::value("LISTEN_FDS", count, &allowed)
    };
    let numbers = FIRST..FIRST + numbers.ok_or_else(refused)?;
    let Some(names) = &record.listen_fdnames else {
        let names = iter::repeat_with(|| NAMELESS.to_owned());
        return Ok(promise(numbers, names));
    };
    let refused = |allowed: &str| SystemdError::value("LISTEN_FDNAMES", names, allowed);
    let text = names.to_str().ok_or_else(|| refused("it must be text"))?;
    let listed: Vec<_> = text.split(':').map(str::to_owned).collect();
    if listed.len() != numbers.len() {
        let (names, count) = (listed.len(), numbers.len());
        let text = format!("those are {names} names, and LISTEN_FDS is {count}");
        return Err(refused(&text));
    }
    Ok(promise(numbers, listed.into_iter()))
}

fn promise(numbers: std::ops::Range<RawFd>, names: impl Iterator<Item = String>) -> Vec<Promised> {
    let promised = numbers.zip(names);
    promised
        .map(|(number, name)| Promised { number, name })
        .collect()
}

/// Takes the descriptors, which nobody has taken before.
pub(crate) fn take(promised: Vec<Promised>) -> Result<Vec<Handed>, SystemdError> {
    let handed = promised.into_iter().map(|Promised { number, name }| {
        let refused = |why: &str, error: io::Error| {
            let text = format!("descriptor {number}, handed over as `{name}`, {why}");
            SystemdError::new(SystemdErrorKind::System, text).because(error)
        };
        let fd = fenced::take(number).map_err(|error| refused("is not open", error))?;
        let made_ours = make_ours(fd);
        let (fd, kind) = made_ours.map_err(|error| refused("cannot be used", error))?;
        Ok(Handed {
            name,
            kind,
            fd: Some(fd),
        })
    });
    handed.collect()
}

/// Keeps it from children, finds out what it is, and has sockets not block.
fn make_ours(fd: OwnedFd) -> io::Result<(OwnedFd, Kind)> {
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    let kind = kind(&fd)?;
    let fd = match kind {
        Kind::Tcp => {
            let listener = TcpListener::from(fd);
            listener.set_nonblocking(true)?;
            listener.into()
        }
        Kind::Unix => {
            let listener = UnixListener::from(fd);
            listener.set_nonblocking(true)?;
            listener.into()
        }
        Kind::Udp => {
            let socket = UdpSocket::from(fd);
            socket.set_nonblocking(true)?;
            socket.into()
        }
        Kind::UnixDatagram => {
            let socket = UnixDatagram::from(fd);
            socket.set_nonblocking(true)?;
            socket.into()
        }
        Kind::Other(_) => fd,
    };
    Ok((fd, kind))
}

fn kind(fd: &impl AsFd) -> io::Result<Kind> {
    let fd = fd.as_fd();
    let socket = match getsockopt(&fd, sockopt::SockType) {
        Ok(socket) => socket,
        Err(Errno::ENOTSOCK) => return Ok(Kind::Other("no socket".to_owned())),
        // A type that has no name here.
        Err(Errno::EINVAL) => return Ok(Kind::Other("a socket of a rare type".to_owned())),
        Err(error) => return Err(error.into()),
    };
    use std::os::fd::AsRawFd;
    let address = getsockname::<SockaddrStorage>(fd.as_raw_fd())?;
    let listens = getsockopt(&fd, sockopt::AcceptConn).unwrap_or(false);
    Ok(match (address.family(), socket, listens) {
        (Some(AddressFamily::Inet | AddressFamily::Inet6), SockType::Stream, true) => Kind::Tcp,
        (Some(AddressFamily::Inet | AddressFamily::Inet6), SockType::Datagram, _) => Kind::Udp,
        (Some(AddressFamily::Unix), SockType::Stream, true) => Kind::Unix,
        (Some(AddressFamily::Unix), SockType::Datagram, _) => Kind::UnixDatagram,
        (family, socket, listens) => {
            let family = family.map_or("unknown".to_owned(), |family| format!("{family:?}"));
            let listens = if listens {
                "that listens"
            } else {
                "that does not listen"
            };
            let socket = format!("{socket:?}").to_lowercase();
            let family = family.to_lowercase();
            Kind::Other(format!(
                "a socket {listens}, of the type {socket} and the family {family}"
            ))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fds: Option<&str>, process: Option<&str>, names: Option<&str>) -> Record {
        Record {
            listen_fds: fds.map(Into::into),
            listen_pid: process.map(Into::into),
            listen_fdnames: names.map(Into::into),
            ..Record::default()
        }
    }

    #[test]
    fn descriptors_are_promised_by_number_and_name() {
        for (fds, process, names, expected) in [
            (None, None, None, &[][..]),
            (None, Some("7"), Some("a"), &[]),
            (Some("1"), None, None, &[]),
            (Some("1"), Some("8"), Some("a"), &[]),
            (Some("0"), Some("7"), None, &[]),
            (Some("1"), Some("7"), None, &[(3, "unknown")]),
            (Some("2"), Some("7"), Some("a:b"), &[(3, "a"), (4, "b")]),
            (Some("2"), Some("7"), Some(":a"), &[(3, ""), (4, "a")]),
        ] {
            let promised = promised(&with(fds, process, names), 7).unwrap();
            let promised: Vec<_> = (promised.iter())
                .map(|one| (one.number, one.name.as_str()))
                .collect();
            assert_eq!(promised, expected, "{fds:?} {process:?} {names:?}");
        }
    }

    #[test]
    fn what_cannot_be_promised_is_refused_with_what_it_is() {
        for (fds, process, names, text) in [
            ("abc", "7", None, "LISTEN_FDS is `abc`"),
            ("-1", "7", None, "LISTEN_FDS is `-1`"),
            ("2147483647", "7", None, "LISTEN_FDS is `2147483647`"),
            (
                "1048577",
                "7",
                None,
                "LISTEN_FDS is `1048577`: it must be a number of descriptors, at most 1048576",
            ),
            ("1", "x", None, "LISTEN_PID is `x`"),
            (
                "2",
                "7",
                Some("a"),
                "LISTEN_FDNAMES is `a`: those are 1 names, and LISTEN_FDS is 2",
            ),
            (
                "1",
                "7",
                Some("a:b"),
                "LISTEN_FDNAMES is `a:b`: those are 2 names, and LISTEN_FDS is 1",
            ),
        ] {
            let error = promised(&with(Some(fds), Some(process), names), 7).unwrap_err();
            assert_eq!(error.kind(), SystemdErrorKind::Value);
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
