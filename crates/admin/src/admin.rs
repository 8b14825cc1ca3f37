//! What a user sets, and the service that it becomes.

use std::fmt;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;

use foster_core::{Restart, Run, Runtime, Service, Settings, Subroutine, Unit};
use foster_thread::Thread;

use crate::error::{AdminError, AdminErrorKind};
use crate::listener::Listener;
use crate::server::Server;

/// Where and how a runtime can be looked at.
///
/// ```ignore-windows
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("admin.sock");
/// use foster_admin::Admin;
/// use foster_core::Runtime;
///
/// let runtime = Runtime::new();
/// let admin = Admin::unix(path).serve(&runtime)?;
/// assert_eq!(admin.name(), "admin");
/// # runtime.shutdown();
/// # let _ = runtime.run();
/// # Ok(())
/// # }
/// ```
#[must_use = "nobody listens before `serve`"]
pub struct Admin {
    #[cfg(unix)]
    path: Option<PathBuf>,
    port: Option<u16>,
    token: Option<String>,
}

impl Admin {
    /// At a Unix socket, which only the user of this process may use: it has the mode 0600 from the moment that it is
    /// there.
    ///
    /// A socket that a dead process left is replaced. The path is removed when the service is over.
    #[cfg(unix)]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            port: None,
            token: None,
        }
    }

    /// At a port of 127.0.0.1; with port 0 at any that is free: see [`Bound::address`].
    ///
    /// Every user of this machine may look. A page that a browser has from elsewhere may not.
    pub fn loopback(port: u16) -> Self {
        Self {
            #[cfg(unix)]
            path: None,
            port: Some(port),
            token: None,
        }
    }

    /// Also at a port of 127.0.0.1: see [`loopback`](Self::loopback).
    pub fn also_loopback(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Switches control on: whoever brings `token` may start, stop and restart services, and ask for a reload.
    ///
    /// Make it long and random, such as 32 hexadecimal digits, as nothing slows down who guesses.
    pub fn control(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Listens, and does not answer yet.
    ///
    /// # Errors
    ///
    /// If somebody answers at an address already, if it cannot be had, or if the token is none.
    pub fn bind(self) -> Result<Bound, AdminError> {
        let is_sendable =
            |token: &String| !token.is_empty() && token.bytes().all(|one| one.is_ascii_graphic());
        if self.token.as_ref().is_some_and(|token| !is_sendable(token)) {
            let text = "a token has at least one character, and only such as ASCII shows";
            return Err(AdminError::new(AdminErrorKind::Token, text));
        }
        let mut listeners = Vec::new();
        #[cfg(unix)]
        if let Some(path) = &self.path {
            listeners.push(Listener::path(path)?);
        }
        if let Some(port) = self.port {
            listeners.push(Listener::loopback(port)?);
        }
        let token = self.token;
        Ok(Bound(Place { listeners, token }))
    }

    /// Listens from now on, and answers as soon as the runtime has started: [`bind`](Self::bind) and
    /// [`Bound::serve`] in one.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn serve(self, runtime: &Runtime) -> Result<Unit, AdminError> {
        self.bind()?.serve(runtime)
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Admin");
        #[cfg(unix)]
        shown.field("path", &self.path);
        let shown = shown.field("port", &self.port);
        let shown = shown.field("has_control", &self.token.is_some());
        shown.finish()
    }
}

/// An [`Admin`] that listens, and answers when it is served.
#[must_use = "nobody is answered before `serve`"]
pub struct Bound(Place);

impl Bound {
    /// The address on 127.0.0.1, if it listens there.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use foster_admin::Admin;
    /// use foster_core::Runtime;
    ///
    /// let runtime = Runtime::new();
    /// let admin = Admin::loopback(0).bind()?;
    /// println!("http://{}", admin.address().expect("it is on loopback"));
    /// admin.serve(&runtime)?;
    /// # runtime.shutdown();
    /// # let _ = runtime.run();
    /// # Ok(())
    /// # }
    /// ```
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.listeners.iter().find_map(Listener::address)
    }

    /// Hands the service `admin` to `runtime`, which answers from the runtime's start to its end.
    ///
    /// - It runs on a thread of its own ([`Thread`]). If that fails, it starts again, and what it fails of is its own: see
    ///   [`may_fail`](foster_core::Settings::may_fail).
    /// - While the runtime stops it goes on until nothing else is waited for, at most until the grace time is over.
    /// - It holds a handle of the runtime. So the runtime goes on when all others are dropped, until it is asked to end;
    ///   and one that never starts is never dropped. As every service that runs, it keeps a runtime busy that ends when
    ///   it is [idle](foster_core::Builder::until_idle): stop it by [`Unit::stop`] when the work is done.
    ///
    /// # Errors
    ///
    /// If the runtime does not take it: it is stopping, or has an admin.
    #[track_caller]
    pub fn serve(self, runtime: &Runtime) -> Result<Unit, AdminError> {
        let serving = Serving {
            place: Arc::new(self.0),
            runtime: runtime.clone(),
        };
        Ok(runtime.serve(serving)?)
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound")
            .field("listeners", &self.0.listeners)
            .field("has_control", &self.0.token.is_some())
            .finish()
    }
}

/// What one run takes over from another.
pub(crate) struct Place {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) token: Option<String>,
}

/// The service.
struct Serving {
    place: Arc<Place>,
    runtime: Runtime,
}

impl Service for Serving {
    type Flavour = Thread;

    fn flavour(&self) -> Thread {
        Thread
    }

    fn settings(&self) -> Settings {
        let settings = Settings::new().name("admin").startable().may_fail();
        settings.looks_on().restart(Restart::on_failure())
    }

    fn run(&self) -> impl Run<Subroutine> {
        Server::new(&self.runtime, &self.place).and_then(Server::run)
    }
}
