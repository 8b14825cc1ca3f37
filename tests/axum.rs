//! An axum server on a flavour with several threads, beside smol and threads. Rows A3, L1, L7, S1 and S2.

mod common;

use std::future::pending;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use common::*;
use foster::{FailureKind, RunError, Runtime, Shutdown, Smol, Thread, TokioMultiThread};

once!(
    a3_several_workers_serve_at_the_same_time,
    l1_a_failure_on_smol_ends_the_server,
    l1_a_failure_on_a_thread_ends_the_server,
    l1_a_failure_beside_the_server_ends_all,
    s1_a_server_with_a_token_answers_to_the_end,
    l7_requests_in_flight_may_call_to_the_end,
);

const WORKERS: usize = 2;

const POOL: TokioMultiThread = TokioMultiThread::new()
    .worker_threads(WORKERS)
    .thread_name("axum");

/// What handlers share with the test.
#[derive(Clone, Default)]
struct Shared {
    meeting: Arc<Meeting>,
    begun: Event,
    go: Event,
    /// How many handlers of [`call`] have begun.
    calling: Arc<AtomicUsize>,
    /// Where they call into.
    runtime: Arc<OnceLock<Runtime>>,
}

/// Where handlers meet: each blocks its worker for a while, so that two are there at the same time only
/// if two workers serve.
#[derive(Default)]
struct Meeting {
    state: Mutex<Guests>,
    changed: Condvar,
}

#[derive(Default)]
struct Guests {
    inside: Vec<ThreadId>,
    /// The workers whose handlers have met.
    met: Vec<ThreadId>,
}

impl Meeting {
    /// Whether the others came. Not sooner or later, but while this one waits: a task may sit where no
    /// other worker takes it from a blocked one, and then whoever asked asks again.
    fn join(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        state.inside.push(thread::current().id());
        if state.inside.len() == WORKERS {
            state.met = state.inside.clone();
            self.changed.notify_all();
        }
        let time = Duration::from_millis(50);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, time, |state| state.met.is_empty())
            .unwrap();
        state.inside.retain(|one| *one != thread::current().id());
        !state.met.is_empty()
    }
}

async fn meet(State(shared): State<Shared>) -> String {
    shared.meeting.join().to_string()
}

async fn wait(State(shared): State<Shared>) -> &'static str {
    shared.begun.happen();
    while !shared.go.has_happened() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    "waited"
}

