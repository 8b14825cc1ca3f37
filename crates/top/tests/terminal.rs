//! The program in a terminal of its own: it obeys keys and signals, and leaves the terminal as it was.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;

/// No step may take longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// The program in its terminal, and all that it has written there.
struct Terminal {
    child: Child,
    keys: File,
    /// The program's side, which stays open to be asked for its settings.
    inside: OwnedFd,
    is_open: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    pieces: Receiver<Vec<u8>>,
    written: String,
}

impl Terminal {
    fn start(arguments: &[&str]) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // Any child inherits what `openpty` opens, and a terminal hangs up when nobody has its other side any more. What
        // is cloned is not inherited.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let pty = openpty(&size, None).unwrap();
        let (outside, inside) = (
            pty.master.try_clone().unwrap(),
            pty.slave.try_clone().unwrap(),
        );
        drop(pty);
        let end = || inside.try_clone().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_foster-top"));
        command
            .args(arguments)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR");
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        drop(guard);
        let keys = File::from(outside);
        let mut screen = keys.try_clone().unwrap();
        let (sender, pieces) = channel();
        let is_open = Arc::new(AtomicBool::new(true));
        let reads = Arc::clone(&is_open);
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            while reads.load(Ordering::Relaxed) {
                let mut fds = [PollFd::new(screen.as_fd(), PollFlags::POLLIN)];
                if poll(&mut fds, 20_u8).unwrap() == 0 {
                    continue;
                }
                match screen.read(&mut piece) {
                    Ok(length @ 1..) => drop(sender.send(piece[..length].to_vec())),
                    _ => return,
                }
            }
        });
        let reader = Some(reader);
        Self {
            child,
            keys,
            inside,
            is_open,
            reader,
            pieces,
            written: String::new(),
        }
    }

    /// Waits until `text` has been written, and forgets all until then.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.written.find(text) {
                self.written.drain(..at + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.written += &String::from_utf8_lossy(&piece),
                Err(_) => panic!("no {text:?} in {:?}", self.written),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn kill(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.inside)
            .unwrap()
            .local_flags
            .contains(LocalFlags::ICANON)
    }

    /// Waits for its end, and for the terminal to be as it was.
    #[track_caller]
    fn end(mut self) -> ExitStatus {
        // It shows the cursor, and leaves the other screen.
        self.wait_for("\u{1b}[?25h");
        self.wait_for("\u{1b}[?1049l");
        let status = wait(&mut self.child);
        assert!(!self.is_raw());
        // Once more would move the cursor to where it was before.
        self.written.extend(
            self.pieces
                .try_iter()
                .map(|piece| String::from_utf8_lossy(&piece).into_owned()),
        );
        assert!(
            !self.written.contains("\u{1b}[?1049l"),
            "{:?}",
            self.written
        );
        status
    }

    /// Closes the terminal, as a connection does that breaks, and waits for the program's end.
    #[track_caller]
    fn hang_up(mut self) -> ExitStatus {
        self.is_open.store(false, Ordering::Relaxed);
        self.reader.take().unwrap().join().unwrap();
        self.keys = File::open("/dev/null").unwrap();
        wait(&mut self.child)
    }
}

#[track_caller]
fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "it goes on");
        thread::sleep(Duration::from_millis(10));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn keys_lead_through_it_and_out_of_it() {
    let mut terminal = Terminal::start(&["--demo"]);
    terminal.wait_for("database");
    assert!(terminal.is_raw());
    terminal.press("3");
    terminal.wait_for("session");
    terminal.press("1\u{1b}[B");
    terminal.press("x");
    terminal.wait_for("Are you sure?");
    terminal.press("y");
    terminal.wait_for("asked");
    terminal.press("?");
    terminal.wait_for("Keys");
    terminal.press("q");
    terminal.press("q");
    assert!(terminal.end().success());
}

#[test]
fn each_signal_that_ends_it_restores_the_terminal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let mut terminal = Terminal::start(&["/no/such/socket"]);
        terminal.wait_for("Cannot reach");
        terminal.kill(signal);
        assert!(terminal.end().success(), "{signal}");
    }
    for signal in [Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGALRM] {
        let mut terminal = Terminal::start(&["/no/such/socket"]);
        terminal.wait_for("Cannot reach");
        terminal.kill(signal);
        assert_eq!(terminal.end().signal(), Some(signal as i32));
    }
}

#[test]
fn it_ends_when_its_terminal_is_gone() {
    let mut terminal = Terminal::start(&["/no/such/socket"]);
    terminal.wait_for("Cannot reach");
    let status = terminal.hang_up();
    assert_eq!(status.code(), Some(1), "{status}");
}
