//! Sockets by name.

use std::fmt;
use std::io;
use std::net::{TcpListener, ToSocketAddrs, UdpSocket};
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::os::unix::net::{UnixDatagram, UnixListener};
#[cfg(unix)]
use std::path::Path;

use crate::error::SocketError;

/// What stands for a descriptor where there are none.
#[cfg(not(unix))]
type OwnedFd = std::convert::Infallible;

/// What was handed over as a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Unix,
    Udp,
    UnixDatagram,
    Other(String),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "a TCP listener",
            Self::Unix => "a Unix listener",
            Self::Udp => "a UDP socket",
            Self::UnixDatagram => "a Unix datagram socket",
            Self::Other(text) => text,
        })
    }
}

/// One descriptor, and whether it is still here.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) fd: Option<OwnedFd>,
}

/// The sockets that were handed over: see [`sockets`](crate::sockets()).
///
/// Each has the name that `FileDescriptorName=` of its socket unit says, else that of the unit (`web.socket`). They do not
/// block, so they are ready for executors: `tokio::net::TcpListener::from_std` and `async_io::Async::new_nonblocking` take
/// them. Threads that are to block in them call `set_nonblocking(false)`.
///
/// Several may have one name, as all of one socket unit do: each call gives the next one of its kind, in order.
///
/// ```no_run,ignore-windows
/// use foster::{Runtime, Smol, Tokio};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut sockets = foster_systemd::sockets()?;
/// let http = sockets.tcp_or_bind("http", "127.0.0.1:8080")?;
/// let control = sockets.unix_or_bind("control", "/run/crawler/control")?;
///
/// let runtime = Runtime::new();
/// foster_systemd::serve(&runtime)?;
/// runtime.adopt(Tokio, move || async move {
///     let listener = tokio::net::TcpListener::from_std(http)?;
///     // …
/// #   drop(listener);
///     std::io::Result::Ok(())
/// })?;
/// runtime.adopt(Smol, move || async move {
///     let listener = async_io::Async::new_nonblocking(control)?;
///     // …
/// #   drop(listener);
///     std::io::Result::Ok(())
/// })?;
/// runtime.run()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "what is not taken is closed"]
pub struct Sockets {
    handed: Vec<Handed>,
}

impl Sockets {
    pub(crate) fn new(handed: Vec<Handed>) -> Self {
        Self { handed }
    }

