//! An event that costs next to nothing as long as nobody waits for it.

use std::time::Duration;

use crate::clock::Clock;
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst, fence};
use crate::sync::event;

pub(crate) use crate::sync::event::{EventListener, Listener};

/// Something that happens again and again, and can be waited for.
///
/// Whoever waits listens first and looks afterwards whether what he waits for is there; whoever brings it
/// about does that first and notifies afterwards. Most are never listened to: such a one has no memory of
/// its own, which `event-listener` gets with the first notification.
pub(crate) struct Event {
    /// Whether anybody ever listened.
    listened: AtomicBool,
    event: event::Event,
}

impl Event {
    pub(crate) fn new() -> Self {
        Self {
            listened: AtomicBool::new(false),
            event: event::Event::new(),
        }
    }

    pub(crate) fn listen(&self) -> EventListener {
        self.listened.store(true, SeqCst);
        let listener = self.event.listen();
        // With the fence below: either that one's notifier sees the listener, or the listener's next look
        // sees what has been brought about. `event-listener` promises no such order.
        fence(SeqCst);
        listener
    }

    /// Blocks until `look` finds what is waited for, at most for `time` on `clock`.
    pub(crate) fn wait<R>(
        &self,
        clock: &Clock,
        time: Duration,
        look: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        wait(|| self.listen(), clock, time, look)
    }

    /// Lets all who listen go on.
    pub(crate) fn notify(&self) {
        fence(SeqCst);
        if self.listened.load(SeqCst) {
            self.event.notify(usize::MAX);
        }
    }
}

/// Blocks until `look` finds what is waited for, at most for `time` on `clock`, and looks again whenever what
/// `listen` listens to happens.
pub(crate) fn wait<R>(
    listen: impl Fn() -> EventListener,
    clock: &Clock,
    time: Duration,
    mut look: impl FnMut() -> Option<R>,
) -> Option<R> {
    let deadline = clock.after(time);
    loop {
        // Listening comes before the look, so that no notification falls between the two.
        let listener = listen();
        let found = look();
        if found.is_some() || clock.now() >= deadline {
            return found;
        }
        match clock.sleep_limit(deadline) {
            Some(limit) => drop(listener.wait_deadline(limit)),
            None => listener.wait(),
        }
    }
}
