//! The future of a call: a payload that somebody waits for, in async code or on a thread.

use std::fmt;
use std::future::Future;
use std::mem::replace;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use super::core::Core;
use super::deadlock;
use super::launch::{PayloadName, Place, Submitted};
use crate::base::event::Event;
use crate::base::sync::Arc;
use crate::errors::refusal::{ExecuteError, Reason};
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;
use crate::runtime::site::Site;
use crate::task::Waiter;

/// The future of [`Runtime::call`](crate::Runtime::call), which yields the payload's value.
///
/// It owns everything it needs and is `Send`, so it can be awaited in any flavour, or outside of
/// all. The first poll hands the payload in.
///
/// # A child that is joined
///
/// [`started`](Self::started) hands the payload in at once, so that it runs beside the code that
/// waits for it later: in async code by an `await`, on a thread by [`wait`](Self::wait) or
/// [`wait_timeout`](Self::wait_timeout). With [`catch_panic`](Self::catch_panic) a panic of the
/// payload is an error instead of going on in whoever waits.
///
/// Several children run at the same time if all are started before the first is waited for:
///
/// ```
/// # use foster_core::{Call, ExecuteError, Manual, Runtime};
/// # fn main() -> Result<(), foster_core::RunError> {
/// # let (runtime, manual) = (Runtime::new(), Manual::new());
/// # runtime.start()?;
/// let start = |page: u32| runtime.call(manual.clone(), async move || page * 2).started();
/// let children: Vec<Call<u32>> = (1..=3).map(start).collect();
/// # while manual.step() {}
///
/// // On a thread; in async code the loop awaits each.
/// let values: Result<Vec<u32>, ExecuteError> = children.into_iter().map(Call::wait).collect();
/// assert_eq!(values.unwrap(), [2, 4, 6]);
/// # runtime.shutdown();
/// # runtime.wait()
/// # }
/// ```
///
/// The first error ends such a loop. The children that were not waited for are dropped by it, and
/// so cancelled. To take values as they come, in whatever order, put the calls into a
/// `FuturesUnordered`, or have the payloads send into a channel.
///
/// # Errors
///
/// As for [`execute`](crate::Runtime::execute), except for the deadlock.
///
/// # Panics
///
/// With the payload's own panic, in whoever polls or waits.
///
/// # Cancel safety
///
/// Dropping it cancels a coroutine, and a subroutine that has not started. A running subroutine
/// goes on, and its value is dropped. After the drop there is no caller, so a panic of the payload
/// is a failure.
#[must_use = "a call does nothing unless it is awaited, started or waited for, and dropping it cancels it"]
pub struct Call<T: Send + 'static> {
    state: CallState<T>,
    /// A panic is an error.
    catches: bool,
}

enum CallState<T: Send + 'static> {
    New(Box<dyn FnOnce() -> Result<Submitted<T>, ExecuteError> + Send>),
    Submitted(Submitted<T>),
    /// Not handed in; nobody was told yet.
    Refused(ExecuteError),
    Over,
}

