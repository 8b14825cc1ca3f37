//! Leases of real PostgreSQL servers, on free ports, in temporary folders.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use foster_engine_testing::{
    DEADLINE, Daemon, Make, Proxy, cut_without_a_word, free_port, killed_and_started_again,
    log_into, missing, stopped_and_continued, without_a_handle,
};
use foster_lease::conformance::Kit;
use foster_lease::{Acquired, Answer, Lease};
use foster_postgres::{Postgres, PostgresLease};
use tempfile::TempDir;

/// Long enough for a machine that is busy.
const SHORTEST: Duration = Duration::from_secs(2);

/// Ends with its last handle, after which its folder is gone.
struct Server {
    daemon: Daemon,
    _folder: TempDir,
}

impl Server {
    /// One for a test alone, or none where there is no PostgreSQL.
    fn own() -> Option<Self> {
        let Some(programs) = programs() else {
            missing("there is no PostgreSQL in /usr/lib/postgresql");
            return None;
        };
        let user = User::of_server();
        let folder = tempfile::Builder::new()
            .prefix("foster-postgres-")
            .tempdir()
            .expect("a folder");
        let path = folder.path().to_owned();
        if let Some(User { user, group }) = user {
            chown(&path, Some(user), Some(group)).expect("it is given to the server's user");
        }
        let command = move |program: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL"]);
            if let Some(User { user, group }) = user {
                command.args([format!("--reuid={user}"), format!("--regid={group}")]);
                command.arg("--clear-groups");
            }
            command
                .arg(programs.join(program))
                .arg("-D")
                .arg(path.join("data"));
            // Also that it may stand in the folder where it begins.
            command.current_dir(&path);
            log_into(&mut command, &path.join("log"));
            command
        };
        let mut made = command("initdb");
        made.args(["--username", "postgres", "--auth", "trust", "--no-sync"]);
        assert!(made.status().expect("initdb runs").success(), "initdb");

        let port = free_port();
        let sockets = folder.path().to_owned();
        let command = move || {
            let mut command = command("postgres");
            // What is written is there when its processes are killed, so it need not reach the disk.
            command.args(["-F", "-h", "127.0.0.1", "-p", &port.to_string(), "-k"]);
            command.arg(&sockets);
            command
        };
        let server = Self {
            daemon: Daemon::start(port, command, is_ready),
            _folder: folder,
        };
        server.postgres("").create_table().expect("a table");
        Some(server)
    }

    /// One for all tests that do it no harm, while there are any.
    fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::own()?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    fn postgres(&self, more: &str) -> Postgres {
        let port = self.daemon.port();
        let text = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres {more}");
        Postgres::connect(&text).expect("a client")
    }
}

/// Whom a server runs as that refuses root.
#[derive(Clone, Copy)]
struct User {
    user: u32,
    group: u32,
}

impl User {
    /// None if this is not root.
    fn of_server() -> Option<Self> {
        let id = |arguments: &[&str]| {
            let output = Command::new("id")
                .args(arguments)
                .output()
                .expect("`id` runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.trim().parse().expect("the user `postgres`")
        };
        (id(&["-u"]) == 0).then(|| Self {
            user: id(&["-u", "postgres"]),
            group: id(&["-g", "postgres"]),
        })
    }
}

/// Where the programs of the newest version are.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let paths = versions.filter_map(|entry| Some(entry.ok()?.path()));
    let newest = paths.max_by_key(|path| number(path))?;
    let programs = newest.join("bin");
    programs.join("initdb").exists().then_some(programs)
}