/// Waits for the stop, and then for blocking code. It is no payload: axum has spawned it.
async fn call(State(shared): State<Shared>) -> String {
    shared.calling.fetch_add(1, SeqCst);
    while !shared.go.has_happened() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let runtime = shared.runtime.get().unwrap().clone();
    match runtime.call(Thread, || "called").await {
        Ok(value) => value.to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Adopts a server on the pool. Asked to stop, it ends by itself if it holds a token.
fn serve(runtime: &Runtime, shared: &Shared, holds_token: bool) -> SocketAddr {
    let app = Router::new()
        .route("/meet", get(meet))
        .route("/wait", get(wait))
        .route("/call", get(call))
        .route("/", get(|| async { "served" }))
        .with_state(shared.clone());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    runtime
        .named("server")
        .adopt(POOL, move || async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let server = axum::serve(listener, app);
            match holds_token {
                true => {
                    let shutdown = Shutdown::current();
                    server
                        .with_graceful_shutdown(async move { shutdown.requested().await })
                        .await
                }
                false => server.await,
            }
        })
        .unwrap();
    address
}

/// The body of the answer; an error if the server is gone.
fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    body.map(str::to_owned)
        .ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

/// Payloads on smol and on a thread, which live until the stop; both have begun.
fn beside(runtime: &Runtime) {
    let (on_smol, on_thread) = (Event::new(), Event::new());
    let (is_on_smol, is_on_thread) = (on_smol.clone(), on_thread.clone());
    runtime
        .adopt(Smol, move || async move {
            is_on_smol.happen();
            pending::<()>().await;
        })
        .unwrap();
    runtime
        .adopt(Thread, move || {
            let shutdown = Shutdown::current();
            is_on_thread.happen();
            while !shutdown.wait_timeout(Duration::from_secs(1)) {}
        })
        .unwrap();
    on_smol.expect("smol runs");
    on_thread.expect("the thread runs");
}

fn a3_several_workers_serve_at_the_same_time() {
    let runtime = started();
    let shared = Shared::default();
    let address = serve(&runtime, &shared, false);
    beside(&runtime);
    let clients: Vec<_> = (0..WORKERS)
        .map(|_| {
            thread::spawn(move || {
                let by = Instant::now() + SOON;
                while ask(address, "/meet").unwrap() != "true" {
                    assert!(Instant::now() < by, "the handlers do not meet");
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let mut workers = shared.meeting.state.lock().unwrap().met.clone();
    workers.dedup();
    assert_eq!(workers.len(), WORKERS, "each on a worker of its own");
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(ask(address, "/").is_err(), "the server is gone");
}

/// A server under load; `fail` makes a payload fail, and that ends everything.
fn a_failure_ends_all(fail: impl FnOnce(&Runtime)) -> RunError {
    let runtime = started();
    let address = serve(&runtime, &Shared::default(), false);
    beside(&runtime);
    let served = Event::new();
    let clients: Vec<_> = (0..2 * WORKERS)
        .map(|_| {
            let served = served.clone();
            // Asks until the server is gone.
            thread::spawn(move || {
                while let Ok(answer) = ask(address, "/") {
                    assert_eq!(answer, "served");
                    served.happen();
                }
            })
        })
        .collect();
    served.expect("the server answers");
    fail(&runtime);
    let error = runtime.wait().unwrap_err();
    assert!(error.stragglers().is_empty(), "{error}");
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(error.failures().len(), 1, "{error}");
    error
}

fn l1_a_failure_on_smol_ends_the_server() {
    let error = a_failure_ends_all(|runtime| {
        let named = runtime.named("sampler");
        named
            .adopt(Smol, || async { Err::<(), _>("no sensor") })
            .unwrap();
    });
    assert_eq!(error.failures()[0].payload(), "sampler");
    assert_eq!(error.failures()[0].flavour(), "smol");
}

fn l1_a_failure_on_a_thread_ends_the_server() {
    let error = a_failure_ends_all(|runtime| {
        let named = runtime.named("scanner");
        named.adopt(Thread, || -> () { panic!("no disk") }).unwrap();
    });
    assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
    assert_eq!(error.failures()[0].flavour(), "std::thread");
}

fn l1_a_failure_beside_the_server_ends_all() {
    let error = a_failure_ends_all(|runtime| {
        let named = runtime.named("neighbour");
        named.adopt(POOL, || async { Some("an orphan") }).unwrap();
    });
    assert_eq!(error.failures()[0].kind(), FailureKind::OrphanedReturn);
    assert_eq!(error.failures()[0].flavour(), "tokio::multi_thread");
}

fn s1_a_server_with_a_token_answers_to_the_end() {
    let runtime = started();
    let shared = Shared::default();
    let address = serve(&runtime, &shared, true);
    assert_eq!(ask(address, "/").unwrap(), "served");
    // A request that is being served when the stop begins.
    let client = thread::spawn(move || ask(address, "/wait"));
    shared.begun.expect("the handler begins");
    runtime.shutdown();
    shared.go.happen();
    assert_eq!(client.join().unwrap().unwrap(), "waited");
    runtime.wait().unwrap();
}

fn l7_requests_in_flight_may_call_to_the_end() {
    const REQUESTS: usize = 64;
    let runtime = started();
    let shared = Shared::default();
    assert!(shared.runtime.set(runtime.clone()).is_ok());
    let address = serve(&runtime, &shared, true);
    let clients: Vec<_> = (0..REQUESTS)
        .map(|_| thread::spawn(move || ask(address, "/call")))
        .collect();
    let deadline = Instant::now() + SOON;
    while shared.calling.load(SeqCst) < REQUESTS {
        assert!(Instant::now() < deadline, "all are in flight");
        thread::yield_now();
    }
    runtime.shutdown();
    shared.go.happen();
    for client in clients {
        assert_eq!(client.join().unwrap().unwrap(), "called");
    }
    runtime.wait().unwrap();
}
