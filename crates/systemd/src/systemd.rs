//! What a program calls in `main`.

use foster_core::{Runtime, Unit};

use crate::error::SystemdError;
use crate::sockets::Sockets;

/// Tells systemd how `runtime` does, if systemd has started this process and wants to know: the one line in `main`.
///
/// Call it first of all in `main`, before the start of the runtime, and before anything else has started a thread:
///
/// ```
/// use foster_core::Runtime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = Runtime::new();
/// foster_systemd::serve(&runtime)?;
/// // … the services of the program …
/// # runtime.shutdown();
/// runtime.run()?;
/// # Ok(())
/// # }
/// ```
///
/// - Without `NOTIFY_SOCKET` in the environment, and outside Linux, it is `None`, and nothing is served: the program runs
///   from a shell as it did.
/// - The variables of systemd are read once for the process, by the first call here or of [`sockets`], and removed from the
///   environment, so that no child speaks for its parent. Several runtimes of one process would all speak for it: serve one.
/// - It serves the service `systemd`, on a thread of its own. What that fails of is its own:
///   [`may_fail`](foster_core::Settings::may_fail). It [looks on](foster_core::Settings::looks_on), so no stop waits for it;
///   while the runtime stops it goes on until nothing else is waited for, at most until the grace time is over.
/// - It holds a handle of the runtime. So the runtime goes on when all others are dropped, until it is asked to end; and one
///   that never starts is never dropped. As every service that runs, it keeps a runtime busy that ends when it is
///   [idle](foster_core::Builder::until_idle): stop it by [`Unit::stop`] when the work is done.
/// - What cannot be sent is told once, as a `tracing` event of the target `foster` with the name `systemd.unheard`, and ends
///   nothing. Where systemd has no room at the moment it is sent later.
///
/// # Errors
///
/// - [`Threads`](crate::SystemdErrorKind::Threads): variables of systemd are there, and this process has several threads, so
///   that none can be removed. See [`Systemd::keep_environment`].
/// - [`Value`](crate::SystemdErrorKind::Value): a variable has a value that it cannot have.
/// - [`Service`](crate::SystemdErrorKind::Service): the runtime does not take the service, as it stops or has it already.
#[track_caller]
pub fn serve(runtime: &Runtime) -> Result<Option<Unit>, SystemdError> {
    Systemd::new().serve(runtime)
}

/// The sockets that systemd has handed over to this process (`LISTEN_FDS`); none if it was started otherwise, or outside Linux.
///
/// They are close-on-exec from here on, and belong to the value that is returned: what is not taken out of it is closed when
/// it is dropped.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut sockets = foster_systemd::sockets()?;
/// let listener = sockets.tcp_or_bind("http", "127.0.0.1:0")?;
/// # let _ = listener;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// - [`Threads`](crate::SystemdErrorKind::Threads) and [`Value`](crate::SystemdErrorKind::Value) as for [`serve`].
/// - [`Taken`](crate::SystemdErrorKind::Taken): something was handed over, and was taken by an earlier call.
/// - [`System`](crate::SystemdErrorKind::System): a descriptor that was promised is not there.
pub fn sockets() -> Result<Sockets, SystemdError> {
    Systemd::new().sockets()
}

/// The settings of [`serve`] and [`sockets`], for programs that cannot call these first.
///
/// ```
/// use foster_core::Runtime;
/// use foster_systemd::Systemd;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = Runtime::new();
/// // Threads run already. Each child must have its own environment.
/// Systemd::new().keep_environment().serve(&runtime)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is told before `serve`"]
pub struct Systemd {
    keeps_environment: bool,
}

impl Systemd {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves the variables in the environment, where children find them: for programs that have threads before they come
    /// here, such as under `#[tokio::main]`.
    ///
    /// The first call that reads the environment decides. Remove the variables from each child's by
    /// [`Command::env_remove`](std::process::Command::env_remove): a child that finds `NOTIFY_SOCKET` speaks for its parent.
    pub fn keep_environment(mut self) -> Self {
        self.keeps_environment = true;
        self
    }

    /// As [`serve`](crate::serve()), by these settings.
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn serve(&self, runtime: &Runtime) -> Result<Option<Unit>, SystemdError> {
        crate::platform::serve(self.keeps_environment, runtime)
    }

    /// As [`sockets`](crate::sockets()), by these settings.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn sockets(&self) -> Result<Sockets, SystemdError> {
        crate::platform::sockets(self.keeps_environment)
    }
}
