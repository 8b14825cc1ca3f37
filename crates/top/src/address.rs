//! Where a daemon's admin is: at a Unix socket, or at a TCP port.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The address that was given on the command line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Address {
    /// The path of a Unix socket.
    Socket(PathBuf),
    /// `host:port`.
    Tcp(String),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Err(
                "foster-admin speaks no https: use its socket, or a tunnel to it".to_owned(),
            );
        }
        if let Some(rest) = text.strip_prefix("http://") {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            return match (tcp(authority), authority.contains(':')) {
                (Some(tcp), _) => Ok(tcp),
                (None, false) if !authority.is_empty() => Ok(Self::Tcp(format!("{authority}:80"))),
                (None, _) => Err(format!("`{authority}` is no host and port")),
            };
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return socket(path.strip_prefix("//").unwrap_or(path));
        }
        match tcp(text) {
            Some(tcp) => Ok(tcp),
            None => socket(text),
        }
    }
}

fn socket(path: &str) -> Result<Address, String> {
    if path.is_empty() {
        return Err("the path of a socket, or host:port".to_owned());
    }
    if !cfg!(unix) {
        return Err(format!(
            "`{path}` is no host:port, and this system has no Unix sockets"
        ));
    }
    Ok(Address::Socket(PathBuf::from(path)))
}

/// `host:port`, `[::1]:port`, or `:port` for this machine. A path with a colon in it has a slash as well, or can be
/// written `./a:1`.
fn tcp(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || port.parse::<u16>().is_err() || host.contains(['/', '@', ' ']) {
        return None;
    }
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    match host {
        "" => Some(Address::Tcp(format!("127.0.0.1:{port}"))),
        _ if host.contains(':') && !is_bracketed => None,
        _ => Some(Address::Tcp(text.to_owned())),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Tcp(at) => f.pad(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_socket_or_a_port() {
        let socket = |path: &str| Some(Address::Socket(path.into()));
        let tcp = |at: &str| Some(Address::Tcp(at.to_owned()));
        let table = [
            ("127.0.0.1:9000", tcp("127.0.0.1:9000")),
            ("localhost:9000", tcp("localhost:9000")),
            ("[::1]:9000", tcp("[::1]:9000")),
            (":9000", tcp("127.0.0.1:9000")),
            ("http://localhost:9000", tcp("localhost:9000")),
            ("http://localhost:9000/status?x", tcp("localhost:9000")),
            ("http://localhost/", tcp("localhost:80")),
            ("http://localhost:99999", None),
            ("http://", None),
            ("https://localhost:9000", None),
            ("", None),
            ("unix:", None),
        ];
        for (text, address) in table {
            assert_eq!(text.parse().ok(), address, "{text}");
        }
        let sockets = [
            ("/run/app/admin.sock", "/run/app/admin.sock"),
            ("admin.sock", "admin.sock"),
            ("unix:/run/a", "/run/a"),
            ("unix:///run/a", "/run/a"),
            ("./a:1", "./a:1"),
            ("host:99999", "host:99999"),
        ];
        for (text, path) in sockets {
            assert_eq!(
                text.parse().ok(),
                socket(path).filter(|_| cfg!(unix)),
                "{text}"
            );
        }
    }
}
