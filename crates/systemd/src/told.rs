//! What the environment says about a notifier: where systemd listens, and how often it wants to hear that all is well.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

use crate::environment::Record;
use crate::error::SystemdError;

/// What systemd told the process `own` about notifications.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) address: SocketAddr,
    /// The time of the watchdog, if there is one for this process.
    pub(crate) watchdog: Option<Duration>,
}

/// `None` if systemd does not listen.
pub(crate) fn told(record: &Record, own: u32) -> Result<Option<Told>, SystemdError> {
    let Some(socket) = &record.notify_socket else {
        return Ok(None);
    };
    let told = Told {
        address: address(socket)?,
        watchdog: watchdog(record, own)?,
    };
    Ok(Some(told))
}

fn address(value: &OsStr) -> Result<SocketAddr, SystemdError> {
    let address = match value.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(value),
        [b'@', name @ ..] if !name.is_empty() => SocketAddr::from_abstract_name(name),
        _ => {
            let allowed = "it must be an absolute path, or `@` and a name";
            return Err(SystemdError::value("NOTIFY_SOCKET", value, allowed));
        }
    };
    address.map_err(|error| {
        let text = "that cannot be the address of a socket";
        SystemdError::value("NOTIFY_SOCKET", value, text).because(error)
    })
}

fn watchdog(record: &Record, own: u32) -> Result<Option<Duration>, SystemdError> {
    let Some(time) = &record.watchdog_usec else {
        return Ok(None);
    };
    if let Some(process) = &record.watchdog_pid {
        if self::process("WATCHDOG_PID", process)? != own {
            return Ok(None);
        }
    }
    let number = number(time).filter(|number| *number > 0);
    let allowed = "it must be a number of microseconds, at least 1";
    let number = number.ok_or_else(|| SystemdError::value("WATCHDOG_USEC", time, allowed))?;
    Ok(Some(Duration::from_micros(number)))
}

/// The number of a process.
pub(crate) fn process(name: &str, value: &OsStr) -> Result<u32, SystemdError> {
    let number = number(value).and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| *number > 0);
    number.ok_or_else(|| SystemdError::value(name, value, "it must be the number of a process"))
}

/// Digits alone: no sign, no spaces.
pub(crate) fn number(value: &OsStr) -> Option<u64> {
    let text = value.to_str()?;
    let are_digits = text.bytes().all(|one| one.is_ascii_digit());
    text.parse().ok().filter(|_| are_digits)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::error::SystemdErrorKind;

    fn with(socket: &str, watchdog: Option<&str>, process: Option<&str>) -> Record {
        Record {
            notify_socket: Some(socket.into()),
            watchdog_usec: watchdog.map(Into::into),
            watchdog_pid: process.map(Into::into),
            ..Record::default()
        }
    }

    #[test]
    fn nothing_is_told_without_a_socket() {
        let record = Record {
            watchdog_usec: Some("nonsense".into()),
            ..Record::default()
        };
        assert!(told(&record, 7).unwrap().is_none());
    }

    #[test]
    fn addresses_are_paths_and_names() {
        let address = |text: &str| told(&with(text, None, None), 7).unwrap().unwrap().address;
        let path = Path::new("/run/systemd/notify");
        assert_eq!(address("/run/systemd/notify").as_pathname(), Some(path));
        let name: &[u8] = b"a/name";
        assert_eq!(address("@a/name").as_abstract_name(), Some(name));
    }

    #[test]
    fn other_addresses_are_refused_with_what_they_are() {
        let long = format!("/{}", "x".repeat(200));
        for text in ["notify", "@", "vsock:2:5", "./a", &long] {
            let error = told(&with(text, None, None), 7).unwrap_err();
            assert_eq!(error.kind(), SystemdErrorKind::Value);
            let line = error.to_string();
            assert!(
                line.contains(&format!("NOTIFY_SOCKET is `{text}`")),
                "{line}"
            );
        }
    }

    #[test]
    fn the_watchdog_is_that_of_this_process() {
        let micros = |number| Some(Duration::from_micros(number));
        for (time, process, found) in [
            (None, None, None),
            (None, Some("nonsense"), None),
            (Some("30000000"), None, micros(30_000_000)),
            (Some("30000000"), Some("7"), micros(30_000_000)),
            (Some("30000000"), Some("8"), None),
            (Some("nonsense"), Some("8"), None),
            (Some("18446744073709551615"), None, micros(u64::MAX)),
        ] {
            let told = told(&with("@a", time, process), 7).unwrap().unwrap();
            assert_eq!(told.watchdog, found, "{time:?} {process:?}");
        }
    }

    #[test]
    fn a_watchdog_that_cannot_be_is_refused_with_what_it_is() {
        for (time, process, text) in [
            ("abc", None, "WATCHDOG_USEC is `abc`"),
            ("0", None, "WATCHDOG_USEC is `0`"),
            ("+5", None, "WATCHDOG_USEC is `+5`"),
            (" 5", None, "WATCHDOG_USEC is ` 5`"),
            ("99999999999999999999", None, "WATCHDOG_USEC is `999"),
            ("5", Some("x"), "WATCHDOG_PID is `x`"),
            ("5", Some("0"), "WATCHDOG_PID is `0`"),
            ("5", Some("4294967303"), "WATCHDOG_PID is `4294967303`"),
        ] {
            let error = told(&with("@a", Some(time), process), 7).unwrap_err();
            assert_eq!(error.kind(), SystemdErrorKind::Value);
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
