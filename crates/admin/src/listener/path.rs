//! A socket at a path, which only its owner may use from the moment that it is there.
//!
//! A socket takes its mode from the process's umask, which is shared by all threads, and is open before one can change it.
//! So it is made in a folder that only the owner may enter, gets its mode there, and then a second name: the path. A link
//! to an existing name fails, and whoever makes one has the lock of the folder: of two that start at once one is refused.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{process, thread};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// How many folders of dead processes with our number are passed by.
const PASSED: u32 = 16;

/// How often the lock of a folder is tried, which is held for a moment.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(5);

/// A listener at a path. Its drop removes the path, if that is still its own.
#[derive(Debug)]
pub(crate) struct PathListener {
    listener: UnixListener,
    path: PathBuf,
    identity: Identity,
}

/// Which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(file: &Metadata) -> Self {
        let (device, inode) = (file.dev(), file.ino());
        Self { device, inode }
    }
}

impl PathListener {
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        // The folder may be entered by another name later on.
        let path = std::path::absolute(path)?;
        let around = path.parent().unwrap_or(Path::new("/"));
        let _alone = lock(around, &path)?;
        let folder = Folder::inside(around)?;
        clear(&path)?;
        let made = folder.0.join("s");
        let listener = UnixListener::bind(&made)?;
        super::lengthen(&listener)?;
        fs::set_permissions(&made, Permissions::from_mode(0o600))?;
        let identity = Identity::of(&fs::symlink_metadata(&made)?);
        match fs::hard_link(&made, &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(in_use(&path)),
            linked => linked.map(|()| Self {
                listener,
                path,
                identity,
            }),
        }
    }

    /// A handle to it that does not block.
    pub(crate) fn listen(&self) -> io::Result<mio::net::UnixListener> {
        let listener = self.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        Ok(mio::net::UnixListener::from_std(listener))
    }
}

impl Drop for PathListener {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|file| Identity::of(&file) == self.identity) {
            // Nobody could be told, and the next one replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes room at `path`: takes away what a dead process left there, and nothing else.
fn clear(path: &Path) -> io::Result<()> {
    let file = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !file.file_type().is_socket() {
        let text = format!("{} is there, and is no socket", path.display());
        return Err(io::Error::new(ErrorKind::AlreadyExists, text));
    }
    refuse_live(path)?;
    fs::remove_file(path)
}

/// An error if somebody answers at `path`, or if that cannot be known.
fn refuse_live(path: &Path) -> io::Result<()> {
    // Without blocking: who is there may have no room for one more.
    match mio::net::UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error),
        _ => Err(in_use(path)),
    }
}

/// Has nobody else make a socket in the folder `around` meanwhile: of two that find the remains of a third, the later would
/// take away what the earlier has made.
fn lock(around: &Path, path: &Path) -> io::Result<Flock<File>> {
    let mut folder = File::open(around)?;
    for _ in 0..TRIES {
        match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(locked),
            Err((back, Errno::EWOULDBLOCK | Errno::EINTR)) => folder = back,
            Err((_, error)) => return Err(error.into()),
        }
        thread::sleep(PAUSE);
    }
    Err(in_use(path))
}

fn in_use(path: &Path) -> io::Error {
    let text = format!("another process listens at {}", path.display());
    io::Error::new(ErrorKind::AddrInUse, text)
}

/// A folder beside the path, for its owner alone, which is gone with all that is in it in the end.
struct Folder(PathBuf);

impl Folder {
    fn inside(around: &Path) -> io::Result<Self> {
        let mut maker = DirBuilder::new();
        maker.mode(0o700);
        let mut number = 0;
        loop {
            // Short, as a socket's path is.
            let folder = around.join(format!(".{:x}.{number:x}", process::id()));
            match maker.create(&folder) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < PASSED => {
                    number += 1
                }
                made => return made.map(|()| Self(folder)),
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is of no use to anybody, and harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
