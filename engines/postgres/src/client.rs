//! The client, which all leases of a program share.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use foster_engine::{Worker, failed};
use foster_lease::{Answer, LeaseError};
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, NoTls, Socket};

use crate::lease::PostgresLease;
use crate::requests::Requests;
use crate::server::{Server, Session};
use crate::table::Table;

/// What is there unless something else is set.
const TABLE: &str = "foster_leases";
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long the making of the table may take.
const CREATE: Duration = Duration::from_secs(10);

/// Leases in a table of PostgreSQL.
///
/// Cheap to clone. All clones and their leases share one thread and one connection; both end once the last of them is
/// dropped.
#[derive(Clone)]
pub struct Postgres {
    worker: Arc<Worker>,
    server: Arc<Server>,
    table: Arc<Table>,
    look_every: Duration,
}

impl Postgres {
    /// A server, without TLS, by a connection string such as `host=10.0.0.1 user=app dbname=app` or
    /// `postgresql://app@10.0.0.1/app`.
    ///
    /// Returns at once: the connection is made by the first call of a lease, and again whenever it is lost. Of several hosts
    /// it is one that can be written to.
    ///
    /// # Errors
    ///
    /// If the string is malformed, or there is no thread to be had.
    pub fn connect(text: &str) -> Result<Self, LeaseError> {
        let config: Config = text
            .parse()
            // Without the string, in which a password may be.
            .map_err(|error| {
                failed(
                    "postgres: the connection string cannot be read",
                    Box::new(error),
                )
            })?;
        Self::connect_with(config, NoTls)
    }

    /// The same with TLS, of a crate such as `tokio-postgres-rustls`, and settings that a string has not.
    ///
    /// # Errors
    ///
    /// If there is no thread to be had.
    pub fn connect_with<T>(config: Config, tls: T) -> Result<Self, LeaseError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let place = place(&config);
        let mut config = config;
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            // A standby answers reads, with what was true a while ago.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let server = Server::new(place, move || {
            let (config, tls) = (config.clone(), tls.clone());
            Box::pin(async move {
                let (client, connection) = config.connect(tls.clone()).await?;
                let task = tokio::spawn(async move {
                    // Those who wait for answers are told.
                    let _ = connection.await;
                });
                let token = client.cancel_token();
                Ok(Session::new(client, task, move || {
                    let (token, tls) = (token.clone(), tls.clone());
                    Box::pin(async move {
                        // It may be that nobody is there to hear it.
                        let _ = token.cancel_query(tls).await;
                    })
                }))
            })
        });
        let worker = Worker::start("foster-postgres");
        let worker = worker.map_err(|error| failed("postgres: no thread for its client", error))?;
        Ok(Self {
            worker: Arc::new(worker),
            server: Arc::new(server),
            table: Arc::new(Table::new(TABLE)),
            look_every: LOOK_EVERY,
        })
    }

    /// In which table the leases are; `foster_leases` unless it is set. The name of its schema may stand before it, and a dot.
    pub fn table(self, name: &str) -> Self {
        let table = Arc::new(Table::new(name));
        Self { table, ..self }
    }

    /// How often a watch looks whether the lease is free, at most; every 500 ms unless it is set. It looks after half of that
    /// at the earliest, and when the lease could run out.
    pub fn look_every(self, look_every: Duration) -> Self {
        // Less would be no pause.
        let look_every = look_every.max(Duration::from_millis(10));
        Self { look_every, ..self }
    }

    /// Makes the table, if there is none: for programs that have no migrations of their own. The statement is in the crate's
    /// documentation.
    ///
    /// Blocks, for ten seconds at most.
    ///
    /// # Errors
    ///
    /// If the server is not there, or refuses it.
    pub fn create_table(&self) -> Result<(), LeaseError> {
        let (told, answered) = channel();
        let answer = Answer::new(move |answer| {
            let _ = told.send(answer);
        });
        let doing = format!(
            "{}: making the table `{}`",
            self.server.place, self.table.name
        );
        let (server, table) = (self.server.clone(), self.table.clone());
        let create = async move { Requests::create(&server, &table).await };
        self.worker.answer(CREATE, doing, answer, create);
        answered.recv().map_err(LeaseError::new)?
    }

    /// What this process has of a lease: its name, by which all processes know it, what others are told of who holds it, and
    /// how long it is held.
    pub fn lease(
        &self,
        name: impl Into<String>,
        holder: impl Into<String>,
        length: Duration,
    ) -> PostgresLease {
        let requests = Requests {
            server: self.server.clone(),
            table: self.table.clone(),
            name: name.into(),
            holder: holder.into(),
            length,
            look_every: self.look_every,
        };
        PostgresLease::new(self.worker.clone(), requests)
    }
}

impl fmt::Debug for Postgres {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("server", &self.server.place)
            .field("table", &self.table.name)
            .finish_non_exhaustive()
    }
}

/// What errors say.
fn place(config: &Config) -> String {
    let ports = config.get_ports();
    let host = |(index, host): (usize, &Host)| {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(folder) => format!("{}:{port}", folder.display()),
        }
    };
    let mut hosts: Vec<String> = config.get_hosts().iter().enumerate().map(host).collect();
    if hosts.is_empty() {
        hosts.extend(config.get_hostaddrs().iter().map(ToString::to_string));
    }
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("postgres at {}/{database}", hosts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_where_and_no_password() {
        let postgres =
            Postgres::connect("host=a,b port=5433 user=u password=secret dbname=d").unwrap();
        let text = format!(
            "{postgres:?} {:?}",
            postgres.lease("x", "me", Duration::from_secs(1))
        );
        assert!(text.contains("postgres at a:5433,b:5433/d"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        let error = Postgres::connect("password=secret nonsense")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("cannot be read") && !error.contains("secret"),
            "{error}"
        );
    }
}
