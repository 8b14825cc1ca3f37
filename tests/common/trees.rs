//! Runs inside runs: what a test sees of each, and how it tells them what to do.

use std::future::Future;
use std::sync::{Arc, Mutex};

use foster::{Answer, Shutdown, UnitBuilder};
use futures_lite::future::yield_now;
use tokio::sync::Notify;

use super::services::{Host, Served};
use super::{Event, OnDrop};

/// A run that holds a token until it is asked to end, and goes on until it is let go.
#[derive(Clone, Default)]
pub struct Probe {
    pub held: Event,
    pub asked: Event,
    /// Lets it end.
    pub go: Go,
    /// Its run is over, however it ended.
    pub over: Event,
}

/// What one run waits for.
#[derive(Clone, Default)]
pub struct Go(Arc<Notify>);

impl Go {
    pub fn happen(&self) {
        self.0.notify_one();
    }
}

impl Probe {
    pub fn new() -> Self {
        Self::default()
    }

    /// One that ends as soon as it is asked.
    pub fn free() -> Self {
        let free = Self::default();
        free.go.happen();
        free
    }

    /// What it does.
    pub async fn live(self) {
        let _over = OnDrop(|| self.over.happen());
        let token = Shutdown::current();
        self.held.happen();
        token.requested().await;
        self.asked.happen();
        self.go.0.notified().await;
    }

    /// As [`live`](Self::live), without a token: until it is let go.
    pub async fn live_deaf(self) {
        let _over = OnDrop(|| self.over.happen());
        self.held.happen();
        self.go.0.notified().await;
    }
}

/// Waits for an event in a coroutine, and holds up no other.
pub async fn until(event: &Event) {
    while !event.has_happened() {
        yield_now().await;
    }
}

/// Lets all others that can go on do so for a while.
pub async fn a_while() {
    for _ in 0..100 {
        yield_now().await;
    }
}

/// Serves a run that there is only once.
#[track_caller]
pub fn serve_once<R>(
    flavour: impl Host,
    unit: UnitBuilder<'_>,
    run: impl FnOnce() -> R + Send + 'static,
) -> Served
where
    R: Future<Output: Answer + 'static> + Send + 'static,
{
    let run = Mutex::new(Some(run));
    let run = move || {
        let run = run.lock().expect("nobody panics here").take();
        run.expect("it runs once")()
    };
    flavour.serve(unit, run).unwrap()
}
