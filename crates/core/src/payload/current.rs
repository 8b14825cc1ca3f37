//! Who runs here.

use std::fmt;
use std::panic::Location;

use crate::base::identifier::Identifier;
use crate::errors::failure::Origin;
use crate::task;

/// Who a payload is: its name, its flavour, the place that handed it in, and which run of a service
/// it is.
///
/// Code that runs in many payloads finds out here for whom, such as for a log line:
///
/// ```
/// # use foster_core::{Manual, Payload, Runtime};
/// # let (runtime, manual) = (Runtime::builder().until_idle().build(), Manual::new());
/// fn log(text: &str) {
///     match Payload::try_current() {
///         Some(payload) => println!("{payload}: {text}"), // payload `poller` on smol: …
///         None => println!("{text}"),
///     }
/// }
///
/// runtime.named("poller").adopt(manual.clone(), async || {
///     assert_eq!(Payload::current().name(), "poller");
///     log("nothing to do");
/// })?;
/// # runtime.start()?;
/// # while manual.step() {}
/// # runtime.wait()?;
/// # Ok::<(), foster_core::RunError>(())
/// ```
///
/// It is plain data: it keeps nothing alive, takes no [token](crate::Shutdown), and may go anywhere.
#[derive(Clone)]
pub struct Payload {
    origin: Origin,
    run: Option<u64>,
}

impl Payload {
    /// The payload whose code runs on this thread: the innermost one, if it executes another there.
    ///
    /// # Panics
    ///
    /// Outside a payload, and in tasks and threads that a payload spawned by other means. Ask in the
    /// payload and move the answer there, or use [`try_current`](Self::try_current).
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(payload) => payload,
            None => panic!(
                "no payload of a foster runtime runs here: ask `Payload::current()` in the payload and \
                 move the answer to where it is needed, or use `Payload::try_current`"
            ),
        }
    }

    /// The payload whose code runs on this thread, or `None` where [`current`](Self::current) would
    /// panic.
    pub fn try_current() -> Option<Self> {
        task::with_current(|task| {
            let task = task?;
            let run = task.observer().map(task::Observer::run);
            let origin = task.origin();
            Some(Self { origin, run })
        })
    }

    /// Its name, as in reports. Without a [name](crate::Runtime::named) it is the place that handed
    /// the payload in, such as `src/main.rs:12`.
    pub fn name(&self) -> &str {
        &self.origin.payload
    }

    /// Which run of its service this is: 1 for the first, one more after each restart or
    /// [`start`](crate::Unit::start). `None` if it is no [service](crate::Service).
    pub fn run(&self) -> Option<u64> {
        self.run
    }

    /// The identifier of its flavour.
    pub fn flavour(&self) -> &Identifier {
        &self.origin.flavour
    }

    /// The place that handed it in.
    pub fn location(&self) -> &'static Location<'static> {
        self.origin.location
    }
}

/// As in reports: ``payload `poller` on smol``, or ``service `poller` on smol``.
impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("name", &self.name())
            .field("run", &self.run)
            .field("flavour", self.flavour())
            .field("location", &self.location())
            .finish()
    }
}
