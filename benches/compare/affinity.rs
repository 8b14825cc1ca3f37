//! Which cores the threads of this process may use.

pub(crate) use system::Narrowed;

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::io;

    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    /// All threads of this process, and those that they start, are on one core until it is dropped.
    pub(crate) struct Narrowed {
        before: CpuSet,
    }

    impl Narrowed {
        /// Takes the last of the cores that this thread may use: the first one has more interrupts.
        pub(crate) fn to_one() -> Result<Self, String> {
            let narrow = || {
                let before = sched_getaffinity(Pid::from_raw(0))?;
                let may = |core: &usize| before.is_set(*core).unwrap_or(false);
                let last = (0..CpuSet::count()).rfind(may).unwrap_or(0);
                let mut one = CpuSet::new();
                one.set(last)?;
                set_all(&one)?;
                Ok(Self { before })
            };
            narrow().map_err(|error: io::Error| format!("threads cannot be bound: {error}"))
        }
    }

    impl Drop for Narrowed {
        fn drop(&mut self) {
            set_all(&self.before).expect("it could be changed before");
        }
    }

    /// Also threads that are there for good: async-io has one of its own.
    fn set_all(cores: &CpuSet) -> io::Result<()> {
        for thread in fs::read_dir("/proc/self/task")? {
            let name = thread?.file_name();
            let thread = name.to_string_lossy().parse().map_err(io::Error::other)?;
            match sched_setaffinity(Pid::from_raw(thread), cores) {
                // It has ended meanwhile.
                Ok(()) | Err(nix::Error::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(crate) struct Narrowed;

    impl Narrowed {
        pub(crate) fn to_one() -> Result<Self, String> {
            Err("threads are bound on Linux alone".to_owned())
        }
    }
}
