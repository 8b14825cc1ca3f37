//! An etcd of one member.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{DEADLINE, Daemon, free_port, log_into, missing};

/// An etcd on a free port, in a folder that is gone with it.
#[derive(Debug)]
pub struct EtcdServer {
    daemon: Daemon,
    _folder: TempDir,
}

impl EtcdServer {
    /// Starts one, or says that there is no such program: see [`missing`].
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn start() -> Option<Self> {
        let version = Command::new("etcd")
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        if version.is_err() {
            missing("there is no program `etcd`");
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("foster-etcd-")
            .tempdir()
            .expect("a folder");
        let path = folder.path().to_owned();
        let [port, peer_port] = [free_port(), free_port()];
        let command = move || {
            let [client, peer] = [port, peer_port].map(|port| format!("http://127.0.0.1:{port}"));
            let mut command = Command::new("setpriv");
            command.args([
                "--pdeathsig",
                "KILL",
                "etcd",
                "--name",
                "alone",
                "--data-dir",
            ]);
            command.arg(path.join("data"));
            command.args(["--listen-client-urls", &client]);
            command.args(["--advertise-client-urls", &client]);
            command.args(["--listen-peer-urls", &peer]);
            command.args(["--initial-advertise-peer-urls", &peer]);
            command.args(["--initial-cluster", &format!("alone={peer}")]);
            log_into(&mut command, &path.join("log"));
            command
        };
        Some(Self {
            daemon: Daemon::start(port, command, is_healthy),
            _folder: folder,
        })
    }

    /// Its process.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.daemon.port())
    }
}

fn is_healthy(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        std::io::Result::Ok(text.contains("\"true\""))
    };
    ask().unwrap_or(false)
}
