//! A child process that writes down in a file how far it is, as its streams may be broken.

use std::fmt::Display;
use std::fs::{File, OpenOptions, read_to_string, remove_file};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::common::SOON;

/// The variable that says which scenario to play.
pub(crate) const SCENARIO: &str = "FOSTER_CONTAINERS_SCENARIO";

/// The variable that says where the notes are.
const NOTES: &str = "FOSTER_TEST_NOTES";

/// The child's side: writes a line down.
pub(crate) fn note(line: impl Display) {
    let path = std::env::var_os(NOTES).expect("there is a file for notes");
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    // In one piece, as several threads write.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The parent's side.
pub(crate) struct Noting {
    pub(crate) child: Child,
    notes: PathBuf,
    /// When the last signal was sent.
    signalled: Option<Instant>,
}

/// The program, to be told of a scenario by [`start`].
pub(crate) fn program() -> Command {
    with_program(Command::new(std::env::current_exe().unwrap()))
}

/// A shell line around the program, which is its `"$0" "$@"`.
pub(crate) fn shell(line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(line)
        .arg(std::env::current_exe().unwrap());
    with_program(shell)
}

/// Arguments that have the program be a child.
pub(crate) fn with_program(mut command: Command) -> Command {
    command.args(["as_child", "--exact", "--nocapture", "--test-threads=1"]);
    command
}

/// Starts it.
pub(crate) fn start(command: &mut Command, scenario: &str) -> Noting {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!(
        "foster-notes-{}-{}",
        std::process::id(),
        NUMBER.fetch_add(1, SeqCst)
    );
    let notes = std::env::temp_dir().join(name);
    File::create(&notes).unwrap();
    // What the child prints is in nobody's way; `streams` has the streams that matter.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.env(SCENARIO, scenario).env(NOTES, &notes);
    // All that belongs to it can be killed at once, and it sees no signal that is not its own.
    child.process_group(0);
    Noting {
        child: child.spawn().unwrap(),
        notes,
        signalled: None,
    }
}

impl Noting {
    fn notes(&self) -> String {
        read_to_string(&self.notes).unwrap()
    }

    /// What stands behind `text` in the notes, if it does.
    pub(crate) fn find(&self, text: &str) -> Option<String> {
        let notes = self.notes();
        // A line that is being written has no end yet.
        let (_, rest) = notes.split_once(text)?;
        rest.split_once('\n').map(|(line, _)| line.to_owned())
    }

    /// Waits for a note with `text`; returns what stands behind it.
    #[track_caller]
    pub(crate) fn after(&self, text: &str) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(found) = self.find(text) {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "no `{text}` in:\n{}",
                self.notes()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether there is no such note for some time.
    pub(crate) fn lacks(&self, text: &str, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            if self.find(text).is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// Sends a signal to a process, so long after the last one that it counts for itself.
    pub(crate) fn signal_to(&mut self, name: &str, process: impl Display) {
        if let Some(last) = self.signalled {
            std::thread::sleep(Duration::from_millis(300).saturating_sub(last.elapsed()));
        }
        let process = process.to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &process])
            .status();
        assert!(sent.unwrap().success(), "{name} is sent to {process}");
        self.signalled = Some(Instant::now());
    }

    /// Sends one to what was started.
    pub(crate) fn signal(&mut self, name: &str) {
        self.signal_to(name, self.child.id());
    }

    /// The only child of what was started, by its number out here.
    pub(crate) fn inner(&self) -> u32 {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.trim().parse().expect("it has one child")
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.end_within(SOON)
            .unwrap_or_else(|| panic!("it does not end; its notes:\n{}", self.notes()))
    }

    /// The same, at most for so long.
    pub(crate) fn end_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time;
        loop {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Noting {
    /// A test that fails leaves neither a process nor a file behind.
    fn drop(&mut self) {
        // What is in a namespace is killed with it, as `unshare` is told.
        let group = format!("-{}", self.child.id());
        let mut kill = Command::new("kill");
        let _ = kill
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
        let _ = remove_file(&self.notes);
    }
}
