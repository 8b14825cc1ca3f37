//! The walker: a service on a thread, which counts the files in the directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use foster::{Shutdown, Thread};
use serde::Serialize;
use smol::channel::Sender;

use crate::trouble::Due;

const PAUSE: Duration = Duration::from_millis(500);

/// How many of the largest directories are told.
const LARGEST: usize = 10;

/// The result of one walk.
pub(crate) struct Walk {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// The directories with the most bytes, the largest first.
    pub(crate) largest: Vec<Folder>,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

/// A directory, with the files that are in it and not further below.
#[derive(Clone, Serialize)]
pub(crate) struct Folder {
    /// Its path below the directory that is watched, whose own is empty.
    pub(crate) name: String,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// Walks `directory` again and again and sends the result of each walk.
pub(crate) struct Walker {
    pub(crate) directory: PathBuf,
    pub(crate) found: Sender<Walk>,
    pub(crate) trouble: Option<Due>,
}

#[foster::service(flavour = Thread)]
impl Walker {
    fn run(&self) -> anyhow::Result<()> {
        let shutdown = Shutdown::current();
        let mut trouble = self.trouble;
        let mut walks = 0;
        while !shutdown.is_requested() {
            let is_over = || shutdown.is_requested() || trouble.is_some_and(Due::is_now);
            if let Some(walk) = walk(&self.directory, is_over) {
                walks += 1;
                // The send fails once the keeper has ended.
                if self.found.send_blocking(walk).is_err() || shutdown.wait_timeout(PAUSE) {
                    break;
                }
            }
            if let Some(trouble) = trouble.take_if(|due| due.is_now()) {
                trouble.happen()?;
            }
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
    let began = Instant::now();
    let (mut files, mut bytes) = (0, 0_u64);
    let mut largest = Vec::with_capacity(LARGEST + 1);
    // An explicit stack has room for any depth.
    let mut unread = vec![directory.to_owned()];
    while let Some(path) = unread.pop() {
        let Ok(entries) = fs::read_dir(&path) else {
            continue;
        };
        let (mut own_files, mut own_bytes) = (0, 0_u64);
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
                own_files += 1;
                // Sparse files can claim more than any disc holds.
                own_bytes = own_bytes.saturating_add(metadata.len());
            }
        }
        files += own_files;
        bytes = bytes.saturating_add(own_bytes);
        let place = largest.partition_point(|other: &Folder| other.bytes >= own_bytes);
        if own_files > 0 && place < LARGEST {
            let name = path.strip_prefix(directory).unwrap_or(&path);
            let folder = Folder {
                name: name.display().to_string(),
                files: own_files,
                bytes: own_bytes,
            };
            largest.insert(place, folder);
            largest.truncate(LARGEST);
        }
    }
    let ended = Instant::now();
    Some(Walk {
        files,
        bytes,
        largest,
        began,
        ended,
    })
}
