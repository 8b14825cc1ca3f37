//! The connection, which is made when it is needed, and anew when it is lost.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use foster_engine::failed;
use foster_lease::LeaseError;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// How long nobody tries again after a first failure; twice as long after each further one, up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the worker's tasks have: not the worker, which a watch would keep for ever.
pub(crate) struct Server {
    /// What errors say.
    pub(crate) place: String,
    connect: Box<dyn Fn() -> Boxed<Result<Session, Error>> + Send + Sync>,
    link: Mutex<Link>,
}

#[derive(Default)]
struct Link {
    session: Option<Arc<Session>>,
    failures: u32,
    /// When the next attempt may be made, and why the last one failed.
    pause: Option<(Instant, LeaseError)>,
}

/// One connection.
pub(crate) struct Session {
    client: Client,
    task: JoinHandle<()>,
    /// Has the server stop what it does for this connection.
    cancel: Box<dyn Fn() -> Boxed<()> + Send + Sync>,
    /// Nobody uses it any more.
    given_up: AtomicBool,
}

impl Session {
    pub(crate) fn new(
        client: Client,
        task: JoinHandle<()>,
        cancel: impl Fn() -> Boxed<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            client,
            task,
            cancel: Box::new(cancel),
            given_up: AtomicBool::new(false),
        }
    }

    fn is_alive(&self) -> bool {
        !self.client.is_closed() && !self.given_up.load(Ordering::Relaxed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // By itself it would wait for answers to what was sent, of a server that may be gone.
        self.task.abort();
    }
}

impl Server {
    pub(crate) fn new(
        place: String,
        connect: impl Fn() -> Boxed<Result<Session, Error>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            place,
            connect: Box::new(connect),
            link: Mutex::default(),
        }
    }

    /// Asks one statement, by itself: it may reach the server by another connection than the one before, and is prepared
    /// nowhere.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        statement: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Unanswered> {
        loop {
            let session = self.session().await.map_err(Unanswered::Away)?;
            let mut given_up = GivenUp(Some(&session));
            let answer = session.client.query_typed(statement, values).await;
            given_up.0 = None;
            let error = match answer {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            match error.code() {
                // With a stricter isolation of transactions than usual, another one was first.
                Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => {
                    sleep(jittered(PAUSE)).await;
                    continue;
                }
                // It has become a standby, so another one is the server.
                Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                    session.given_up.store(true, Ordering::Relaxed)
                }
                _ => {}
            }
            return Err(Unanswered::Refused(error));
        }
    }

    async fn session(self: &Arc<Self>) -> Result<Arc<Session>, LeaseError> {
        let server = self.clone();
        // Goes on if whoever asks has no time left: the next one finds the connection.
        let connected = tokio::spawn(async move { server.connected().await });
        connected.await.map_err(LeaseError::new)?
    }

    async fn connected(&self) -> Result<Arc<Session>, LeaseError> {
        let mut link = self.link.lock().await;
        if let Some(session) = link.session.as_ref().filter(|session| session.is_alive()) {
            return Ok(session.clone());
        }
        link.session = None;
        match &link.pause {
            Some((until, error)) if Instant::now() < *until => return Err(error.clone()),
            _ => {}
        }
        let error = match timeout(CONNECT, (self.connect)()).await {
            Ok(Ok(session)) => {
                let session = Arc::new(session);
                *link = Link {
                    session: Some(session.clone()),
                    ..Link::default()
                };
                return Ok(session);
            }
            Ok(Err(error)) => failed("it does not connect", error),
            Err(_) => LeaseError::new(format!("it does not connect within {CONNECT:?}")),
        };
        let pause = PAUSE
            .saturating_mul(1 << link.failures.min(10))
            .min(LONGEST_PAUSE);
        link.failures = link.failures.saturating_add(1);
        link.pause = Some((Instant::now() + jittered(pause), error.clone()));
        Err(error)
    }
}

/// Why there is no answer.
pub(crate) enum Unanswered {
    Away(LeaseError),
    Refused(Error),
}

/// If a request has no time left, the connection may be one that is dead without a word. Or the server waits, for a row that
/// somebody has locked, and would do so for as many connections as are made.
struct GivenUp<'a>(Option<&'a Session>);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.0 {
            session.given_up.store(true, Ordering::Relaxed);
            let cancel = (session.cancel)();
            if let Ok(runtime) = Handle::try_current() {
                drop(runtime.spawn(timeout(CONNECT, cancel)));
            }
        }
    }
}

/// Between half of it and all of it, so that processes that have begun together do not go on together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}
