//! The clock of the payload whose code runs.

use crate::base::clock::Clock;
use crate::task::context;

impl Clock {
    /// The clock of the runtime whose payload runs on this thread.
    ///
    /// ```
    /// # use foster_core::Clock;
    /// # use std::time::Duration;
    /// /// A payload, or what one calls.
    /// async fn beat() {
    ///     let clock = Clock::current();
    ///     loop {
    ///         clock.sleep(Duration::from_secs(60)).await;
    ///         println!("another minute");
    ///     }
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a payload, and in tasks that a payload spawned by its executor's own means. Take the clock in the payload
    /// and move it there, or use [`try_current`](Self::try_current).
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(clock) => clock,
            None => panic!(
                "no payload of a foster runtime runs here, so there is no clock of one: take the clock in the payload \
                 and move it to where it is needed, or use `Clock::try_current` or `Runtime::clock`"
            ),
        }
    }

    /// The clock of the runtime whose payload runs on this thread, or `None` where [`current`](Self::current) would
    /// panic.
    pub fn try_current() -> Option<Self> {
        context::with_current(|task| Some(task?.lifetime().settings.clock.clone()))
    }
}
