//! Stand-ins for the standard library and the channel in a model.
//!
//! Shuttle has no time: a wait with a limit waits for ever here. A model that needs time to pass
//! moves a manual clock.

pub(crate) use shuttle::sync::mpsc::sync_channel;
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, atomic};
pub(crate) use shuttle::{lazy_static, thread, thread_local};

/// Never called: a model has enough threads to join every thread.
pub(crate) fn is_finished(_: &thread::JoinHandle<()>) -> bool {
    unreachable!("it was joined")
}

/// Marks a thread as running the code of one value, as `scoped_tls` does.
macro_rules! scoped_thread_local {
    (static $name:ident: $type:ty) => {
        static $name: $crate::base::sync::Scoped<$type> = {
            shuttle::thread_local! {
                static STACK: std::cell::RefCell<Vec<$type>> = std::cell::RefCell::default();
            }
            $crate::base::sync::Scoped::new(&STACK)
        };
    };
}
pub(crate) use scoped_thread_local;

pub(crate) struct Scoped<T: 'static>(&'static thread::LocalKey<std::cell::RefCell<Vec<T>>>);

impl<T: Clone> Scoped<T> {
    pub(crate) const fn new(stack: &'static thread::LocalKey<std::cell::RefCell<Vec<T>>>) -> Self {
        Self(stack)
    }

    pub(crate) fn set<R>(&'static self, value: &T, code: impl FnOnce() -> R) -> R {
        self.0.with(|stack| stack.borrow_mut().push(value.clone()));
        let result = code();
        let value = self.0.with(|stack| stack.borrow_mut().pop());
        drop(value);
        result
    }

    pub(crate) fn is_set(&'static self) -> bool {
        self.0.with(|stack| !stack.borrow().is_empty())
    }

    pub(crate) fn with<R>(&'static self, code: impl FnOnce(&T) -> R) -> R {
        let value = self.0.with(|stack| stack.borrow().last().cloned());
        code(&value.expect("it is set"))
    }
}

/// The part of flume's interface that is used.
pub(crate) mod channel {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::time::Instant;

    use super::super::{PoisonError, lock};
    use super::{Condvar, Mutex};

    pub(crate) use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError};

    struct Shared<T> {
        queue: Mutex<VecDeque<T>>,
        sent: Condvar,
    }

    pub(crate) struct Sender<T>(Arc<Shared<T>>);
    pub(crate) struct Receiver<T>(Arc<Shared<T>>);

    pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            sent: Condvar::new(),
        });
        (Sender(Arc::clone(&shared)), Receiver(shared))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, value: T) -> Result<(), SendError<T>> {
            lock(&self.0.queue).push_back(value);
            self.0.sent.notify_one();
            Ok(())
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn recv(&self) -> Result<T, RecvError> {
            let mut queue = lock(&self.0.queue);
            loop {
                match queue.pop_front() {
                    Some(value) => return Ok(value),
                    None => {
                        queue = self
                            .0
                            .sent
                            .wait(queue)
                            .unwrap_or_else(PoisonError::into_inner)
                    }
                }
            }
        }

        pub(crate) fn recv_deadline(&self, _: Instant) -> Result<T, RecvTimeoutError> {
            self.recv().map_err(RecvTimeoutError::from)
        }

        pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
            let first = lock(&self.0.queue).pop_front();
            first.ok_or(TryRecvError::Empty)
        }
    }
}
