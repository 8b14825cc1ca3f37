//! Which signals process 1 passes on: a value.

use nix::sys::signal::Signal;

/// Signals that are not passed on.
///
/// KILL and STOP cannot be caught. CHLD is process 1's own. The next seven tell a process of a fault in its own code, and
/// PIPE of its own writing; TTIN and TTOU stop one that uses its terminal.
const KEPT: [Signal; 13] = [
    Signal::SIGKILL,
    Signal::SIGSTOP,
    Signal::SIGCHLD,
    Signal::SIGABRT,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGSEGV,
    Signal::SIGSYS,
    Signal::SIGTRAP,
    Signal::SIGPIPE,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
];

/// The signals that a process ignores, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ignored(u64);

impl Ignored {
    /// As `/proc/self/status` has them.
    pub(super) fn read(status: &str) -> Option<Self> {
        let mut lines = status.lines();
        let bits = lines.find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(bits.trim(), 16).ok().map(Self)
    }

    fn has(self, signal: Signal) -> bool {
        // Signals are counted from one.
        self.0 & (1 << (signal as u32 - 1)) != 0
    }
}

/// What process 1 catches for its child. An ignored signal stays ignored, as under `nohup`: to catch it would have the
/// child begin with what it does by default.
pub(super) fn passed_on(ignored: Ignored) -> impl Iterator<Item = Signal> {
    Signal::iterator().filter(move |signal| !KEPT.contains(signal) && !ignored.has(*signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_ignored_signals_is_read() {
        let rows = [
            ("SigIgn:\t0000000000000000", Some(0)),
            (
                "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\nSigCgt:\t0",
                Some(0x1000),
            ),
            ("SigIgn:\tffffffffffffffff\n", Some(u64::MAX)),
            ("SigBlk:\t0000000000000001", None),
            ("SigIgn:", None),
            ("SigIgn:\t0x10", None),
            ("", None),
        ];
        for (text, bits) in rows {
            assert_eq!(Ignored::read(text), bits.map(Ignored), "{text}");
        }
    }

    #[test]
    fn a_signal_is_passed_on_unless_it_is_kept_or_ignored() {
        let passes = |ignored, signal| passed_on(Ignored(ignored)).any(|one| one == signal);
        let rows = [
            (0, Signal::SIGHUP, true),
            (0, Signal::SIGINT, true),
            (0, Signal::SIGQUIT, true),
            (0, Signal::SIGTERM, true),
            (0, Signal::SIGUSR1, true),
            (0, Signal::SIGUSR2, true),
            (0, Signal::SIGALRM, true),
            (0, Signal::SIGWINCH, true),
            (0, Signal::SIGTSTP, true),
            (0, Signal::SIGCONT, true),
            (0, Signal::SIGPWR, true),
            // The lowest bit is HUP.
            (1, Signal::SIGHUP, false),
            (1, Signal::SIGINT, true),
            (0b110, Signal::SIGINT, false),
            (0b110, Signal::SIGQUIT, false),
            (1 << 14, Signal::SIGTERM, false),
            (u64::MAX, Signal::SIGWINCH, false),
        ];
        for (ignored, signal, is_passed) in rows {
            assert_eq!(passes(ignored, signal), is_passed, "{ignored:#x} {signal}");
        }
        for signal in KEPT {
            assert!(!passes(0, signal), "{signal}");
        }
    }
}
