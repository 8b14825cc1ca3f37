//! The keeper: a service on smol with the latest results and their rate of change.

use std::path::Path;
use std::time::Instant;

use foster::{Shutdown, Smol};
use serde::Serialize;
use smol::Timer;
use smol::channel::Receiver;
use smol::future::or;
use tokio::sync::watch;

use crate::walker::Walk;

/// The statistics of the directory, as `/stats.json` shows them.
#[derive(Clone, Serialize)]
pub(crate) struct Stats {
    pub(crate) directory: String,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// The change of `bytes` between the last two walks; negative if there are fewer.
    pub(crate) bytes_per_second: f64,
    pub(crate) walks: u64,
}

impl Stats {
    /// The statistics before the first walk.
    pub(crate) fn of(directory: &Path) -> Self {
        Self {
            directory: directory.display().to_string(),
            files: 0,
            bytes: 0,
            bytes_per_second: 0.0,
            walks: 0,
        }
    }

    fn add(&mut self, walk: Walk, last: Option<Walk>) {
        self.files = walk.files;
        self.bytes = walk.bytes;
        self.walks += 1;
        if let Some(last) = last {
            let change = walk.bytes as f64 - last.bytes as f64;
            self.bytes_per_second = change / (walk.ended - last.ended).as_secs_f64();
        }
    }
}

/// Turns walks into `latest` stats. A tokio channel works here, as it needs no reactor.
pub(crate) struct Keeper {
    pub(crate) walks: Receiver<Walk>,
    pub(crate) latest: watch::Sender<Stats>,
    /// The time of the wanted failure, if any.
    pub(crate) fails: Option<Instant>,
}

#[foster::service(flavour = Smol)]
impl Keeper {
    async fn run(&self) -> anyhow::Result<()> {
        let shutdown = Shutdown::current();
        let keeping = async {
            let mut last = None;
            // The walker's end closes the channel.
            while let Ok(walk) = self.walks.recv().await {
                self.latest.send_modify(|stats| stats.add(walk, last));
                last = Some(walk);
            }
            Ok(())
        };
        let failing = async {
            self.fails.map_or_else(Timer::never, Timer::at).await;
            Err(crate::mishap())
        };
        let asked = async {
            shutdown.requested().await;
            Ok(())
        };
        or(asked, or(failing, keeping)).await?;
        let Stats { files, bytes, .. } = *self.latest.borrow();
        crate::say(format_args!(
            "keeper: ended at {files} files, {bytes} bytes"
        ));
        Ok(())
    }
}
