//! Process 1: it starts the program as its child, passes signals on, reaps, and ends as the child does.
//!
//! A process cannot tell an orphan from a child of its own before it has taken its status, which whoever waits for the
//! child would then lack. So the program and the reaper are two processes.
//!
//! ```text
//!   process 1      what is ignored? ─► handlers ─► start ─► pass on, reap … ─► exit
//!   its child                                    └─► the program, whose call returns at once
//! ```

mod signals;
mod status;

use std::env::args_os;
use std::fs::{metadata, read_link, read_to_string};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, exit, id};

use nix::errno::Errno;
use nix::libc::{SIGCHLD, c_int};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use signal_hook::iterator::Signals;

use self::signals::Ignored;
use crate::error::{InitError, InitErrorKind};

/// Returns at once if this is not process 1. If it is, it returns only with an error.
pub(crate) fn stand_in() -> Result<(), InitError> {
    if id() != 1 {
        return Ok(());
    }
    let (program, ignored) = about_itself().map_err(because(InitErrorKind::Proc))?;
    // Before there is a child, so that none of its signals and its end go unseen.
    let signals = catch(ignored).map_err(because(InitErrorKind::Signals))?;
    let child = start(&program).map_err(because(InitErrorKind::Start))?;
    exit(attend(child, signals))
}

fn because(kind: InitErrorKind) -> impl FnOnce(io::Error) -> InitError {
    move |error| InitError::new(kind, error)
}

/// The file of this program, and the signals that it ignores.
fn about_itself() -> io::Result<(PathBuf, Ignored)> {
    let link = Path::new("/proc/self/exe");
    let path = read_link(link)?;
    let text = read_to_string("/proc/self/status")?;
    let ignored = Ignored::read(&text).ok_or_else(|| {
        let text = "`/proc/self/status` does not say which signals are ignored";
        io::Error::new(io::ErrorKind::InvalidData, text)
    })?;
    // A process is shown by the last name in its path, which for the link is `exe`. The link always leads to the file,
    // also if that was moved or removed since.
    let file = |path: &Path| metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let is_there = file(&path).is_some_and(|found| Some(found) == file(link));
    Ok((if is_there { path } else { link.to_owned() }, ignored))
}

fn catch(ignored: Ignored) -> io::Result<Signals> {
    let passed = signals::passed_on(ignored).map(|signal| signal as c_int);
    // What is blocked is held back, and what comes while its handler is installed would be lost.
    SigSet::all().thread_set_mask()?;
    let signals = Signals::new(passed.chain([SIGCHLD]));
    // Whoever started us may have blocked some as well, and the child inherits this.
    SigSet::empty().thread_set_mask()?;
    signals
}

fn start(program: &Path) -> io::Result<Child> {
    let mut args = args_os();
    let mut command = Command::new(program);
    if let Some(name) = args.next() {
        command.arg0(name);
    }
    command.args(args).spawn()
}

/// Passes signals on and reaps until the child has ended; returns what to exit with.
fn attend(mut child: Child, mut signals: Signals) -> i32 {
    let number = pid(&child);
    loop {
        // Those that came before the child was there are among them.
        for signal in signals.wait() {
            if signal == SIGCHLD {
                if let Some(status) = reap(&mut child) {
                    return status;
                }
            } else if let Ok(signal) = Signal::try_from(signal) {
                // The child may have ended, and is not reaped before: no other process has its number.
                let _ = kill(number, signal);
            }
        }
    }
}

/// Reaps all that have ended, as several may tell of it by one signal. Returns what to exit with if the child is one of
/// them.
fn reap(child: &mut Child) -> Option<i32> {
    loop {
        // First, as the standard library knows its status also if a signal ended it that has no name.
        match child.try_wait() {
            Ok(Some(ended)) => return Some(status::of_ended(ended)),
            Ok(None) => {}
            // Taken below, without its status.
            Err(_) => return Some(status::UNKNOWN),
        }
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            // The child may have ended just now.
            Ok(ended) if ended.pid() == Some(pid(child)) => return Some(status::of_reaped(ended)),
            // Somebody ended, by a signal that has no name here.
            Err(Errno::EINVAL) => {}
            Ok(ended) if ended.pid().is_some() => {}
            // All others are alive.
            Ok(_) | Err(_) => return None,
        }
    }
}

fn pid(child: &Child) -> Pid {
    // A process's number is positive and fits.
    Pid::from_raw(child.id() as i32)
}
