//! The kinds of payload, as the cases see them.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use foster_core::{
    Coroutine, IntoPayload, Key, Parallel, ServeError, Subroutine, Unit, UnitBuilder, service_once,
};

/// A kind of payload, as the cases see it: the facts about every flavour of the kind, and a way to make a
/// payload.
///
/// Implemented for core's kinds. Implement it for a kind of your own to test flavours of that kind.
pub trait Kind: Send + Sized + 'static {
    /// Whether payloads of one flavour run on one thread, one at a time and in order.
    const SERIAL: bool;

    /// Whether a payload can be dropped where it waits.
    const DROPPABLE: bool;

    /// Whether `block_on` runs the payload on its caller's thread.
    const INLINE: bool;

    /// Makes a payload that calls `step` until it is ready. A pending `step` has kept the waker.
    fn payload<T, S>(step: S) -> impl IntoPayload<Self, Output = T> + Send + 'static
    where
        T: Send + 'static,
        S: FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static;

    /// Hands in a service that owns `step` and calls it until it is ready. `None`, which is the default, for payloads
    /// of no kind of core's, which are no services.
    ///
    /// # Errors
    ///
    /// As for [`UnitBuilder::serve`]; none if there is no service.
    fn serve<K, S>(unit: UnitBuilder<'_>, key: K, step: S) -> Option<Result<Unit, ServeError>>
    where
        K: Key<Payload = Self>,
        S: FnMut(&mut Context<'_>) -> Poll<Result<(), String>> + Send + 'static,
    {
        let _ = (unit, key, step);
        None
    }
}

impl Kind for Coroutine {
    const SERIAL: bool = true;
    const DROPPABLE: bool = true;
    const INLINE: bool = false;

    fn payload<T, S>(step: S) -> impl IntoPayload<Self, Output = T> + Send + 'static
    where
        T: Send + 'static,
        S: FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static,
    {
        move || poll_fn(step)
    }

    fn serve<K, S>(unit: UnitBuilder<'_>, key: K, step: S) -> Option<Result<Unit, ServeError>>
    where
        K: Key<Payload = Self>,
        S: FnMut(&mut Context<'_>) -> Poll<Result<(), String>> + Send + 'static,
    {
        Some(unit.serve(service_once(key, move || poll_fn(step))))
    }
}

impl Kind for Parallel {
    const SERIAL: bool = false;
    const DROPPABLE: bool = true;
    const INLINE: bool = false;

    fn payload<T, S>(step: S) -> impl IntoPayload<Self, Output = T> + Send + 'static
    where
        T: Send + 'static,
        S: FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static,
    {
        move || poll_fn(step)
    }

    fn serve<K, S>(unit: UnitBuilder<'_>, key: K, step: S) -> Option<Result<Unit, ServeError>>
    where
        K: Key<Payload = Self>,
        S: FnMut(&mut Context<'_>) -> Poll<Result<(), String>> + Send + 'static,
    {
        Some(unit.serve(service_once(key, move || poll_fn(step))))
    }
}

impl Kind for Subroutine {
    const SERIAL: bool = false;
    const DROPPABLE: bool = false;
    const INLINE: bool = true;

    fn payload<T, S>(step: S) -> impl IntoPayload<Self, Output = T> + Send + 'static
    where
        T: Send + 'static,
        S: FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static,
    {
        move || block_on(step)
    }

    fn serve<K, S>(unit: UnitBuilder<'_>, key: K, step: S) -> Option<Result<Unit, ServeError>>
    where
        K: Key<Payload = Self>,
        S: FnMut(&mut Context<'_>) -> Poll<Result<(), String>> + Send + 'static,
    {
        Some(unit.serve(service_once(key, move || block_on(step))))
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(step: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(poll_fn(step));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        thread::park();
    }
}

/// A testable key: its payloads are of a [`Kind`] that the cases know.
///
/// Implemented for every such key.
pub trait Subject: Key<Payload: Kind> {}

impl<K: Key<Payload: Kind>> Subject for K {}
