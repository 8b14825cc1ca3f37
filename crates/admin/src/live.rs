//! Whether the executors answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use foster_core::{Probing, Runtime};

use crate::http::response::Response;

/// How long an executor may take to answer.
const LIMIT: Duration = Duration::from_secs(1);

/// One question to all executors.
///
/// There is one at a time, and as long as one executor has not answered it no other is asked: an executor that hangs for
/// a day would find a pile of them.
pub(crate) struct Live {
    probing: Pin<Box<Probing>>,
    until: Duration,
}

impl Live {
    /// Asks at `now`.
    pub(crate) fn ask(runtime: &Runtime, now: Duration) -> Self {
        Self {
            probing: Box::pin(runtime.probe()),
            until: now + LIMIT,
        }
    }

    /// What is answered at `now` to those who wait, if it is decided; `context` is woken otherwise.
    pub(crate) fn poll(&mut self, now: Duration, context: &mut Context<'_>) -> Option<Verdict> {
        match self.probing.as_mut().poll(context) {
            Poll::Ready(()) => Some(Verdict::Alive),
            Poll::Pending if now < self.until => None,
            Poll::Pending => {
                let names = self.probing.unanswered().map(|name| format!("`{name}`"));
                let names: Vec<_> = names.collect();
                Some(Verdict::Hanging(names.join(", ")))
            }
        }
    }

    /// When it is decided at the latest.
    pub(crate) fn until(&self) -> Duration {
        self.until
    }
}

/// What is known of the executors.
pub(crate) enum Verdict {
    Alive,
    /// These have not answered.
    Hanging(String),
}

impl Verdict {
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self, Self::Alive)
    }

    pub(crate) fn response(&self) -> Response {
        match self {
            Self::Alive => Response::text(200, "alive"),
            Self::Hanging(names) => {
                let text =
                    format!("no answer within {LIMIT:?} from {names}: something blocks there");
                Response::text(503, text)
            }
        }
    }
}