fn is_ready(port: u16) -> bool {
    let Some(programs) = programs() else {
        return false;
    };
    let mut command = Command::new(programs.join("pg_isready"));
    command.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
    command
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Each has a client of its own, as processes do.
fn kit(more: &'static str) -> Option<Kit> {
    let server = Server::shared()?;
    Some(Kit::new(SHORTEST, move |name, holder, length| {
        Arc::new(server.postgres(more).lease(name, holder, length))
    }))
}

foster_lease::lease_conformance!(kit(""));

/// With the strictest isolation of transactions, in which statements fail that are fine in the usual one.
mod serializable {
    foster_lease::lease_conformance!(super::kit(
        "options='-c default_transaction_isolation=serializable'"
    ));
}

#[test]
fn a_server_that_is_stopped_is_an_error_and_then_goes_on() {
    let Some(server) = Server::own() else { return };
    let postgres = server.postgres("");
    let make: Make<'_> = &|name, holder, length| Arc::new(postgres.lease(name, holder, length));
    stopped_and_continued(&server.daemon, make, Duration::from_secs(5));
}

#[test]
fn a_server_that_was_killed_knows_holders_and_fences() {
    let Some(server) = Server::own() else { return };
    let postgres = server.postgres("");
    let make: Make<'_> = &|name, holder, length| Arc::new(postgres.lease(name, holder, length));
    killed_and_started_again(&server.daemon, make);
}

#[test]
fn a_connection_that_dies_without_a_word_costs_no_lease() {
    let Some(server) = Server::shared() else {
        return;
    };
    let proxy = Proxy::before(server.daemon.port());
    let text = format!("host=127.0.0.1 port={} user=postgres", proxy.port());
    let postgres = Postgres::connect(&text).expect("a client");
    let make: Make<'_> = &|name, holder, length| Arc::new(postgres.lease(name, holder, length));
    cut_without_a_word(&proxy, make);
}

#[test]
fn the_last_handle_ends_all() {
    let Some(server) = Server::shared() else {
        return;
    };
    let postgres = server.postgres("");
    without_a_handle(move |name, holder, length| Arc::new(postgres.lease(name, holder, length)));
}

#[test]
fn tables_have_any_name_and_are_made_once() {
    let Some(server) = Server::shared() else {
        return;
    };
    let makers: Vec<_> = (0..8)
        .map(|_| {
            let postgres = server.postgres("").table(r#"public.Odd "name' --"#);
            thread::spawn(move || postgres.create_table())
        })
        .collect();
    for maker in makers {
        maker.join().expect("no panic").expect("the table is there");
    }
    let postgres = server.postgres("").table(r#"public.Odd "name' --"#);
    let lease = postgres.lease("x", "me", SHORTEST);
    assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    // The same name in another table is another lease.
    let other = server.postgres("").lease("x", "me", SHORTEST);
    assert!(matches!(acquire(&other), Ok(Acquired::Held { .. })));
}

#[test]
fn a_table_that_is_missing_is_an_error_that_says_what_to_do() {
    let Some(server) = Server::shared() else {
        return;
    };
    let postgres = server.postgres("").table("nowhere.leases");
    let error = acquire(&postgres.lease("x", "me", SHORTEST)).unwrap_err();
    assert!(
        error.contains("no table `nowhere.leases`, which `Postgres::create_table` makes"),
        "{error}"
    );
    let error = postgres.create_table().unwrap_err().to_string();
    assert!(
        error.contains("making the table `nowhere.leases`"),
        "{error}"
    );
}

#[test]
fn a_server_that_is_none_is_an_error_that_names_it() {
    let postgres = Postgres::connect("host=127.0.0.1 port=1 user=app").unwrap();
    let lease = postgres.lease("x", "me", SHORTEST);
    // The second one in the pause after the first.
    for _ in 0..2 {
        let error = acquire(&lease).unwrap_err();
        assert!(
            error.contains("postgres at 127.0.0.1:1/app: the acquire of `x`: it does not connect"),
            "{error}"
        );
    }
}

#[test]
fn what_a_text_cannot_be_is_an_error() {
    let Some(server) = Server::shared() else {
        return;
    };
    let postgres = server.postgres("");
    assert!(acquire(&postgres.lease("nought \0", "me", SHORTEST)).is_err());
    let error = acquire(&postgres.lease("for ever", "me", Duration::MAX)).unwrap_err();
    assert!(error.contains("out of range"), "{error}");
    assert!(acquire(&postgres.lease("sound", "me", SHORTEST)).is_ok());
}

fn acquire(lease: &PostgresLease) -> Result<Acquired, String> {
    let (told, answered) = channel();
    lease.acquire(Answer::new(move |answer| {
        let _ = told.send(answer);
    }));
    let answer = answered.recv_timeout(DEADLINE).expect("it is answered");
    answer.map_err(|error| error.to_string())
}
