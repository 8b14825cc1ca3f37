//! Sleeps and time limits by a clock.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::base::acting;
use crate::base::clock::{Alarm, Clock};
use crate::base::event::Event;
use crate::base::moment::never;

impl Clock {
    /// A future that is ready when `time` has passed on this clock, counted from its first poll.
    ///
    /// It can be awaited in any flavour and outside of them. `Duration::MAX` never passes.
    ///
    /// On the system's clock a thread of Foster's wakes sleepers: that of the runtime, if the clock is a
    /// [runtime's](crate::Runtime::clock). It exists while somebody sleeps and ends with the runtime. It runs the wakers,
    /// so one that blocks makes the others late.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves nothing behind.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use foster_core::Clock;
    ///
    /// # async fn attempt() -> Result<(), ()> { Ok(()) }
    /// async fn insist() {
    ///     while attempt().await.is_err() {
    ///         Clock::current().sleep(Duration::from_secs(1)).await;
    ///     }
    /// }
    /// ```
    pub fn sleep(&self, time: Duration) -> Sleep {
        Sleep {
            state: State::New(self.clone(), time),
        }
    }

    /// As [`sleep`](Self::sleep), until a moment of this clock: see [`now`](Self::now).
    ///
    /// Moments that were computed in advance do not drift, as those of a loop do that sleeps for some time.
    pub fn sleep_until(&self, moment: Instant) -> Sleep {
        Sleep {
            state: State::Until(Alarm::new(self.clone(), moment)),
        }
    }

    /// Gives `future` the time `time` on this clock, counted from the first poll.
    ///
    /// The result is the future's value, or [`TimedOut`] if the time was over first. Then the future is dropped at once.
    /// If both come together, the value counts. With `Duration::MAX` there is no limit.
    ///
    /// A future that blocks its thread cannot be interrupted.
    ///
    /// # Cancel safety
    ///
    /// As that of `future`, which is dropped with it.
    ///
    /// ```
    /// # use std::future::pending;
    /// # use std::time::Duration;
    /// # use std::future::Future;
    /// use foster_core::Clock;
    ///
    /// let clock = Clock::manual();
    /// let mut answer = Box::pin(clock.timeout(Duration::from_secs(5), pending::<()>()));
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # let mut poll = || answer.as_mut().poll(&mut context);
    /// assert!(poll().is_pending());
    /// clock.advance(Duration::from_secs(5));
    /// # let std::task::Poll::Ready(Err(late)) = poll() else { unreachable!() };
    /// // let late = answer.await.unwrap_err();
    /// assert_eq!(late.to_string(), "it took longer than 5s");
    /// ```
    pub fn timeout<F: Future>(&self, time: Duration, future: F) -> Timeout<F> {
        Timeout {
            future: Some(future),
            sleep: self.sleep(time),
            time,
        }
    }

    /// Blocks the calling thread until `time` has passed on this clock.
    ///
    /// For threads; in a coroutine it blocks all others of the flavour. A thread that takes part in the end of its runtime
    /// waits by [`Shutdown::wait_timeout`](crate::Shutdown::wait_timeout), which ends with the runtime; this does not.
    /// `Duration::MAX` never passes.
    ///
    /// ```
    /// # use std::thread;
    /// # use std::time::Duration;
    /// use foster_core::Clock;
    ///
    /// let clock = Clock::manual();
    /// let waiter = thread::spawn({
    ///     let clock = clock.clone();
    ///     move || clock.wait(Duration::from_secs(60))
    /// });
    /// while !waiter.is_finished() {
    ///     clock.advance(Duration::from_secs(60));
    /// }
    /// ```
    pub fn wait(&self, time: Duration) {
        // Nobody notifies this one.
        Event::new().wait(self, time, || None::<()>);
    }
}

/// The future of [`Clock::sleep`] and [`Clock::sleep_until`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep {
    state: State,
}

enum State {
    New(Clock, Duration),
    Until(Alarm),
    Over,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let State::New(clock, time) = &self.state {
            let due = clock.after(*time);
            self.state = State::Until(Alarm::new(clock.clone(), due));
        }
        if let State::Until(alarm) = &mut self.state {
            if !alarm.has_come(context.waker()) {
                acting::goes_on();
                return Poll::Pending;
            }
            self.state = State::Over;
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::New(_, time) => write!(f, "Sleep for {time:?}"),
            State::Until(alarm) if alarm.due() == never() => f.write_str("Sleep for ever"),
            State::Until(alarm) => {
                let left = alarm.due().saturating_duration_since(alarm.clock().now());
                write!(f, "Sleep for another {left:?}")
            }
            State::Over => f.write_str("Sleep that is over"),
        }
    }
}

pin_project_lite::pin_project! {
    /// The future of [`Clock::timeout`].
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: Option<F>,
        sleep: Sleep,
        time: Duration,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // The value counts if both are there.
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            if let Poll::Ready(value) = future.poll(context) {
                // A sleep that is left alone would wake for nothing.
                *this.sleep = Sleep { state: State::Over };
                return Poll::Ready(Ok(value));
            }
        }
        if Pin::new(this.sleep).poll(context).is_pending() {
            return Poll::Pending;
        }
        this.future.set(None);
        Poll::Ready(Err(TimedOut { time: *this.time }))
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// A future was not ready in time: see [`Clock::timeout`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOut {
    time: Duration,
}

impl TimedOut {
    /// The time that it had.
    pub fn time(&self) -> Duration {
        self.time
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it took longer than {:?}", self.time)
    }
}

impl Error for TimedOut {}
