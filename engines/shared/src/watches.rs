//! Many watches of one lease, of which the engine sees one.

use std::fmt;
use std::future::Future;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foster_lease::{Answer, LeaseError};
use tokio::sync::Notify;

use crate::worker::Worker;

/// Those who wait until a lease is free.
#[derive(Default)]
pub struct Watches {
    waiting: Mutex<Waiting>,
    nudge: Nudge,
}

#[derive(Default)]
struct Waiting {
    answers: Vec<Answer<()>>,
    /// A task looks, and answers all who have come until it ends.
    looked_at: bool,
}

/// Says to whoever looks that somebody new waits, so that a lease that is free by now is answered at once.
#[derive(Clone, Default)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    /// Ends when somebody has come since the last one.
    pub async fn came(&self) {
        self.0.notified().await;
    }
}

impl Watches {
    /// Answers once the look ends, with what comes of it. `look` makes one, unless there is one already.
    pub fn add<F>(
        self: &Arc<Self>,
        worker: &Worker,
        answer: Answer<()>,
        look: impl FnOnce(Nudge) -> F,
    ) where
        F: Future<Output = Result<(), LeaseError>> + Send + 'static,
    {
        let mut waiting = self.waiting();
        waiting.answers.push(answer);
        let looked_at = mem::replace(&mut waiting.looked_at, true);
        drop(waiting);
        if looked_at {
            self.nudge.0.notify_one();
            return;
        }
        let mut looking = Looking(Some(self.clone()));
        let look = look(self.nudge.clone());
        worker.spawn(async move {
            let found = look.await;
            for answer in looking.end() {
                answer.send(found.clone());
            }
        });
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing of the user's runs under it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.waiting().answers.len();
        f.debug_struct("Watches")
            .field("waiting", &waiting)
            .finish()
    }
}

impl fmt::Debug for Nudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nudge").finish_non_exhaustive()
    }
}

/// A look that is dropped, as the worker ends, leaves nobody waiting.
struct Looking(Option<Arc<Watches>>);

impl Looking {
    /// Those who have waited. Whoever comes from now on begins another look, of which this one knows nothing any more.
    fn end(&mut self) -> Vec<Answer<()>> {
        match self.0.take() {
            Some(watches) => mem::take(&mut *watches.waiting()).answers,
            None => Vec::new(),
        }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        drop(self.end());
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    fn asked() -> (Answer<()>, Receiver<Result<(), LeaseError>>) {
        let (told, answered) = channel();
        let answer = Answer::new(move |given| {
            let _ = told.send(given);
        });
        (answer, answered)
    }

    #[test]
    fn all_are_answered_by_one_look() {
        let worker = Worker::start("test").unwrap();
        let watches = Arc::new(Watches::default());
        let (free, is_free) = oneshot::channel::<()>();
        let (first, first_answered) = asked();
        let (second, second_answered) = asked();
        watches.add(&worker, first, |nudge| async move {
            // The second one.
            nudge.came().await;
            is_free.await.map_err(LeaseError::new)
        });
        watches.add(&worker, second, |_| async { panic!("a second look") });
        free.send(()).unwrap();
        for answered in [first_answered, second_answered] {
            answered.recv_timeout(DEADLINE).unwrap().unwrap();
        }
        // The next one looks anew.
        let (third, answered) = asked();
        watches.add(&worker, third, |_| async { Err(LeaseError::new("lost")) });
        assert_eq!(
            answered
                .recv_timeout(DEADLINE)
                .unwrap()
                .unwrap_err()
                .to_string(),
            "lost"
        );
    }

    #[test]
    fn a_look_that_panics_or_is_dropped_leaves_nobody_waiting() {
        let worker = Worker::start("test").unwrap();
        let watches = Arc::new(Watches::default());
        let (first, answered) = asked();
        watches.add(&worker, first, |_| async { panic!("on purpose") });
        assert!(answered.recv_timeout(DEADLINE).unwrap().is_err());
        let (second, answered) = asked();
        watches.add(&worker, second, |_| pending());
        drop(worker);
        assert!(answered.recv_timeout(DEADLINE).unwrap().is_err());
    }
}
