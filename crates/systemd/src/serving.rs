//! The service: one thread, which sleeps until something has changed or is due.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use foster_core::{
    Changes, Probing, Restart, Run, Runtime, RuntimeChange, Service, Settings, Shutdown,
    Subroutine, UnitChange,
};
use foster_thread::Thread;
use nix::time::{ClockId, clock_gettime};
use parking::Parker;

use crate::look::{Look, is_over};
use crate::message::Message;
use crate::notifier::Notifier;
use crate::sender::{Outbox, Sender};
use crate::told::Told;

/// The name of the service.
pub(crate) const NAME: &str = "systemd";

/// How often it looks whether a stop still waits for others, as nothing tells.
const STOP_LOOK: Duration = Duration::from_millis(20);

/// How many changes of the runtime may wait. Of more the last ones are enough.
const CHANGES: usize = 64;

/// The service `systemd` of a runtime.
pub(crate) struct Serving {
    pub(crate) runtime: Runtime,
    pub(crate) told: Told,
}

impl Service for Serving {
    type Flavour = Thread;

    fn flavour(&self) -> Thread {
        Thread
    }

    fn settings(&self) -> Settings {
        let settings = Settings::new().name(NAME).may_fail().looks_on();
        settings.restart(Restart::on_failure())
    }

    fn run(&self) -> impl Run<Subroutine> {
        Loop::new(self).and_then(Loop::run)
    }
}

/// One run of the service.
struct Loop<'a> {
    runtime: &'a Runtime,
    sender: Sender,
    notifier: Notifier,
    outbox: Outbox,
    parker: Parker,
    waker: Waker,
    changes: Next<RuntimeChange>,
    units: Next<UnitChange>,
    probing: Option<Pin<Box<Probing>>>,
}

impl<'a> Loop<'a> {
    fn new(serving: &'a Serving) -> io::Result<Self> {
        let parker = Parker::new();
        let runtime = &serving.runtime;
        Ok(Self {
            runtime,
            sender: Sender::new(&serving.told.address)?,
            notifier: Notifier::new(serving.told.watchdog),
            outbox: Outbox::default(),
            waker: Waker::from(parker.unparker()),
            parker,
            changes: next(runtime.changes(CHANGES)),
            // That something has changed is all there is to know.
            units: next(runtime.unit_changes(1)),
            probing: None,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let shutdown = Shutdown::current();
        let unparker = self.parker.unparker();
        let _until_return = shutdown.on_request(move || {
            unparker.unpark();
        });
        let mut look_at = None;
        loop {
            let now = now()?;
            let mut out = Vec::new();
            self.hear(now, &mut out);
            // Before the status: one without a stop then means that this service was asked alone.
            let is_asked = shutdown.is_requested();
            let is_due = is_asked && look_at.is_none_or(|at| at <= now);
            if is_due || self.notifier.wants_look(now) {
                let status = self.runtime.status();
                let look = Look::new(&status);
                let ends = is_asked && is_over(&status);
                if ends && status.stop.is_some() {
                    self.notifier.ends(now, &look, &mut out);
                } else if self.notifier.wants_look(now) {
                    self.notifier.looked(now, &look, &mut out);
                }
                self.send(now, out);
                if ends {
                    return Ok(());
                }
                // With a hundred thousand payloads a look takes some milliseconds, which the stop may need.
                let pause = STOP_LOOK.max(4 * self::now()?.saturating_sub(now));
                look_at = is_asked.then(|| now + pause);
                // News were not listened for while they were known.
                continue;
            }
            self.send(now, out);
            let due = [self.notifier.next_due(), self.outbox.next_due(), look_at];
            match due.into_iter().flatten().min() {
                None => self.parker.park(),
                Some(due) => {
                    let _is_woken = self.parker.park_timeout(due.saturating_sub(self::now()?));
                }
            }
        }
    }

    /// Takes in all that has come, and asks executors if it is time.
    fn hear(&mut self, now: Duration, out: &mut Vec<Message>) {
        let mut context = Context::from_waker(&self.waker);
        while let Some(change) = self.changes.poll(&mut context) {
            self.notifier.changed(now, change);
        }
        while !self.notifier.knows_news() && self.units.poll(&mut context).is_some() {
            self.notifier.has_news();
        }
        if self.notifier.wants_probe(now) {
            self.probing = Some(Box::pin(self.runtime.probe()));
        }
        if let Some(probing) = &mut self.probing {
            if probing.as_mut().poll(&mut context).is_ready() {
                self.probing = None;
                self.notifier.answered(now, out);
            }
        }
    }

    fn send(&mut self, now: Duration, messages: Vec<Message>) {
        for message in messages {
            self.outbox.push(message);
        }
        let sender = &self.sender;
        if let Err(error) = self.outbox.flush(now, |text| sender.send(text)) {
            tracing::warn!(
                target: "foster",
                event = "systemd.unheard",
                "systemd does not take what it is told: {error}"
            );
        }
    }
}

/// CLOCK_MONOTONIC, by which systemd counts.
fn now() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}

type Waiting<T> = Pin<Box<dyn Future<Output = (Option<T>, Changes<T>)>>>;

/// The next change of a stream; `None` once nothing more changes.
struct Next<T>(Option<Waiting<T>>);

fn next<T: Send + 'static>(mut changes: Changes<T>) -> Next<T> {
    Next(Some(Box::pin(async move {
        let change = changes.recv().await;
        (change, changes)
    })))
}

impl<T: Send + 'static> Next<T> {
    /// The change, if there is one; else `context` is woken by it.
    fn poll(&mut self, context: &mut Context<'_>) -> Option<T> {
        let waiting = self.0.as_mut()?;
        let Poll::Ready((change, changes)) = waiting.as_mut().poll(context) else {
            return None;
        };
        *self = match change {
            Some(_) => next(changes),
            None => Next(None),
        };
        change
    }
}
