//! What is said to systemd: one datagram, lines of `NAME=value`.

use std::fmt;
use std::time::Duration;

/// What a message is above all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It has started, or has reloaded.
    Ready,
    /// It reloads, since this moment of CLOCK_MONOTONIC.
    Reloading(Duration),
    /// It ends.
    Stopping,
    /// It is alive.
    Watchdog,
    /// Nothing new but how it does.
    Report,
}

impl Kind {
    /// Whether a later message of this kind says all that this one does.
    pub(crate) fn is_replaced(self) -> bool {
        matches!(self, Self::Watchdog | Self::Report)
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    /// One line.
    pub(crate) status: Option<String>,
    /// In which time there will be another message that says so, or an end.
    pub(crate) extend: Option<Duration>,
}

impl Message {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            status: None,
            extend: None,
        }
    }
}

/// Microseconds, as systemd counts. Its greatest number means without end, and is what comes close to it.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::with_capacity(4);
        match self.kind {
            Kind::Ready => lines.push("READY=1".to_owned()),
            Kind::Reloading(at) => {
                lines.push("RELOADING=1".to_owned());
                lines.push(format!("MONOTONIC_USEC={}", micros(at)));
            }
            Kind::Stopping => lines.push("STOPPING=1".to_owned()),
            Kind::Watchdog => lines.push("WATCHDOG=1".to_owned()),
            Kind::Report => {}
        }
        if let Some(status) = &self.status {
            lines.push(format!("STATUS={status}"));
        }
        if let Some(time) = self.extend {
            lines.push(format!("EXTEND_TIMEOUT_USEC={}", micros(time)));
        }
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_lines() {
        let second = Duration::from_secs(1);
        let with = |kind, status: Option<&str>, extend| Message {
            kind,
            status: status.map(Into::into),
            extend,
        };
        for (message, text) in [
            (with(Kind::Ready, None, None), "READY=1"),
            (
                with(Kind::Ready, Some("well"), None),
                "READY=1\nSTATUS=well",
            ),
            (
                with(Kind::Reloading(second), None, None),
                "RELOADING=1\nMONOTONIC_USEC=1000000",
            ),
            (
                with(Kind::Stopping, Some("a"), Some(second)),
                "STOPPING=1\nSTATUS=a\nEXTEND_TIMEOUT_USEC=1000000",
            ),
            (with(Kind::Watchdog, None, None), "WATCHDOG=1"),
            (with(Kind::Report, Some("a"), None), "STATUS=a"),
            (
                with(Kind::Report, None, Some(Duration::MAX)),
                "EXTEND_TIMEOUT_USEC=18446744073709551615",
            ),
        ] {
            assert_eq!(message.to_string(), text);
        }
    }
}
