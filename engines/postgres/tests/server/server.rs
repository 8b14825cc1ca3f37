//! A PostgreSQL server, and a pooler before it, on free ports, in temporary folders.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use foster_engine_testing::{Daemon, free_port, log_into, missing};
use foster_postgres::Postgres;
use foster_postgres::tokio_postgres::{self, Client, Error, NoTls};
use tempfile::TempDir;
use tokio::runtime::Builder;

/// Ends with its last handle, after which its folder is gone.
pub(crate) struct Server {
    /// Before the server, so that it ends first.
    pooler: Option<Daemon>,
    pub(crate) daemon: Daemon,
    folder: TempDir,
}

impl Server {
    /// One for a test alone, or none where there is no PostgreSQL.
    pub(crate) fn own() -> Option<Self> {
        let Some(programs) = programs() else {
            missing("there is no PostgreSQL in /usr/lib/postgresql");
            return None;
        };
        let user = User::of_server();
        let folder = tempfile::Builder::new()
            .prefix("foster-postgres-")
            .tempdir()
            .expect("a folder");
        if let Some(User { user, group }) = user {
            chown(folder.path(), Some(user), Some(group))
                .expect("it is given to the server's user");
        }
        let path = folder.path().to_owned();
        let command = move |program: &str| {
            let mut command = command_in(&path, &programs.join(program));
            command.arg("-D").arg(path.join("data"));
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
            pooler: None,
            daemon: Daemon::start(port, command, is_ready),
            folder,
        };
        server.postgres("").create_table().expect("a table");
        Some(server)
    }

    /// One for all tests that do it no harm, while there are any.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        share(&SHARED, Self::own)
    }

    /// The same behind PgBouncer, which gives each statement to any of a few connections.
    pub(crate) fn shared_pooled() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        share(&SHARED, Self::pooled)
    }

    fn pooled() -> Option<Self> {
        let program = Path::new("/usr/sbin/pgbouncer");
        if !program.exists() {
            // Few machines have it, and what it needs of us is but the way in which statements are asked.
            println!("SKIPPED: there is no {}", program.display());
            return None;
        }
        let server = Self::own()?;
        let port = free_port();
        let folder = server.folder.path().to_owned();
        let settings = format!(
            "[databases]\n\
             postgres = host=127.0.0.1 port={} user=postgres\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = transaction\n\
             default_pool_size = 4\n",
            server.daemon.port(),
        );
        fs::write(folder.join("pgbouncer.ini"), settings).expect("its settings");
        let command = move || {
            let mut command = command_in(&folder, program);
            command.arg("pgbouncer.ini");
            command
        };
        Some(Self {
            pooler: Some(Daemon::start(port, command, is_ready)),
            ..server
        })
    }

    /// What somebody does who is no lease.
    pub(crate) fn by_hand(&self, work: impl AsyncFnOnce(&Client) -> Result<(), Error>) {
        let text = format!("host=127.0.0.1 port={} user=postgres", self.daemon.port());
        let done = async {
            let (client, connection) = tokio_postgres::connect(&text, NoTls).await?;
            let connection = tokio::spawn(connection);
            work(&client).await?;
            drop(client);
            let _ = connection.await;
            Ok(())
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let done: Result<(), Error> = runtime.expect("a runtime").block_on(done);
        done.expect("the server does it");
    }

    pub(crate) fn postgres(&self, more: &str) -> Postgres {
        let port = self.pooler.as_ref().unwrap_or(&self.daemon).port();
        let text = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres {more}");
        Postgres::connect(&text).expect("a client")
    }
}

fn share(shared: &Mutex<Weak<Server>>, make: fn() -> Option<Server>) -> Option<Arc<Server>> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let server = Arc::new(make()?);
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// A command that ends with the tests.
fn command_in(folder: &Path, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(User { user, group }) = User::of_server() {
        command.args([format!("--reuid={user}"), format!("--regid={group}")]);
        command.arg("--clear-groups");
    }
    command.arg(program);
    // Where its user may stand.
    command.current_dir(folder);
    log_into(&mut command, &folder.join("log"));
    command
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