    /// The names of all that were handed over, in order, those that were taken included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.handed.iter().map(|one| one.name.as_str())
    }

    /// Whether nothing was handed over: the program opens its sockets itself.
    pub fn is_empty(&self) -> bool {
        self.handed.is_empty()
    }

    /// The TCP listener `name` (`ListenStream=` with a port).
    ///
    /// # Errors
    ///
    /// If there is none of that name, or what has it is something else, or was taken.
    pub fn tcp(&mut self, name: &str) -> Result<TcpListener, SocketError> {
        self.take(name, &Kind::Tcp).map(into::tcp)
    }

    /// The UDP socket `name` (`ListenDatagram=` with a port).
    ///
    /// # Errors
    ///
    /// As for [`tcp`](Self::tcp).
    pub fn udp(&mut self, name: &str) -> Result<UdpSocket, SocketError> {
        self.take(name, &Kind::Udp).map(into::udp)
    }

    /// The Unix listener `name` (`ListenStream=` with a path, or `@` and a name).
    ///
    /// # Errors
    ///
    /// As for [`tcp`](Self::tcp).
    #[cfg(unix)]
    pub fn unix(&mut self, name: &str) -> Result<UnixListener, SocketError> {
        self.take(name, &Kind::Unix).map(Into::into)
    }

    /// The Unix datagram socket `name` (`ListenDatagram=` with a path, or `@` and a name).
    ///
    /// # Errors
    ///
    /// As for [`tcp`](Self::tcp).
    #[cfg(unix)]
    pub fn unix_datagram(&mut self, name: &str) -> Result<UnixDatagram, SocketError> {
        self.take(name, &Kind::UnixDatagram).map(Into::into)
    }

    /// Whatever is `name`, as it came, the next one of those that have it: a FIFO, a file, a socket of another kind. It may
    /// block.
    ///
    /// # Errors
    ///
    /// If there is none of that name, or all were taken.
    #[cfg(unix)]
    pub fn descriptor(&mut self, name: &str) -> Result<OwnedFd, SocketError> {
        self.find(name, |_| true)?
            .ok_or_else(|| SocketError::taken(name))
    }

    /// The TCP listener `name` if anything was handed over at all, else one that is bound to `address`. It does not block.
    ///
    /// # Errors
    ///
    /// As for [`tcp`](Self::tcp), and if the address cannot be bound.
    pub fn tcp_or_bind(
        &mut self,
        name: &str,
        address: impl ToSocketAddrs + fmt::Debug,
    ) -> Result<TcpListener, SocketError> {
        match self.is_empty() {
            false => self.tcp(name),
            true => bound(name, &address, TcpListener::bind(&address), |listener| {
                listener.set_nonblocking(true)
            }),
        }
    }

    /// The UDP socket `name` if anything was handed over at all, else one that is bound to `address`. It does not block.
    ///
    /// # Errors
    ///
    /// As for [`tcp_or_bind`](Self::tcp_or_bind).
    pub fn udp_or_bind(
        &mut self,
        name: &str,
        address: impl ToSocketAddrs + fmt::Debug,
    ) -> Result<UdpSocket, SocketError> {
        match self.is_empty() {
            false => self.udp(name),
            true => bound(name, &address, UdpSocket::bind(&address), |socket| {
                socket.set_nonblocking(true)
            }),
        }
    }

    /// The Unix listener `name` if anything was handed over at all, else one that is bound to `path`. It does not block.
    ///
    /// The path must not exist: that a process before has left is not removed here.
    ///
    /// # Errors
    ///
    /// As for [`tcp_or_bind`](Self::tcp_or_bind).
    #[cfg(unix)]
    pub fn unix_or_bind(
        &mut self,
        name: &str,
        path: impl AsRef<Path>,
    ) -> Result<UnixListener, SocketError> {
        let path = path.as_ref();
        match self.is_empty() {
            false => self.unix(name),
            true => bound(name, path, UnixListener::bind(path), |listener| {
                listener.set_nonblocking(true)
            }),
        }
    }

    /// The Unix datagram socket `name` if anything was handed over at all, else one that is bound to `path`. It does not
    /// block.
    ///
    /// The path must not exist: that a process before has left is not removed here.
    ///
    /// # Errors
    ///
    /// As for [`tcp_or_bind`](Self::tcp_or_bind).
    #[cfg(unix)]
    pub fn unix_datagram_or_bind(
        &mut self,
        name: &str,
        path: impl AsRef<Path>,
    ) -> Result<UnixDatagram, SocketError> {
        let path = path.as_ref();
        match self.is_empty() {
            false => self.unix_datagram(name),
            true => bound(name, path, UnixDatagram::bind(path), |socket| {
                socket.set_nonblocking(true)
            }),
        }
    }

    /// The next one of `name` that is a `kind`.
    fn take(&mut self, name: &str, kind: &Kind) -> Result<OwnedFd, SocketError> {
        if let Some(fd) = self.find(name, |found| found == kind)? {
            return Ok(fd);
        }
        let of_name = || self.handed.iter().filter(|one| one.name == name);
        match of_name().find(|one| one.kind != *kind) {
            Some(other) if of_name().all(|one| one.kind != *kind) => {
                Err(SocketError::kind_is(name, kind, &other.kind))
            }
            _ => Err(SocketError::taken(name)),
        }
    }

    /// The next one of `name` that is wanted; an error if there is nothing of that name.
    fn find(
        &mut self,
        name: &str,
        is_wanted: impl Fn(&Kind) -> bool,
    ) -> Result<Option<OwnedFd>, SocketError> {
        if !self.names().any(|one| one == name) {
            return Err(SocketError::missing(name, self.names()));
        }
        let mut wanted =
            (self.handed.iter_mut()).filter(|one| one.name == name && is_wanted(&one.kind));
        Ok(wanted.find_map(|one| one.fd.take()))
    }
}

/// What was bound for lack of something handed over.
fn bound<T>(
    name: &str,
    address: &(impl fmt::Debug + ?Sized),
    bound: io::Result<T>,
    ready: impl FnOnce(&T) -> io::Result<()>,
) -> Result<T, SocketError> {
    let made = bound.and_then(|socket| ready(&socket).map(|()| socket));
    made.map_err(|error| SocketError::bind(name, address, error))
}

#[cfg(unix)]
mod into {
    use super::{OwnedFd, TcpListener, UdpSocket};

    pub(super) fn tcp(fd: OwnedFd) -> TcpListener {
        fd.into()
    }

    pub(super) fn udp(fd: OwnedFd) -> UdpSocket {
        fd.into()
    }
}

#[cfg(not(unix))]
mod into {
    use super::{OwnedFd, TcpListener, UdpSocket};

    pub(super) fn tcp(fd: OwnedFd) -> TcpListener {
        match fd {}
    }

    pub(super) fn udp(fd: OwnedFd) -> UdpSocket {
        match fd {}
    }
}
