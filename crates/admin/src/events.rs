//! What is told while it happens: the changes of units, and the status when something else is different.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use foster_core::status::Status;
use foster_core::{Runtime, UnitChange, UnitChanges};
use serde::Serialize;

/// How many changes may wait to be told.
const CHANGES: usize = 1024;

/// How many are told at once, before others have their turn.
const AT_ONCE: usize = 256;

/// The least time between two statuses.
const PAUSE: Duration = Duration::from_millis(150);

/// How often is looked for what nobody tells: payloads, stalls.
const LOOK: Duration = Duration::from_secs(1);

/// How often something is said at least, so that whoever listens knows that the line holds.
const BEAT: Duration = Duration::from_secs(5);

type Next = Pin<Box<dyn Future<Output = (Option<UnitChange>, UnitChanges)>>>;

/// The changes and statuses of a runtime, for all who listen together. It is there as long as somebody does.
pub(crate) struct Watch {
    /// `None` once nothing more changes.
    next: Option<Next>,
    /// What was told last, without its ages.
    told: Option<Status>,
    told_at: Duration,
    /// Something has changed since then.
    is_stale: bool,
    beat: Duration,
    /// The last status, as it is told.
    event: Vec<u8>,
}

/// What is to be told.
#[derive(Default)]
pub(crate) struct News {
    /// Events that all are to hear.
    pub(crate) all: Vec<u8>,
    /// There is another [status](Watch::status).
    pub(crate) is_status: bool,
}

/// One change of one unit.
#[derive(Serialize)]
struct Change<'a> {
    unit: &'a str,
    state: foster_core::UnitState,
    restarts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl Watch {
    pub(crate) fn new(runtime: &Runtime, now: Duration) -> Self {
        let mut watch = Self {
            next: Some(next(runtime.unit_changes(CHANGES))),
            told: None,
            told_at: now,
            is_stale: true,
            beat: now + BEAT,
            event: Vec::new(),
        };
        watch.look(runtime, now);
        watch
    }

    /// What has come. `context` is woken when there is more.
    pub(crate) fn poll(
        &mut self,
        runtime: &Runtime,
        now: Duration,
        context: &mut Context<'_>,
    ) -> News {
        let mut news = News::default();
        for told in 0.. {
            let Some(waiting) = &mut self.next else { break };
            let Poll::Ready((change, changes)) = waiting.as_mut().poll(context) else {
                break;
            };
            let Some(change) = change else {
                self.next = None;
                break;
            };
            self.next = Some(next(changes));
            self.is_stale = true;
            tell(&mut news.all, "change", &Change::from(&change));
            if told == AT_ONCE {
                context.waker().wake_by_ref();
                break;
            }
        }
        if now >= self.due() {
            news.is_status = self.look(runtime, now);
        }
        if now >= self.beat {
            news.all.extend_from_slice(b"event: beat\ndata: {}\n\n");
            self.beat = now + BEAT;
        }
        news
    }

    /// Takes a status. Whether it is another than the last one.
    fn look(&mut self, runtime: &Runtime, now: Duration) -> bool {
        let status = runtime.status();
        let ageless = ageless(&status);
        let is_other = self.is_stale || self.told.as_ref() != Some(&ageless);
        self.told_at = now;
        self.is_stale = false;
        if is_other {
            self.event.clear();
            tell(&mut self.event, "status", &status);
            self.told = Some(ageless);
        }
        is_other
    }

    /// The last status, as an event.
    pub(crate) fn status(&self) -> &[u8] {
        &self.event
    }

    fn due(&self) -> Duration {
        let is_ending = (self.told.as_ref()).is_some_and(|told| told.stop.is_some());
        match self.is_stale || is_ending {
            true => self.told_at + PAUSE,
            false => self.told_at + LOOK,
        }
    }

    /// When it is to be asked again.
    pub(crate) fn until(&self) -> Duration {
        self.due().min(self.beat)
    }
}

/// The last event: it ends on purpose, so that nobody takes it for a broken line.
pub(crate) fn farewell(runtime: &Runtime) -> Vec<u8> {
    let mut events = Vec::new();
    let status = runtime.status();
    tell(&mut events, "status", &status);
    let why = match status.stop {
        Some(_) => "the runtime is over",
        None => "the admin was stopped",
    };
    tell(&mut events, "end", &why);
    events
}

impl<'a> From<&'a UnitChange> for Change<'a> {
    fn from(change: &'a UnitChange) -> Self {
        Self {
            unit: change.name(),
            state: change.state(),
            restarts: change.restarts(),
            failure: change.failure().map(|failure| format!("{failure:#}")),
        }
    }
}

fn next(mut changes: UnitChanges) -> Next {
    Box::pin(async move {
        let change = changes.recv().await;
        (change, changes)
    })
}

fn tell(events: &mut Vec<u8>, name: &str, what: &impl Serialize) {
    // One line, as JSON has no raw ends of lines in its texts.
    let data = serde_json::to_string(what).expect("plain values have a text in JSON");
    let mut text = String::new();
    write!(text, "event: {name}\ndata: {data}\n\n").expect("a string takes all");
    events.extend_from_slice(text.as_bytes());
}

/// `status` without what changes by itself.
fn ageless(status: &Status) -> Status {
    let mut status = status.clone();
    status.state_age = Duration::ZERO;
    status.age = Duration::ZERO;
    if let Some(drain) = &mut status.drain {
        drain.age = Duration::ZERO;
        drain.left = Duration::ZERO;
    }
    if let Some(stop) = &mut status.stop {
        stop.age = Duration::ZERO;
        stop.grace_left = Duration::ZERO;
    }
    for flavour in &mut status.flavours {
        if let Some(stall) = &mut flavour.stall {
            stall.age = Duration::ZERO;
        }
    }
    for unit in &mut status.units {
        unit.state_age = Duration::ZERO;
        unit.next_start = unit.next_start.map(|_| Duration::ZERO);
    }
    for payload in &mut status.payloads {
        payload.oldest = payload.oldest.map(|_| Duration::ZERO);
    }
    status
}
