//! Why a program does not run under a process 1 of its own.

use std::error::Error;
use std::fmt;
use std::io;

/// Why process 1 did not run the program in a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InitErrorKind {
    /// `/proc` does not say what this program is: most likely it is not mounted.
    Proc,
    /// The operating system refuses to have signals handled.
    Signals,
    /// The child cannot be started.
    Start,
}

/// Process 1 did not run the program in a child: see [`reap_as_process_one`](crate::reap_as_process_one).
#[derive(Debug)]
pub struct InitError {
    kind: InitErrorKind,
    source: io::Error,
}

impl InitError {
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "there is no process 1")
    )]
    pub(crate) fn new(kind: InitErrorKind, source: impl Into<io::Error>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// Why it did not.
    pub fn kind(&self) -> InitErrorKind {
        self.kind
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            InitErrorKind::Proc => {
                "process 1 cannot start its program again, as it finds no `/proc/self`: mount /proc in the container, or have \
                 another process 1 there (`docker run --init`, tini)"
            }
            InitErrorKind::Signals => "process 1 cannot have its signals handled",
            InitErrorKind::Start => "process 1 cannot start its program again",
        })
    }
}

impl Error for InitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
