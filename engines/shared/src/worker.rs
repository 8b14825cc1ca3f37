//! The thread on which the client of an engine lives.

use std::fmt;
use std::future::Future;
use std::io;
use std::thread;
use std::time::Duration;

use foster_lease::{Answer, LeaseError};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::failed;

/// How long a request of a lease of this length may take: a third of it, between half a second and ten seconds.
///
/// A renewal that takes longer comes too late, and while the engine is away no more requests than these pile up.
pub fn limit(length: Duration) -> Duration {
    (length / 3).clamp(Duration::from_millis(500), Duration::from_secs(10))
}

/// One thread with a tokio runtime.
///
/// When it is dropped, its tasks are dropped on the thread, with the answers that they owe, and the thread ends. Nobody
/// waits for that, so it may be dropped anywhere, also in one of those tasks.
pub struct Worker {
    handle: Handle,
    /// Its end is told by the drop.
    _alive: oneshot::Sender<()>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If the system has no thread or no descriptors for it.
    pub fn start(name: &str) -> io::Result<Self> {
        // Not the runtime of several threads: that one panics where the system has none for it.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, over) = oneshot::channel();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // An error is what the drop of the sender is.
                let _ = runtime.block_on(over);
                // Not by its drop, which would wait for a lookup of a name.
                runtime.shutdown_background();
            })?;
        let _alive = alive;
        Ok(Self { handle, _alive })
    }

    /// Runs this on the thread. It is dropped unrun if that has ended.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(work));
    }

    /// Answers with what comes of the work, or with an error once the limit is over; `doing` is what that error says.
    pub fn answer<T: Send + 'static>(
        &self,
        limit: Duration,
        doing: impl Into<String>,
        answer: Answer<T>,
        work: impl Future<Output = Result<T, LeaseError>> + Send + 'static,
    ) {
        let doing = doing.into();
        self.spawn(async move {
            let given = match timeout(limit, work).await {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(error)) => Err(failed(doing, error)),
                Err(_) => Err(failed(doing, format!("no answer within {limit:?}"))),
            };
            answer.send(given);
        });
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    fn asked<T: Send + 'static>() -> (Answer<T>, Receiver<Result<T, LeaseError>>) {
        let (told, answered) = channel();
        let answer = Answer::new(move |given| {
            let _ = told.send(given);
        });
        (answer, answered)
    }

    #[test]
    fn work_is_answered_and_late_work_is_an_error() {
        let worker = Worker::start("test").unwrap();
        let (answer, answered) = asked();
        worker.answer(DEADLINE, "one", answer, async { Ok(1) });
        assert_eq!(answered.recv_timeout(DEADLINE).unwrap().unwrap(), 1);

        let (answer, answered) = asked::<u8>();
        let short = Duration::from_millis(1);
        worker.answer(short, "the acquire of `x`", answer, pending());
        let error = answered.recv_timeout(DEADLINE).unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the acquire of `x`: no answer within 1ms"
        );
    }

    #[test]
    fn its_end_answers_what_waits_and_what_comes_later() {
        let worker = Worker::start("test").unwrap();
        let handle = worker.handle.clone();
        let (answer, answered) = asked::<u8>();
        worker.answer(Duration::MAX, "waits", answer, pending());
        drop(worker);
        assert!(answered.recv_timeout(DEADLINE).unwrap().is_err());

        let (answer, answered) = asked::<u8>();
        drop(handle.spawn(async move { answer.send(Ok(1)) }));
        assert!(answered.recv_timeout(DEADLINE).unwrap().is_err());
    }

    #[test]
    fn a_task_of_its_own_may_drop_it() {
        let worker = Arc::new(Worker::start("test").unwrap());
        let (answer, answered) = asked();
        let own = worker.clone();
        worker.answer(DEADLINE, "drops", answer, async move {
            // By then it is the last one, or nearly.
            tokio::task::yield_now().await;
            drop(own);
            Ok(())
        });
        drop(worker);
        // Whether it ran to its end, or was dropped before: it is answered.
        let _ = answered.recv_timeout(DEADLINE).unwrap();
    }
}
