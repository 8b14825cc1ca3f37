//! What is put off until nothing is locked, as it runs code of the user's.

use super::{By, Entry};
use crate::event::Wakers;
use crate::failure::Failure;
use crate::lifetime::{Lifetime, Untold};
use crate::service::attempt::Attempt;
use crate::service::watch::{News, UnitChange};
use crate::sync::Arc;
use crate::telling::Line;

/// What is to come once the lock of services is released.
#[must_use = "subscribers are to be told, and who waits is to be woken"]
#[derive(Default)]
pub(crate) struct Aftermath {
    wakers: Wakers,
    told: Vec<Told>,
    /// The runtime is to stop.
    stops: bool,
    /// Something is to go outward.
    pub(super) goes_outward: bool,
    dropped: Vec<Dropped>,
}

/// What is to be told, in its order.
enum Told {
    Failure(Untold),
    Line(Line),
}

/// What may be the last to hold something of the user's.
#[expect(dead_code, reason = "it is only kept to be dropped")]
enum Dropped {
    Change(Box<UnitChange>),
    Failure(Box<Failure>),
    Run(Attempt),
    Entry(Entry),
}

impl Aftermath {
    pub(super) fn wake(&mut self, wakers: Wakers) {
        self.wakers.append(wakers);
    }

    pub(super) fn news(&mut self, news: News) {
        self.wakers.append(news.wakers);
        let dropped = news.dropped.into_iter().map(Box::new).map(Dropped::Change);
        self.dropped.extend(dropped);
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

    pub(super) fn drop_failure(&mut self, failure: Option<Box<Failure>>) {
        self.dropped.extend(failure.map(Dropped::Failure));
    }

    pub(super) fn drop_run(&mut self, run: Option<Attempt>) {
        self.dropped.extend(run.map(Dropped::Run));
    }

    pub(super) fn drop_entry(&mut self, entry: Entry) {
        self.dropped.push(Dropped::Entry(entry));
    }

    /// Lets it come: right here on a thread of the user's, else aside.
    pub(super) fn come(self, lifetime: &Arc<Lifetime>, by: By) {
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
                    lifetime.stop();
                }
                self.wakers.wake();
                drop(dropped);
            }
            By::Foster => {
                if self.stops {
                    lifetime.stop_aside();
                }
                lifetime.wake_aside(self.wakers);
                if !dropped.is_empty() {
                    lifetime.aside(move || drop(dropped));
                }
            }
        }
    }
}
