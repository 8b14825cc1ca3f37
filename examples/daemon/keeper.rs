//! The keeper: a service on smol with the latest results and their rate of change.

use std::collections::VecDeque;
use std::future::pending;
use std::path::Path;
use std::time::Instant;

use foster::{Shutdown, Smol};
use serde::Serialize;
use smol::Timer;
use smol::channel::Receiver;
use smol::future::or;
use tokio::sync::watch;

use crate::trouble::Due;
use crate::walker::{Folder, Walk};

/// The seconds between two entries of the history.
const EVERY: f64 = 1.0;

/// The seconds that the history goes back. With [`EVERY`] it bounds the number of entries.
const KEPT: f64 = 300.0;

/// The statistics of the directory, as `/stats.json` shows them. Times are seconds since the daemon's start.
#[derive(Clone, Serialize)]
pub(crate) struct Stats {
    #[serde(skip)]
    began: Instant,
    directory: String,
    files: u64,
    bytes: u64,
    /// The change of `bytes` between the last two walks; negative if there are fewer.
    bytes_per_second: f64,
    walks: u64,
    /// The time of the last walk's end.
    walked_at: Option<f64>,
    /// How long the last walk took.
    walk_seconds: f64,
    largest: Vec<Folder>,
    /// Times, and what `bytes` was then.
    history: VecDeque<(f64, u64)>,
}

impl Stats {
    /// The statistics before the first walk.
    pub(crate) fn of(directory: &Path) -> Self {
        Self {
            began: Instant::now(),
            directory: directory.display().to_string(),
            files: 0,
            bytes: 0,
            bytes_per_second: 0.0,
            walks: 0,
            walked_at: None,
            walk_seconds: 0.0,
            largest: Vec::new(),
            history: VecDeque::new(),
        }
    }

    /// The present time.
    pub(crate) fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn add(&mut self, walk: Walk) {
        let at = (walk.ended - self.began).as_secs_f64();
        if let Some(last) = self.walked_at {
            self.bytes_per_second = (walk.bytes as f64 - self.bytes as f64) / (at - last);
        }
        self.files = walk.files;
        self.bytes = walk.bytes;
        self.walks += 1;
        self.walked_at = Some(at);
        self.walk_seconds = (walk.ended - walk.began).as_secs_f64();
        self.largest = walk.largest;
        if self.history.back().is_none_or(|last| at >= last.0 + EVERY) {
            self.history.retain(|entry| entry.0 >= at - KEPT);
            self.history.push_back((at, walk.bytes));
        }
    }
}

/// Turns walks into `latest` stats. A tokio channel works here, as it needs no reactor.
pub(crate) struct Keeper {
    pub(crate) walks: Receiver<Walk>,
    pub(crate) latest: watch::Sender<Stats>,
    pub(crate) trouble: Option<Due>,
}

#[foster::service(flavour = Smol)]
impl Keeper {
    async fn run(&self) -> anyhow::Result<()> {
        let shutdown = Shutdown::current();
        let keeping = async {
            // The walker's end closes the channel.
            while let Ok(walk) = self.walks.recv().await {
                self.latest.send_modify(|stats| stats.add(walk));
            }
            anyhow::Ok(())
        };
        let troubled = async {
            if let Some(due) = self.trouble {
                Timer::at(due.at).await;
                due.happen()?;
            }
            pending().await
        };
        let asked = async {
            shutdown.requested().await;
            Ok(())
        };
        or(asked, or(troubled, keeping)).await?;
        let Stats { files, bytes, .. } = *self.latest.borrow();
        crate::say(format_args!(
            "keeper: ended at {files} files, {bytes} bytes"
        ));
        Ok(())
    }
}
