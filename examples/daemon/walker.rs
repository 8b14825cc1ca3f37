//! The walker: a service on a thread, which counts the files in the directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use foster::{Shutdown, Thread};
use smol::channel::Sender;

const PAUSE: Duration = Duration::from_millis(500);

/// The result of one walk.
#[derive(Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) ended: Instant,
}

/// Walks `directory` again and again and sends the result of each walk.
pub(crate) struct Walker {
    pub(crate) directory: PathBuf,
    pub(crate) found: Sender<Walk>,
    /// The time of the wanted failure, if any.
    pub(crate) fails: Option<Instant>,
}

#[foster::service(flavour = Thread)]
impl Walker {
    fn run(&self) -> anyhow::Result<()> {
        let shutdown = Shutdown::current();
        let is_to_fail = || self.fails.is_some_and(|time| Instant::now() >= time);
        let is_over = || shutdown.is_requested() || is_to_fail();
        let mut walks = 0;
        while let Some(walk) = walk(&self.directory, is_over) {
            walks += 1;
            // The send fails once the keeper has ended.
            if self.found.send_blocking(walk).is_err() || shutdown.wait_timeout(PAUSE) {
                break;
            }
        }
        if is_to_fail() {
            return Err(crate::mishap());
        }
        crate::say(format_args!("walker: ended after {walks} walks"));
        Ok(())
    }
}

/// Counts the files below `directory` and their bytes; `None` if it `is_over` before that is done.
///
/// Symlinks are not followed, so that a walk ends and stays below the directory. Unreadable entries are
/// skipped: many of them have just been removed.
fn walk(directory: &Path, is_over: impl Fn() -> bool) -> Option<Walk> {
    let (mut files, mut bytes) = (0, 0_u64);
    // An explicit stack has room for any depth.
    let mut unread = vec![directory.to_owned()];
    while let Some(directory) = unread.pop() {
        let Ok(entries) = fs::read_dir(directory) else {
            continue;
        };
        for entry in entries.flatten() {
            // A thread cannot be cancelled: a long walk has to check for the stop itself.
            if is_over() {
                return None;
            }
            // For a symlink this is the link's own type: neither a directory nor a file.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                unread.push(entry.path());
            } else if metadata.is_file() {
                files += 1;
                // Sparse files can claim more than any disc holds.
                bytes = bytes.saturating_add(metadata.len());
            }
        }
    }
    let ended = Instant::now();
    Some(Walk {
        files,
        bytes,
        ended,
    })
}
