//! Services that end, or become ready, when a test says so; on every flavour alike.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use foster::{Clock, Ready, Restart, Runtime, Settings, Shutdown, UnitBuilder, UnitState};
use tokio::sync::Notify;

use super::services::{Host, SECOND, Served, expect};
use super::{Event, SOON};

/// How a service ends that is told to fail.
pub const FAILS: Result<(), &str> = Err("told to");

/// Delays of 1, 2, 4 and 8 s, without chance.
pub fn exactly() -> Restart {
    Restart::on_failure()
        .jitter(0.0)
        .delay(SECOND)
        .max_delay(8 * SECOND)
}

/// A service that ends when it is told to, by an error or well; it ends well when it is asked to.
pub struct Ending {
    pub unit: Served,
    pub told: Arc<Notify>,
    pub runs: Arc<AtomicUsize>,
}

impl Ending {
    #[track_caller]
    pub fn serve<F: Host>(
        runtime: &Runtime,
        flavour: F,
        settings: Settings,
        end: Result<(), &'static str>,
    ) -> Self {
        let (told, runs) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let (tell, count) = (Arc::clone(&told), Arc::clone(&runs));
        let run = move || {
            let (told, count) = (Arc::clone(&tell), Arc::clone(&count));
            async move {
                let token = Shutdown::current();
                Ready::current().notify();
                count.fetch_add(1, SeqCst);
                let told = async {
                    told.notified().await;
                    end
                };
                let asked = async {
                    token.requested().await;
                    Ok(())
                };
                futures_lite::future::or(told, asked).await
            }
        };
        let unit = runtime.unit().with(settings);
        let unit = flavour.serve(unit, run).unwrap();
        let this = Self { unit, told, runs };
        this.runs(1);
        this
    }

    /// Waits until it has begun so many times.
    #[track_caller]
    pub fn runs(&self, number: usize) {
        let what = format!("the run number {number}");
        expect(&what, || self.runs.load(SeqCst) == number);
        assert!(self.unit.wait_ready(SOON));
    }

    /// Lets it end, which a delay follows.
    #[track_caller]
    pub fn end(&self) {
        self.told.notify_one();
        self.unit.expect(UnitState::Delayed);
    }

    /// As [`end`](Self::end), with a delay of so many seconds, which passes.
    #[track_caller]
    pub fn end_and_wait(&self, clock: &Clock, seconds: u32) {
        let runs = self.runs.load(SeqCst);
        self.end();
        let delay = seconds * SECOND;
        let next = self.unit.status().next_restart();
        assert_eq!(next, Some(clock.now() + delay));
        clock.advance(delay);
        self.runs(runs + 1);
    }
}

/// A service that says that it is ready when it is told to.
pub fn getting_ready<F: Host>(flavour: F, unit: UnitBuilder<'_>) -> (Served, Event, Arc<Notify>) {
    let (begun, go) = (Event::new(), Arc::new(Notify::new()));
    let (begins, goes) = (begun.clone(), Arc::clone(&go));
    let run = move || {
        let (begun, go) = (begins.clone(), Arc::clone(&goes));
        async move {
            let token = Shutdown::current();
            begun.happen();
            let ready = async {
                go.notified().await;
                Ready::current().notify();
                pending::<()>().await;
            };
            futures_lite::future::or(ready, token.requested()).await;
        }
    };
    let unit = flavour.serve(unit.notifies_ready(), run).unwrap();
    (unit, begun, go)
}
