//! Signals: the first asks every running runtime to end, the second cuts its grace time short, the
//! third ends the process.
//!
//! One thread for the whole process waits for them. It is started with the first runtime that
//! listens, and never ends. While no runtime listens, a signal does to the process what it would do
//! without Foster.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::lifetime::Lifetime;

/// What a runtime does about SIGINT, SIGTERM and SIGHUP (on Windows: Ctrl-C and its like).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Signals {
    /// The first one asks the runtime to end, as [`shutdown`](crate::Runtime::shutdown) does; the
    /// second ends its grace time; the third ends the process at once, with status 128 + signal (130
    /// where the signal is not known, as on Windows).
    ///
    /// A signal that the process ignored when it was started (`nohup`, a shell's `&`) stays ignored.
    /// That it was ignored is known on Linux only.
    #[default]
    Listen,
    /// Signals are the application's own business.
    Leave,
}

static LISTENERS: Mutex<Vec<Listener>> = Mutex::new(Vec::new());

struct Listener {
    lifetime: Weak<Lifetime>,
    received: usize,
}

fn listeners() -> MutexGuard<'static, Vec<Listener>> {
    LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A runtime's ear for signals; dropping it ends the listening.
pub(crate) struct Listening {
    lifetime: Weak<Lifetime>,
}

/// Has signals end `lifetime` from here on, if its settings say so.
///
/// # Errors
///
/// If the operating system refuses the handler or its thread.
pub(crate) fn listen(lifetime: &Arc<Lifetime>) -> std::io::Result<Option<Listening>> {
    if lifetime.settings.signals == Signals::Leave {
        return Ok(None);
    }
    let lifetime = Arc::downgrade(lifetime);
    listeners().push(Listener {
        lifetime: Weak::clone(&lifetime),
        received: 0,
    });
    let listening = Listening { lifetime };
    // A signal that comes before the last line still ends the process, as the runtime does not run
    // yet; one that comes after it finds the listener.
    system::install()?;
    system::set_listening(true);
    Ok(Some(listening))
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut listeners = listeners();
        listeners.retain(|one| !Weak::ptr_eq(&one.lifetime, &self.lifetime));
        system::set_listening(!listeners.is_empty());
    }
}

/// Passes one signal on; whether some runtime has now had its third.
fn deliver() -> bool {
    let heard: Vec<_> = listeners()
        .iter_mut()
        .filter_map(|one| {
            one.received += 1;
            Some((one.lifetime.upgrade()?, one.received))
        })
        .collect();
    let mut third = false;
    for (lifetime, received) in heard {
        match received {
            1 => {
                // A waker that blocks must not hold up the next signal.
                lifetime.stop_aside();
            }
            2 => lifetime.cut_short(),
            _ => third = true,
        }
    }
    third
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::sync::{Arc, LazyLock, Mutex, PoisonError};
    use std::thread;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag::register_conditional_default;
    use signal_hook::iterator::Signals;
    use signal_hook::low_level;

    static INSTALLED: Mutex<bool> = Mutex::new(false);
    /// Whether a signal does what it does without Foster.
    static DEFAULT: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

    pub(super) fn set_listening(listening: bool) {
        DEFAULT.store(!listening, SeqCst);
    }

    pub(super) fn install() -> io::Result<()> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if *installed {
            return Ok(());
        }
        let dispositions = Dispositions::read();
        let wanted: Vec<_> = [SIGINT, SIGTERM, SIGHUP]
            .into_iter()
            .filter(|signal| !dispositions.ignores(*signal))
            .collect();
        for signal in &wanted {
            // A handler that the application installed before is called as well, and decides what
            // the signal means while no runtime runs.
            //
            // Registered before the delivery below, as handlers run in that order: a delivered
            // signal may end the last runtime before this looks whether one listens.
            if !dispositions.catches(*signal) {
                register_conditional_default(*signal, Arc::clone(&*DEFAULT))?;
            }
        }
        let mut signals = Signals::new(&wanted)?;
        thread::Builder::new()
            .name("foster signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if super::deliver() {
                        low_level::exit(128 + signal);
                    }
                }
            })?;
        *installed = true;
        Ok(())
    }

    /// What the process does about each signal before Foster changes it.
    #[derive(Default)]
    struct Dispositions {
        ignored: u64,
        caught: u64,
    }

    impl Dispositions {
        /// Reads them from the kernel's own account of the process. Elsewhere than on Linux there
        /// is no safe way to ask: nothing counts as ignored there.
        fn read() -> Self {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            Self::parse(&status)
        }

        fn parse(status: &str) -> Self {
            let mask = |key: &str| {
                status
                    .lines()
                    .find_map(|line| line.strip_prefix(key))
                    .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
                    .unwrap_or_default()
            };
            Self {
                ignored: mask("SigIgn:"),
                caught: mask("SigCgt:"),
            }
        }

        fn ignores(&self, signal: i32) -> bool {
            self.ignored >> (signal - 1) & 1 == 1
        }

        fn catches(&self, signal: i32) -> bool {
            self.caught >> (signal - 1) & 1 == 1
        }
    }

    #[cfg(all(test, not(foster_model)))]
    mod tests {
        use super::*;

        #[test]
        fn masks_are_read_by_signal_number() {
            let status = "Name:\tx\nSigIgn:\t0000000000000001\nSigCgt:\t0000000000004002\n";
            let dispositions = Dispositions::parse(status);
            assert!(dispositions.ignores(SIGHUP) && !dispositions.ignores(SIGINT));
            assert!(dispositions.catches(SIGINT) && dispositions.catches(SIGTERM));
            assert!(!Dispositions::parse("").ignores(SIGHUP));
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;
    use std::process::exit;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::sync::{Mutex, PoisonError};

    static INSTALLED: Mutex<bool> = Mutex::new(false);
    static LISTENING: AtomicBool = AtomicBool::new(false);

    /// The status of a process that Ctrl-C has ended; which event it was cannot be told.
    const INTERRUPTED: i32 = 130;

    pub(super) fn set_listening(listening: bool) {
        LISTENING.store(listening, SeqCst);
    }

    pub(super) fn install() -> io::Result<()> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if *installed {
            return Ok(());
        }
        ctrlc::try_set_handler(|| {
            if super::deliver() || !LISTENING.load(SeqCst) {
                exit(INTERRUPTED);
            }
        })
        .map_err(io::Error::other)?;
        *installed = true;
        Ok(())
    }
}
