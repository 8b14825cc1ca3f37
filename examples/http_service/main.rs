//! An HTTP service that systemd, Kubernetes or a balancer can end without losing a request. Its answers come from a pool;
//! its health is told at a port of its own, to the end. `cargo run --example http_service -- 127.0.0.1:8080 127.0.0.1:8081`;
//! without addresses both ports are free ones. Beside this file are its unit file and its manifest.

use std::error::Error;
use std::io;
use std::net::TcpListener as StdListener;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header::CONNECTION};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, serve};
use foster::status::RuntimeState;
use foster::{Ready, Runtime, Shutdown, Signals, Tokio, TokioMultiThread, service_once};
use tokio::net::TcpListener;

/// How long a balancer may go on sending after it was told that this process ends.
const DRAIN: Duration = Duration::from_secs(3);
/// How long the requests may take that are there when the stop begins.
const GRACE: Duration = Duration::from_secs(15);

async fn greet(State(runtime): State<Runtime>) -> Result<impl IntoResponse, StatusCode> {
    // Blocking code has a thread of its own. Also while the runtime stops.
    let lines = runtime.call(foster::Thread, || include_str!("main.rs").lines().count());
    let lines = lines.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    // Who keeps its connection hears of no balancer: it is told that this was the last answer on it.
    let goes_on = !runtime.is_draining() && !runtime.is_stopping();
    let connection = if goes_on { "keep-alive" } else { "close" };
    let hello = format!("hello from {lines} lines\n");
    Ok(([(CONNECTION, connection)], hello))
}

/// The service itself. Asked to end it takes no more connections, and answers what it has.
async fn http(listener: StdListener, runtime: Runtime) -> io::Result<()> {
    let shutdown = Shutdown::current();
    let listener = TcpListener::from_std(listener)?;
    println!("listening on http://{}", listener.local_addr()?);
    Ready::current().notify();
    let app = Router::new().route("/", get(greet)).with_state(runtime);
    let served = serve(listener, app).with_graceful_shutdown(async move {
        shutdown.requested().await;
    });
    served.await
}

/// Whether to send requests: not before all services are ready, nor once the end is near.
async fn readyz(State(runtime): State<Runtime>) -> (StatusCode, String) {
    let status = runtime.status();
    let code = match status.state == RuntimeState::Running && status.is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, format!("{}\n", status.state))
}

/// Whether the process is worth keeping: not if something blocks an executor.
async fn livez(State(runtime): State<Runtime>) -> (StatusCode, String) {
    let mut probing = runtime.probe();
    let time = Duration::from_secs(1);
    match runtime.clock().timeout(time, &mut probing).await {
        Ok(()) => (StatusCode::OK, "alive\n".to_owned()),
        Err(_) => {
            let hang: Vec<_> = probing.unanswered().map(ToString::to_string).collect();
            (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("hangs: {hang:?}\n"),
            )
        }
    }
}

/// Tells the health until nothing else is waited for.
async fn health(listener: StdListener, runtime: Runtime) -> io::Result<()> {
    let shutdown = Shutdown::current();
    let listener = TcpListener::from_std(listener)?;
    println!("health at http://{}", listener.local_addr()?);
    let app = Router::new()
        .route("/readyz", get(readyz))
        .route("/livez", get(livez));
    let served = serve(listener, app.with_state(runtime.clone()));
    let end = async move {
        shutdown.requested().await;
        while let Some(stop) = runtime.status().stop {
            if stop.is_empty() || stop.grace_left < Duration::from_millis(200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        end = served.into_future() => end,
        () = end => Ok(()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = |nth| {
        std::env::args()
            .nth(nth)
            .unwrap_or("127.0.0.1:0".to_owned())
    };
    let mut sockets = foster_systemd::sockets()?; // systemd's, or our own
    let listener = sockets.tcp_or_bind("http", address(1))?;
    let probed = sockets.tcp_or_bind("health", address(2))?;

    let builder = Runtime::builder().drain(DRAIN).grace(GRACE);
    let runtime = builder.signals(Signals::reload_on_hangup()).build();
    foster_systemd::serve(&runtime)?;

    let (of_http, of_health) = (runtime.clone(), runtime.clone());
    let http = service_once(TokioMultiThread, || http(listener, of_http));
    runtime.unit().name("http").notifies_ready().serve(http)?;
    let health = service_once(Tokio, || health(probed, of_health));
    runtime.unit().name("health").looks_on().serve(health)?;
    Ok(runtime.run()?)
}
