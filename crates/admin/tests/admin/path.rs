//! The socket at a path.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use foster::Runtime;
use foster_admin::{Admin, AdminErrorKind};

use crate::client::{Answer, builder, exchange};

fn ask(path: &Path) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(path)?;
    let request = b"GET /readyz HTTP/1.1\r\nHost: foster\r\nConnection: close\r\n\r\n";
    Ok(exchange(&mut stream, request))
}

fn ready(runtime: &Runtime) {
    assert!(runtime.wait_ready(crate::client::SOON).is_ok());
}

#[test]
fn only_its_owner_may_use_it_from_the_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Whatever is seen there at any moment has the right mode.
        scope.spawn(|| {
            while !is_over.load(SeqCst) {
                if let Ok(file) = fs::symlink_metadata(&path) {
                    assert_eq!(file.permissions().mode() & 0o777, 0o600);
                }
            }
        });
        for _ in 0..50 {
            drop(Admin::unix(&path).bind().unwrap());
            assert!(!path.exists());
        }
        let bound = Admin::unix(&path).bind().unwrap();
        let file = fs::symlink_metadata(&path).unwrap();
        is_over.store(true, SeqCst);
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        drop(bound);
    });
}

#[test]
fn it_answers_and_is_gone_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let runtime = builder().build();
    Admin::unix(&path).serve(&runtime).unwrap();
    runtime.start().unwrap();
    ready(&runtime);
    assert_eq!(ask(&path).unwrap().status, 200);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_a_dead_process_left_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let bound = Admin::unix(&path).bind().unwrap();
    UnixStream::connect(&path).unwrap();
    drop(bound);
    assert!(!path.exists());
}

#[test]
fn a_live_one_and_other_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let first = Admin::unix(&path).bind().unwrap();
    let error = Admin::unix(&path).bind().unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::InUse);
    assert!(error.to_string().contains("admin.sock"), "{error}");
    UnixStream::connect(&path).unwrap();
    drop(first);
    fs::write(&path, "a diary").unwrap();
    let error = Admin::unix(&path).bind().unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::Address);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a diary");
    let error = Admin::unix(folder.path().join("no/such/folder"))
        .bind()
        .unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::Address);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Of many that start at once over the remains of a dead one, one has it.
#[test]
fn of_many_at_once_one_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let begin = std::sync::Barrier::new(8);
    let bind = || {
        begin.wait();
        Admin::unix(&path).bind()
    };
    for _ in 0..80 {
        drop(UnixListener::bind(&path).unwrap());
        let bound: Vec<_> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8).map(|_| scope.spawn(bind)).collect();
            let bound = tries.into_iter().map(|one| one.join().unwrap());
            bound.filter_map(Result::ok).collect()
        });
        assert_eq!(bound.len(), 1);
        UnixStream::connect(&path).unwrap();
        drop(bound);
        assert!(!path.exists());
    }
}

#[test]
fn both_ways_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let runtime = builder().build();
    let bound = Admin::unix(&path).also_loopback(0).bind().unwrap();
    let address = bound.address().unwrap();
    bound.serve(&runtime).unwrap();
    runtime.start().unwrap();
    ready(&runtime);
    assert_eq!(ask(&path).unwrap().status, 200);
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let answer = exchange(
        &mut stream,
        b"GET /readyz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    );
    assert_eq!(answer.status, 200);
    runtime.shutdown();
    runtime.wait().unwrap();
}
