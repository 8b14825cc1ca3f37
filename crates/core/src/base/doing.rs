//! What a thread of this process does right now, as far as the system tells: on Linux alone. Elsewhere a stall names its
//! payload and no thread, as only `/proc` says this without `unsafe` code.
#![cfg_attr(
    not(all(target_os = "linux", not(miri))),
    allow(dead_code, reason = "nothing is told")
)]

use std::fmt;

/// A thread, as the system numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SystemThread(u32);

/// What a thread does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doing {
    /// What the system calls it.
    name: String,
    deed: Deed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Deed {
    Runs,
    /// It sleeps in this system call.
    Sleeps(&'static str),
    /// In one without a name here.
    SleepsInCall(u32),
    /// The system tells no more.
    Unknown,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, deed } = self;
        match deed {
            Deed::Runs => write!(f, "`{name}` is running"),
            Deed::Sleeps(call) => write!(f, "`{name}` is asleep in {call}"),
            Deed::SleepsInCall(number) => write!(f, "`{name}` is asleep in system call {number}"),
            Deed::Unknown => write!(f, "`{name}` is there"),
        }
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
impl SystemThread {
    /// The calling thread, if the system tells.
    pub(crate) fn current() -> Option<Self> {
        u32::try_from(nix::unistd::gettid().as_raw()).ok().map(Self)
    }

    /// What it does; `None` if it has ended, or the system does not tell.
    pub(crate) fn doing(self) -> Option<Doing> {
        let read =
            |what: &str| std::fs::read_to_string(format!("/proc/self/task/{}/{what}", self.0)).ok();
        let name = read("comm")?.trim_end().to_owned();
        let deed = read("syscall").as_deref().and_then(deed);
        Some(Doing {
            name,
            deed: deed.unwrap_or(Deed::Unknown),
        })
    }
}

/// What a line of `/proc/…/syscall` says: `running`, or the number of a call with its arguments.
#[cfg(all(target_os = "linux", not(miri)))]
fn deed(line: &str) -> Option<Deed> {
    let first = line.split_whitespace().next()?;
    if first == "running" {
        return Some(Deed::Runs);
    }
    let number = first.parse().ok()?;
    let known = CALLS.iter().find(|(known, _)| *known == number);
    Some(match known {
        Some((_, name)) => Deed::Sleeps(name),
        None => Deed::SleepsInCall(number),
    })
}

/// The calls in which threads mostly wait.
#[cfg(all(target_os = "linux", not(miri), target_arch = "x86_64"))]
const CALLS: &[(u32, &str)] = &[
    (0, "read"),
    (1, "write"),
    (7, "poll"),
    (23, "select"),
    (35, "nanosleep"),
    (42, "connect"),
    (43, "accept"),
    (44, "sendto"),
    (45, "recvfrom"),
    (46, "sendmsg"),
    (47, "recvmsg"),
    (61, "wait4"),
    (73, "flock"),
    (74, "fsync"),
    (75, "fdatasync"),
    (202, "futex"),
    (230, "clock_nanosleep"),
    (232, "epoll_wait"),
    (247, "waitid"),
    (270, "pselect6"),
    (271, "ppoll"),
    (281, "epoll_pwait"),
    (288, "accept4"),
    (426, "io_uring_enter"),
    (441, "epoll_pwait2"),
];

#[cfg(all(
    target_os = "linux",
    not(miri),
    any(target_arch = "aarch64", target_arch = "riscv64")
))]
const CALLS: &[(u32, &str)] = &[
    (22, "epoll_pwait"),
    (32, "flock"),
    (63, "read"),
    (64, "write"),
    (72, "pselect6"),
    (73, "ppoll"),
    (82, "fsync"),
    (83, "fdatasync"),
    (95, "waitid"),
    (98, "futex"),
    (101, "nanosleep"),
    (115, "clock_nanosleep"),
    (202, "accept"),
    (203, "connect"),
    (206, "sendto"),
    (207, "recvfrom"),
    (211, "sendmsg"),
    (212, "recvmsg"),
    (242, "accept4"),
    (260, "wait4"),
    (426, "io_uring_enter"),
    (441, "epoll_pwait2"),
];

#[cfg(all(
    target_os = "linux",
    not(miri),
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ))
))]
const CALLS: &[(u32, &str)] = &[];

#[cfg(not(all(target_os = "linux", not(miri))))]
impl SystemThread {
    pub(crate) fn current() -> Option<Self> {
        None
    }

    pub(crate) fn doing(self) -> Option<Doing> {
        None
    }
}

#[cfg(all(test, not(foster_model), target_os = "linux", not(miri)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn lines_of_the_system_are_read() {
        let unknown = Deed::SleepsInCall(99_999);
        let rows = [
            ("running\n", Some(Deed::Runs)),
            ("99999 0x1 0x2 0x7ffc 0x7f01\n", Some(unknown)),
            ("-1 0x7ffc 0x7f01\n", None),
            ("", None),
            ("what is this", None),
        ];
        for (line, expected) in rows {
            assert_eq!(deed(line), expected, "{line}");
        }
        if let Some((number, name)) = CALLS.first() {
            assert_eq!(deed(&format!("{number} 0x0")), Some(Deed::Sleeps(name)));
        }
    }

    #[test]
    fn a_thread_that_sleeps_is_told_from_one_that_runs() {
        let (tell, told) = channel();
        let (go, goes) = channel::<()>();
        let sleeper = thread::Builder::new()
            .name("sleeper".to_owned())
            .spawn(move || {
                tell.send(SystemThread::current()).unwrap();
                let _ = goes.recv();
            });
        let Some(thread) = told.recv().unwrap() else {
            return;
        };
        let by = Instant::now() + Duration::from_secs(20);
        let is_asleep = |doing: &Doing| matches!(doing.deed, Deed::Sleeps("futex"));
        while !thread.doing().is_some_and(|doing| is_asleep(&doing)) && !CALLS.is_empty() {
            assert!(Instant::now() < by, "{:?}", thread.doing());
            thread::yield_now();
        }
        assert_eq!(thread.doing().unwrap().name, "sleeper");
        drop(go);
        sleeper.unwrap().join().unwrap();
        // The system may list it for a moment after the join.
        while let Some(doing) = thread.doing() {
            assert!(Instant::now() < by, "it has ended, and is {doing:?}");
            thread::yield_now();
        }

        let (tell, told) = channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let spinner = thread::spawn(move || {
            tell.send(SystemThread::current()).unwrap();
            while !over.load(SeqCst) {}
        });
        let spins = told.recv().unwrap().unwrap();
        while !spins.doing().is_some_and(|doing| doing.deed == Deed::Runs) {
            assert!(Instant::now() < by, "{:?}", spins.doing());
        }
        is_over.store(true, SeqCst);
        spinner.join().unwrap();
    }
}
