//! A closure that runs once the end is requested: a bridge from a token to whatever a thread waits for.
//!
//! The closure runs as a waker would, so it runs where wakers do: never on one of Foster's threads.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Wake, Waker};

use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::base::sync::{Arc, Mutex, lock};
use crate::task::token::Requested;

/// Keeps a closure until the end is requested: see [`Shutdown::on_request`](crate::Shutdown::on_request).
///
/// Dropping it drops the closure unrun, and never waits: a closure that has begun goes on.
#[must_use = "the closure is dropped with it, unrun"]
pub struct OnRequest {
    watch: Arc<Watch>,
}

/// The closure, and the wait for its moment. The waker of that wait is the watch itself, until one of them is over.
struct Watch {
    /// The wakes that are still to be answered. Whoever brings the first one answers those that come meanwhile.
    wakes: AtomicUsize,
    kept: Mutex<Kept>,
}

struct Kept {
    /// Taken out to be polled, as polling may wake others, and for good in the end.
    waiting: Option<(Requested, Code)>,
    /// The [`OnRequest`] is gone.
    is_unwanted: bool,
}

type Code = Box<dyn FnOnce() + Send>;

impl OnRequest {
    pub(super) fn new(requested: Requested, code: Code) -> Self {
        let kept = Kept {
            waiting: Some((requested, code)),
            is_unwanted: false,
        };
        let watch = Arc::new(Watch {
            wakes: AtomicUsize::new(0),
            kept: Mutex::new(kept),
        });
        watch.answer();
        Self { watch }
    }
}

impl Watch {
    /// Looks whether the end is requested, once for each wake at least.
    fn answer(self: &Arc<Self>) {
        if self.wakes.fetch_add(1, SeqCst) > 0 {
            return;
        }
        let mut seen = 1;
        while self.look() {
            match self.wakes.compare_exchange(seen, 0, SeqCst, SeqCst) {
                Ok(_) => return,
                Err(more) => seen = more,
            }
        }
    }

    /// Runs the closure if the end is requested. Returns `false` if there is nothing more to wait for.
    fn look(self: &Arc<Self>) -> bool {
        let Some((mut requested, code)) = lock(&self.kept).waiting.take() else {
            return false;
        };
        let waker = Waker::from(Arc::clone(self));
        let polled = Pin::new(&mut requested).poll(&mut Context::from_waker(&waker));
        let is_wanted = {
            let mut kept = lock(&self.kept);
            if polled.is_pending() && !kept.is_unwanted {
                kept.waiting = Some((requested, code));
                return true;
            }
            !kept.is_unwanted
        };
        if is_wanted {
            drop(requested);
            code();
        }
        false
    }
}

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        self.answer();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.answer();
    }
}

impl Drop for OnRequest {
    fn drop(&mut self) {
        let _waiting = {
            let mut kept = lock(&self.watch.kept);
            kept.is_unwanted = true;
            kept.waiting.take()
        };
    }
}

impl fmt::Debug for OnRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRequest")
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::future::pending;
    use std::pin::pin;

    use super::*;
    use crate::{Manual, Runtime, Shutdown, Signals};

    /// A payload that waits a million times would otherwise keep something of each wait.
    #[test]
    fn waits_that_are_dropped_leave_no_listener() {
        let runtime = Runtime::builder().signals(Signals::Leave).build();
        runtime.start().unwrap();
        let (manual, mut context) = (Manual::new(), Context::from_waker(Waker::noop()));
        let (sender, receiver) = std::sync::mpsc::channel();
        let payload = || async move {
            sender.send(Shutdown::current()).unwrap();
            pending::<()>().await;
        };
        let mut call = Box::pin(runtime.call(manual.clone(), payload));
        assert!(call.as_mut().poll(&mut context).is_pending());
        manual.step();
        let token = receiver.recv().unwrap();
        let listening = || runtime.core().lifetime.tokens.listening();
        {
            let _on_request = token.on_request(|| {});
            assert_eq!(listening(), 1);
            let mut until = pin!(token.until_requested(pending::<()>()));
            assert!(until.as_mut().poll(&mut context).is_pending());
            assert_eq!(listening(), 2);
        }
        assert_eq!(listening(), 0);
        // One that has run leaves none either.
        let _on_request = token.on_request(|| {});
        drop(call);
        manual.step();
        assert!(token.is_requested());
        assert_eq!(listening(), 0);
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}