impl<T: Send + 'static> Call<T> {
    pub(crate) fn new<const MAY_BE_FULL: bool, C, P>(
        core: &Arc<Core>,
        site: &Arc<Site>,
        key: C,
        payload: P,
        who: (PayloadName, Place),
    ) -> Self
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output = T> + Send + 'static,
    {
        let (core, site) = (Arc::clone(core), Arc::clone(site));
        Self {
            state: CallState::New(Box::new(move || {
                core.submit::<MAY_BE_FULL, _, _>(&site, key, payload, who)
            })),
            catches: false,
        }
    }

    /// Hands the payload in now, unless that was done. It then runs by itself, for as long as the
    /// call is not dropped.
    ///
    /// A refusal is the result of the call.
    pub fn started(mut self) -> Self {
        self.submit();
        self
    }

    /// Makes a panic of the payload an error of the kind
    /// [`Panicked`](crate::ExecuteErrorKind::Panicked), instead of going on in whoever waits.
    ///
    /// ```
    /// # use foster_core::{ExecuteErrorKind, Manual, Runtime};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// # runtime.start()?;
    /// let child = runtime.call(manual.clone(), async || -> u32 { panic!("no such page") });
    /// let child = child.catch_panic().started();
    /// # while manual.step() {}
    /// let error = child.wait().unwrap_err();
    /// assert_eq!(error.kind(), ExecuteErrorKind::Panicked);
    /// assert!(error.to_string().ends_with("panicked: no such page"));
    /// # runtime.shutdown();
    /// # runtime.wait()?;
    /// # Ok::<(), foster_core::RunError>(())
    /// ```
    ///
    /// The error has the panic's value: [`into_panic`](ExecuteError::into_panic). If nobody takes
    /// the result because the call was dropped, the panic is a failure all the same.
    pub fn catch_panic(mut self) -> Self {
        self.catches = true;
        self
    }

    /// Blocks the calling thread until the payload is over, and returns its value. Hands the payload
    /// in first, if it is not [started](Self::started).
    ///
    /// In a coroutine it blocks all others of the flavour: await the call there.
    ///
    /// # Errors
    ///
    /// As for [`execute`](crate::Runtime::execute), the deadlock included: a wait on a thread that
    /// the payload's flavour needs is refused, and the payload is cancelled.
    ///
    /// # Panics
    ///
    /// With the payload's own panic, unless [`catch_panic`](Self::catch_panic) says otherwise.
    pub fn wait(mut self) -> Result<T, ExecuteError> {
        self.submit();
        if let CallState::Submitted(submitted) = &self.state {
            if !submitted.join.is_open() {
                let _waiting = submitted.enter()?;
                submitted.join.wait();
            }
        }
        self.finish()
    }

    /// As [`wait`](Self::wait), but at most for `time` on the runtime's [clock](crate::Clock). `None`
    /// if the payload is not over by then: it goes on, and can be waited for again.
    ///
    /// # Errors
    ///
    /// As for [`wait`](Self::wait). A wait in vain is refused at once, whatever its `time`; with
    /// [`Duration::ZERO`] it only looks, and is never refused.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait). Also after it has returned the result.
    pub fn wait_timeout(&mut self, time: Duration) -> Option<Result<T, ExecuteError>> {
        self.submit();
        if let CallState::Submitted(submitted) = &self.state {
            if !submitted.join.is_open() && !time.is_zero() {
                // Not entered for longer than this: it ends by itself, so it is in no ring.
                if let Err(error) = submitted.enter().map(drop) {
                    self.state = CallState::Over;
                    return Some(Err(error));
                }
                submitted.wait_timeout(time);
            }
            if !submitted.join.is_open() {
                return None;
            }
        }
        Some(self.finish())
    }

    fn submit(&mut self) {
        if let CallState::New(_) = self.state {
            if let CallState::New(submit) = replace(&mut self.state, CallState::Over) {
                self.state = match submit() {
                    Ok(submitted) => CallState::Submitted(submitted),
                    Err(error) => CallState::Refused(error),
                };
            }
        }
    }

    /// The result of a call whose payload is over, or was refused.
    fn finish(&mut self) -> Result<T, ExecuteError> {
        // Over before the panic of the payload, if there is one, continues here.
        let submitted = match replace(&mut self.state, CallState::Over) {
            CallState::Submitted(submitted) => submitted,
            CallState::Refused(error) => return Err(error),
            CallState::New(_) | CallState::Over => panic!("a call was asked after it was over"),
        };
        let reason = match submitted.join.take_result() {
            Some(Ok(value)) => return Ok(value),
            Some(Err(panic)) if self.catches => Reason::panicked(panic),
            Some(Err(panic)) => resume_unwind(panic),
            None => submitted.site.cancelled(),
        };
        Err(ExecuteError::new(submitted.origin.clone(), reason))
    }
}

impl<T: Send + 'static> Submitted<T> {
    /// Enters that the calling thread waits for the payload.
    fn enter(&self) -> Result<Option<deadlock::Executing>, ExecuteError> {
        // The ring may come back to this thread through any flavour.
        self.core.look_here();
        let entered = self.join.task().map(deadlock::enter_wait).transpose();
        let refuse = |ring| ExecuteError::new(self.origin.clone(), Reason::Deadlock(ring));
        entered.map(Option::flatten).map_err(refuse)
    }

    /// Blocks until the payload is over, at most for `time` on the clock of the runtime.
    fn wait_timeout(&self, time: Duration) {
        let clock = &self.core.lifetime.settings.clock;
        let alarm = Arc::new(Alarm::default());
        let waker = Waker::from(Arc::clone(&alarm));
        let mut context = Context::from_waker(&waker);
        let mut look = || self.join.poll_open(&mut context).is_ready().then_some(());
        alarm.0.wait(clock, time, &mut look);
    }
}

/// Wakes a thread that waits for a payload.
#[derive(Default)]
struct Alarm(Event);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

impl<T: Send + 'static> Future for Call<T> {
    type Output = Result<T, ExecuteError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.submit();
        if let CallState::Submitted(submitted) = &self.state {
            ready!(submitted.join.poll_open(context));
        }
        Poll::Ready(self.finish())
    }
}

impl<T: Send + 'static> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            CallState::New(_) => "Call (not handed in yet)",
            CallState::Submitted(_) => "Call (under way)",
            CallState::Refused(_) => "Call (refused)",
            CallState::Over => "Call (over)",
        })
    }
}
