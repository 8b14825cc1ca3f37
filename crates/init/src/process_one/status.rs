//! What process 1 exits with: its child's status, as a shell would have it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::wait::WaitStatus;

/// For a child whose end was seen, and not how it ended.
pub(super) const UNKNOWN: i32 = 255;

/// Of a child that has ended.
pub(super) fn of_ended(ended: ExitStatus) -> i32 {
    let killed = || ended.signal().map(|signal| 128 + signal);
    ended.code().or_else(killed).unwrap_or(UNKNOWN)
}

/// The same, of one that was reaped among others.
pub(super) fn of_reaped(ended: WaitStatus) -> i32 {
    match ended {
        WaitStatus::Exited(_, code) => code,
        WaitStatus::Signaled(_, signal, _) => 128 + signal as i32,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_kept_and_a_signal_counts_from_128() {
        // The raw status has the code in its second byte, or the signal in the first, with a bit for a core dump.
        let rows = [
            (0x0000, 0),
            (0x0100, 1),
            (0x8f00, 143),
            (0xff00, 255),
            (0x000f, 143),
            (0x0009, 137),
            (0x0086, 134),
        ];
        let pid = nix::unistd::Pid::from_raw(7);
        for (raw, expected) in rows {
            assert_eq!(of_ended(ExitStatus::from_raw(raw)), expected, "{raw:#x}");
            let reaped = WaitStatus::from_raw(pid, raw).unwrap();
            assert_eq!(of_reaped(reaped), expected, "{raw:#x}");
        }
    }

    #[test]
    fn a_signal_without_a_name_counts_as_well() {
        let raw = 40;
        assert_eq!(of_ended(ExitStatus::from_raw(raw)), 128 + 40);
        assert!(WaitStatus::from_raw(nix::unistd::Pid::from_raw(7), raw).is_err());
    }
}
