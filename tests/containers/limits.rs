//! With fewer cores than the machine has.

use std::fs::{create_dir, remove_dir, write};
use std::path::PathBuf;
use std::process::Command;
use std::thread::available_parallelism;

use crate::common::OnDrop;
use crate::notes::{program, shell, start, with_program};
use crate::once;

once!(
    a_pool_has_a_worker_for_each_core_that_it_may_use,
    a_pool_has_a_worker_for_each_whole_core_of_its_quota,
);

fn workers(command: &mut Command) -> String {
    let mut daemon = start(command, "workers");
    let workers = daemon.after("workers ");
    assert_eq!(daemon.end().code(), Some(0));
    workers
}

fn a_pool_has_a_worker_for_each_core_that_it_may_use() {
    let cores = available_parallelism().unwrap().to_string();
    assert_eq!(workers(&mut program()), cores);

    let mut pinned = Command::new("taskset");
    pinned
        .args(["-c", "0"])
        .arg(std::env::current_exe().unwrap());
    assert_eq!(workers(&mut with_program(pinned)), "1");
}

/// A group with a quota of one and a half cores, or why there is none.
fn quota() -> std::io::Result<(PathBuf, &'static str)> {
    let name = format!("foster-test-{}", std::process::id());
    let v1 = PathBuf::from("/sys/fs/cgroup/cpu").join(&name);
    if create_dir(&v1).is_ok() {
        write(v1.join("cpu.cfs_period_us"), "100000")?;
        write(v1.join("cpu.cfs_quota_us"), "150000")?;
        return Ok((v1, "cgroup.procs"));
    }
    let v2 = PathBuf::from("/sys/fs/cgroup").join(&name);
    create_dir(&v2)?;
    write(v2.join("cpu.max"), "150000 100000")?;
    Ok((v2, "cgroup.procs"))
}

fn a_pool_has_a_worker_for_each_whole_core_of_its_quota() {
    if available_parallelism().is_ok_and(|cores| cores.get() < 2) {
        eprintln!("SKIPPED: there is but one core here");
        return;
    }
    let (folder, list) = match quota() {
        Ok(group) => group,
        Err(error) => {
            eprintln!("SKIPPED: no cgroup with a quota may be made here ({error})");
            return;
        }
    };
    let line = format!(
        r#"echo $$ > {} && exec "$0" "$@""#,
        folder.join(list).display()
    );
    let _removed = OnDrop(|| drop(remove_dir(&folder)));
    assert_eq!(workers(&mut shell(&line)), "1");
}
