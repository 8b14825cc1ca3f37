//! The trouble that the command line asks for, so that one sees what Foster makes of it.

use std::thread;
use std::time::{Duration, Instant};

/// How long a stall lasts: Foster names one after two to three seconds.
const STALL: Duration = Duration::from_secs(8);

#[derive(Clone, Copy)]
pub(crate) enum Trouble {
    Failure,
    Stall,
}

/// A trouble and its time.
#[derive(Clone, Copy)]
pub(crate) struct Due {
    pub(crate) trouble: Trouble,
    pub(crate) at: Instant,
}

impl Due {
    pub(crate) fn is_now(self) -> bool {
        Instant::now() >= self.at
    }

    /// Fails with an error that has a cause, like a real one; or blocks the thread, and with it all others on the
    /// executor that the thread runs.
    pub(crate) fn happen(self) -> anyhow::Result<()> {
        match self.trouble {
            Trouble::Failure => {
                Err(anyhow::anyhow!("`--fail` asked for it").context("cannot go on"))
            }
            Trouble::Stall => {
                thread::sleep(STALL);
                Ok(())
            }
        }
    }
}
