//! The admin page: a look inside the daemon, from a thread that answers also while all executors hang.

use std::fmt;
use std::io;
#[cfg(unix)]
use std::path;
use std::path::PathBuf;

use foster::Runtime;
use foster_admin::{Admin, AdminError};
use serde::Serialize;

/// Where the admin page should be.
#[derive(Clone)]
pub(crate) enum Place {
    /// A port of this machine, which a browser can open. All users of the machine may look.
    Port(u16),
    /// A Unix socket, which only this user may use.
    #[cfg(unix)]
    Socket(PathBuf),
}

impl Place {
    /// A number is a port, all else a path.
    pub(crate) fn of(text: PathBuf) -> io::Result<Self> {
        let is_number = |text: &&str| text.bytes().all(|one| one.is_ascii_digit());
        match text.to_str().filter(is_number) {
            Some(number) => number.parse().map(Self::Port).map_err(io::Error::other),
            #[cfg(unix)]
            None => path::absolute(text).map(Self::Socket),
            #[cfg(not(unix))]
            None => Err(io::Error::other("only a port works on this system")),
        }
    }

    /// Hands the admin page to `runtime`.
    pub(crate) fn serve(self, runtime: &Runtime) -> Result<Entrance, AdminError> {
        let (bound, entrance) = match self {
            Self::Port(port) => {
                let bound = Admin::loopback(port).bind()?;
                let address = bound.address().expect("it is on loopback");
                let url = Some(format!("http://{address}"));
                (bound, Entrance::new(url, address))
            }
            #[cfg(unix)]
            Self::Socket(path) => {
                let bound = Admin::unix(&path).bind()?;
                (bound, Entrance::new(None, path.display()))
            }
        };
        bound.serve(runtime)?;
        Ok(entrance)
    }
}

/// How to come to the admin page.
#[derive(Clone, Serialize)]
pub(crate) struct Entrance {
    /// For a browser, if it is on a port.
    url: Option<String>,
    /// The same in a terminal.
    attach: String,
}

impl Entrance {
    fn new(url: Option<String>, address: impl fmt::Display) -> Self {
        let attach = format!("foster-top {address}");
        Self { url, attach }
    }
}

impl fmt::Display for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.as_deref().unwrap_or("a socket");
        write!(f, "{place}; in a terminal: {}", self.attach)
    }
}
