//! Each payload as tokio-console knows tasks: a span, which is entered for each turn.

use tracing::level_filters::LevelFilter;
use tracing::span::EnteredSpan;
use tracing::{Level, Span};

use crate::base::sync::{Arc, Mutex, lock};
use crate::task::raw::Task;

/// The span of one payload, from its first turn to its end.
#[derive(Default)]
pub(super) struct Seen(Mutex<Life>);

#[derive(Default, Clone)]
enum Life {
    #[default]
    Fresh,
    /// With whether it was seen to be woken since its last turn.
    Alive(Span, bool),
    Over,
}

impl Seen {
    /// Enters the span, for one turn.
    pub(super) fn enter(&self, task: &Arc<Task>) -> Option<EnteredSpan> {
        if LevelFilter::current() < Level::TRACE {
            return None;
        }
        let life = lock(&self.0).clone();
        // Nothing of this with the lock, as a subscriber is code of the user's.
        let span = match life {
            Life::Fresh => {
                let span = span(&**task);
                // Somebody always has a waker: the console warns of tasks that nobody could wake.
                tell("waker.clone", &span);
                span
            }
            Life::Alive(span, is_woken) => {
                if !is_woken {
                    // By a waker of the executor's own.
                    tell("waker.wake_by_ref", &span);
                }
                span
            }
            Life::Over => return None,
        };
        let _before = std::mem::replace(&mut *lock(&self.0), Life::Alive(span.clone(), false));
        Some(span.entered())
    }

    /// The payload was woken.
    pub(super) fn woken(&self) {
        if LevelFilter::current() < Level::TRACE {
            return;
        }
        let span = match &mut *lock(&self.0) {
            Life::Alive(span, is_woken) => {
                *is_woken = true;
                span.clone()
            }
            _ => return,
        };
        tell("waker.wake_by_ref", &span);
    }

    /// The payload is over.
    pub(super) fn end(&self) {
        let _last = std::mem::replace(&mut *lock(&self.0), Life::Over);
    }
}

/// Tells what happens to a waker of the payload with this span.
fn tell(op: &'static str, span: &Span) {
    if let Some(id) = span.id() {
        tracing::trace!(target: "tokio::task::waker", op, task.id = id.into_u64());
    }
}

fn span(task: &Task) -> Span {
    let origin = task.origin();
    let place = origin.location;
    tracing::trace_span!(
        target: "tokio::task",
        "runtime.spawn",
        kind = origin.flavour.as_str(),
        task.name = &*origin.payload,
        loc.file = place.file(),
        loc.line = place.line(),
        loc.col = place.column(),
    )
}
