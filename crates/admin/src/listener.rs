//! Where it listens, and the connections from there.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};

use mio::event::Source;
use mio::{Interest, Registry, Token};

use crate::error::AdminError;
use crate::http::guard::Hosts;

#[cfg(unix)]
mod path;

/// An address that is listened at.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Path(path::PathListener),
}

impl Listener {
    pub(crate) fn loopback(port: u16) -> Result<Self, AdminError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address);
        let listener = listener.and_then(|listener| {
            lengthen(&listener)?;
            Ok(Self::Tcp(listener))
        });
        listener.map_err(|error| AdminError::address(address, error))
    }

    #[cfg(unix)]
    pub(crate) fn path(path: &std::path::Path) -> Result<Self, AdminError> {
        let listener = path::PathListener::bind(path);
        let listener = listener.map_err(|error| AdminError::address(path.display(), error))?;
        Ok(Self::Path(listener))
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Path(_) => None,
        }
    }

    /// Another handle to it, for one run.
    pub(crate) fn listen(&self, registry: &Registry, token: Token) -> io::Result<Listening> {
        let mut listening = match self {
            Self::Tcp(listener) => {
                let listener = listener.try_clone()?;
                listener.set_nonblocking(true)?;
                Listening::Tcp(mio::net::TcpListener::from_std(listener))
            }
            #[cfg(unix)]
            Self::Path(listener) => Listening::Path(listener.listen()?),
        };
        registry.register(&mut listening, token, Interest::READABLE)?;
        Ok(listening)
    }
}

/// Has more connections wait to be taken than the standard library lets. One that finds no place there tries again after
/// a second, so a burst of others would hold up who has a question.
#[cfg(unix)]
fn lengthen(listener: &impl std::os::fd::AsFd) -> io::Result<()> {
    use nix::sys::socket::{Backlog, listen};

    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    const MOST: Backlog = Backlog::MAXALLOWABLE;
    // On macOS the system's own limit.
    #[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
    const MOST: Backlog = Backlog::MAXCONN;
    Ok(listen(listener, MOST)?)
}

#[cfg(not(unix))]
fn lengthen(_: &TcpListener) -> io::Result<()> {
    Ok(())
}

/// An address that is listened at without blocking.
#[derive(Debug)]
pub(crate) enum Listening {
    Tcp(mio::net::TcpListener),
    #[cfg(unix)]
    Path(mio::net::UnixListener),
}

impl Listening {
    pub(crate) fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // An answer is one piece, and an event is to come at once. It works without.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            #[cfg(unix)]
            Self::Path(listener) => Ok(Stream::Path(listener.accept()?.0)),
        }
    }

    pub(crate) fn hosts(&self) -> Hosts {
        match self {
            Self::Tcp(_) => Hosts::Loopback,
            #[cfg(unix)]
            Self::Path(_) => Hosts::Path,
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(mio::net::TcpStream),
    #[cfg(unix)]
    Path(mio::net::UnixStream),
}

impl Stream {
    /// Says that nothing more is sent.
    pub(crate) fn end(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(unix)]
            Self::Path(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Path(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Self::Path(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes what a poller asks on to what is inside.
macro_rules! source {
    ($outer:ty) => {
        impl Source for $outer {
            fn register(
                &mut self,
                registry: &Registry,
                token: Token,
                interest: Interest,
            ) -> io::Result<()> {
                match self {
                    Self::Tcp(inner) => inner.register(registry, token, interest),
                    #[cfg(unix)]
                    Self::Path(inner) => inner.register(registry, token, interest),
                }
            }

            fn reregister(
                &mut self,
                registry: &Registry,
                token: Token,
                interest: Interest,
            ) -> io::Result<()> {
                match self {
                    Self::Tcp(inner) => inner.reregister(registry, token, interest),
                    #[cfg(unix)]
                    Self::Path(inner) => inner.reregister(registry, token, interest),
                }
            }

            fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
                match self {
                    Self::Tcp(inner) => inner.deregister(registry),
                    #[cfg(unix)]
                    Self::Path(inner) => inner.deregister(registry),
                }
            }
        }
    };
}

source!(Listening);
source!(Stream);
