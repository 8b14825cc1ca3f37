//! What is put off until nothing is locked, as it runs code of the user's.

use super::failing::Untold;
use super::reason::StopReason;
use super::shared::Lifetime;
use super::telling::Line;
use crate::base::event::Wakers;
use crate::base::sync::Arc;

/// On whose thread something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A thread that runs code of the user's anyway.
    User,
    /// One of Foster's own, which must not wait for such code.
    Foster,
}

/// What is to come once a lock is released.
#[must_use = "subscribers are to be told, and who waits is to be woken"]
#[derive(Default)]
pub(crate) struct Aftermath {
    wakers: Wakers,
    /// What is to be told, in its order.
    told: Vec<Told>,
    /// The runtime is to stop.
    stops: bool,
    /// What may be the last to hold something of the user's.
    dropped: Vec<Dropped>,
}

#[expect(dead_code, reason = "they are only held, to be dropped")]
enum Dropped {
    Shared(Arc<dyn Send + Sync>),
    Owned(Box<dyn Send>),
}

enum Told {
    Failure(Untold),
    Line(Line),
}

impl Aftermath {
    pub(crate) fn wake(&mut self, wakers: Wakers) {
        if !wakers.is_empty() {
            self.wakers.append(wakers);
        }
    }

    pub(crate) fn untold(&mut self, untold: Untold) {
        self.told.push(Told::Failure(untold));
    }

    pub(crate) fn line(&mut self, line: Line) {
        self.told.push(Told::Line(line));
    }

    pub(crate) fn stop(&mut self) {
        self.stops = true;
    }

    pub(crate) fn drop<T: Send + 'static>(&mut self, last: Option<T>) {
        if let Some(last) = last {
            self.dropped.push(Dropped::Owned(Box::new(last)));
        }
    }

    /// As [`drop`](Self::drop), without an allocation.
    pub(crate) fn let_go(&mut self, last: Arc<dyn Send + Sync>) {
        self.dropped.push(Dropped::Shared(last));
    }

    /// Whether nothing is to come.
    pub(crate) fn is_empty(&self) -> bool {
        self.wakers.is_empty() && self.told.is_empty() && !self.stops && self.dropped.is_empty()
    }

    /// Lets it come: right here on a thread of the user's, else aside.
    pub(crate) fn come(self, lifetime: &Arc<Lifetime>, by: By) {
        if self.is_empty() {
            return;
        }
        for told in self.told {
            match told {
                Told::Failure(untold) => untold.tell_aside(),
                Told::Line(line) => lifetime.tell_line(line),
            }
        }
        let dropped = self.dropped;
        match by {
            By::User => {
                if self.stops {
                    lifetime.stop(StopReason::Service);
                }
                self.wakers.wake();
                drop(dropped);
            }
            By::Foster => {
                if self.stops {
                    lifetime.stop_aside(StopReason::Service);
                }
                lifetime.wake_aside(self.wakers);
                if !dropped.is_empty() {
                    lifetime.aside(move || drop(dropped));
                }
            }
        }
    }
}
