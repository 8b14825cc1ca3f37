//! What runs code of the user's after an event, where nothing is locked.

use crate::base::event::Wakers;
use crate::base::sync::Arc;
use crate::errors::failure::Failure;
use crate::lifetime::telling::Line;
use crate::lifetime::{Lifetime, Untold};
use crate::service::attempt::Attempt;
use crate::service::supervisor::By;
use crate::service::unit_core::UnitCore;
use crate::service::watch::{News, UnitChange};

/// What is to come once the lock of services is released.
#[must_use = "subscribers are to be told, and who waits is to be woken"]
#[derive(Default)]
pub(crate) struct Aftermath {
    wakers: Wakers,
    told: Vec<Told>,
    /// The runtime is to stop.
    stops: bool,
    left: Left,
}

/// What is to be told, in its order.
enum Told {
    Failure(Untold),
    Line(Line),
}

/// What may be the last to hold something of the user's.
#[derive(Default)]
struct Left {
    changes: Vec<UnitChange>,
    failures: Vec<Failure>,
    runs: Vec<Attempt>,
    units: Vec<Arc<UnitCore>>,
}

impl Aftermath {
    pub(super) fn wake(&mut self, wakers: Wakers) {
        self.wakers.append(wakers);
    }

    pub(super) fn news(&mut self, news: News) {
        self.wakers.append(news.wakers);
        self.left.changes.extend(news.dropped);
    }

    pub(super) fn untold(&mut self, untold: Untold) {
        self.told.push(Told::Failure(untold));
    }

    pub(super) fn line(&mut self, line: Line) {
        self.told.push(Told::Line(line));
    }

    pub(super) fn stop(&mut self) {
        self.stops = true;
    }

    pub(super) fn drop_failure(&mut self, failure: Option<Failure>) {
        self.left.failures.extend(failure);
    }

    pub(super) fn drop_run(&mut self, run: Option<Attempt>) {
        self.left.runs.extend(run);
    }

    pub(super) fn drop_unit(&mut self, unit: Option<Arc<UnitCore>>) {
        self.left.units.extend(unit);
    }

    /// Lets it come: right here on a thread of the user's, else aside.
    pub(crate) fn come(self, lifetime: &Arc<Lifetime>, by: By) {
        for told in self.told {
            match told {
                Told::Failure(untold) => untold.tell_aside(),
                Told::Line(line) => lifetime.tell_line(line),
            }
        }
        match by {
            By::User => {
                if self.stops {
                    lifetime.stop();
                }
                self.wakers.wake();
                drop(self.left);
            }
            By::Foster => {
                if self.stops {
                    lifetime.stop_aside();
                }
                lifetime.wake_aside(self.wakers);
                if !self.left.is_empty() {
                    lifetime.aside(move || drop(self.left));
                }
            }
        }
    }
}

impl Left {
    fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.failures.is_empty()
            && self.runs.is_empty()
            && self.units.is_empty()
    }
}
