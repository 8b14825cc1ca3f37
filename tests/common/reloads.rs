//! Services that take part in reloads, and let a test answer for them.

use std::sync::{Arc, Mutex, PoisonError};

use foster::{Reload, ReloadRequest, Shutdown, UnitBuilder};

use super::services::{Host, Served, expect};
use super::{Event, Log, SOON};

/// A service that keeps what it is asked until the test answers.
#[derive(Clone)]
pub struct Taker {
    pub unit: Served,
    /// Its run takes part by now; how often one did.
    pub runs: Log<()>,
    requests: Arc<Mutex<Vec<ReloadRequest>>>,
}

impl Taker {
    /// Serves one that writes its name to `asked` each time it is asked.
    #[track_caller]
    pub fn serve(
        flavour: impl Host,
        unit: UnitBuilder<'_>,
        name: &'static str,
        asked: &Log<&'static str>,
    ) -> Self {
        let (runs, requests) = (Log::new(), Arc::<Mutex<Vec<_>>>::default());
        let run = {
            let (runs, requests, asked) = (runs.clone(), Arc::clone(&requests), asked.clone());
            move || {
                let (runs, requests, asked) = (runs.clone(), Arc::clone(&requests), asked.clone());
                async move {
                    let (_token, reload) = (Shutdown::current(), Reload::current());
                    runs.write(());
                    while let Some(request) = reload.requested().await {
                        asked.write(name);
                        requests.lock().unwrap().push(request);
                    }
                }
            }
        };
        let unit = flavour.serve(unit.name(name), run).unwrap();
        Self {
            unit,
            runs,
            requests,
        }
    }

    /// Waits until its run takes part.
    #[track_caller]
    pub fn ready(self) -> Self {
        assert!(self.unit.wait_ready(SOON));
        expect("it takes part", || !self.runs.read().is_empty());
        self
    }

    /// How many requests it holds.
    pub fn holds(&self) -> usize {
        let requests = self.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until it is asked; returns the oldest request.
    #[track_caller]
    pub fn request(&self) -> ReloadRequest {
        expect(&format!("`{}` is asked", self.unit.name()), || {
            self.holds() > 0
        });
        self.requests.lock().unwrap().remove(0)
    }
}

/// Waits for what a subscriber of the whole process is told, or what stands in a log.
#[track_caller]
pub fn expect_asked(asked: &Log<&'static str>, names: &[&str]) {
    expect(&format!("{names:?} are asked"), || {
        let mut seen = asked.read();
        let mut names = names.to_vec();
        seen.sort_unstable();
        names.sort_unstable();
        seen == names
    });
}

/// Something that a helper thread waits for.
pub fn apart(code: impl FnOnce() + Send + 'static) -> Event {
    let over = Event::new();
    let is_over = over.clone();
    std::thread::spawn(move || {
        code();
        is_over.happen();
    });
    over
}
