//! The server: a service on tokio, which shows the latest results over HTTP.

use std::future::pending;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use foster::{Shutdown, Tokio};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use crate::keeper::Stats;

/// The time for connections to end: a client could keep one open without a limit.
const CLOSING: Duration = Duration::from_millis(250);

type Latest = State<watch::Receiver<Stats>>;

/// Serves `stats` on the loopback interface, and says where.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) stats: watch::Receiver<Stats>,
    /// The time of the wanted failure, if any.
    pub(crate) fails: Option<Instant>,
}

#[foster::service(flavour = Tokio)]
impl Server {
    async fn run(&self) -> anyhow::Result<()> {
        let shutdown = Shutdown::current();
        let port = self.port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("cannot listen on port {port}"))?;
        let address = listener.local_addr().context("no address to listen on")?;
        crate::say(format_args!("listening on http://{address}"));

        let router = Router::new()
            .route("/", get(page))
            .route("/stats.json", get(json))
            .with_state(self.stats.clone());
        let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.requested());
        let overdue = async {
            shutdown.requested().await;
            sleep(CLOSING).await;
        };
        tokio::select! {
            served = serving => served.context("cannot serve")?,
            () = overdue => {}
            error = failing(self.fails) => return Err(error),
        }
        crate::say("server: ended");
        Ok(())
    }
}

async fn failing(fails: Option<Instant>) -> anyhow::Error {
    match fails {
        Some(time) => sleep_until(time.into()).await,
        None => pending().await,
    }
    crate::mishap()
}

async fn json(State(stats): Latest) -> Json<Stats> {
    Json(stats.borrow().clone())
}

async fn page(State(stats): Latest) -> Html<String> {
    let stats = stats.borrow();
    let directory = escape(&stats.directory);
    let Stats {
        files,
        bytes,
        bytes_per_second,
        walks,
        ..
    } = *stats;
    Html(format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="1">
<title>{directory}</title>
<style>body {{ font-family: sans-serif; margin: 2em }} td {{ text-align: right }}</style>
</head>
<body>
<h1>{directory}</h1>
<table>
<tr><th>files</th><td>{files}</td></tr>
<tr><th>bytes</th><td>{bytes}</td></tr>
<tr><th>bytes per second</th><td>{bytes_per_second:+.0}</td></tr>
<tr><th>walks</th><td>{walks}</td></tr>
</table>
<p><a href="/stats.json">as JSON</a></p>
</body>
</html>
"#
    ))
}

/// Makes `text` plain text in HTML: a directory's name may hold any character.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
