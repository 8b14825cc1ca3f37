//! What the server answers: a page of three files, and the JSON that its script asks for each second.

use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::routing::get;
use axum::{Json, Router};
use foster::Runtime;
use foster::status::Status;
use serde::Serialize;
use tokio::sync::watch;

use crate::admin::Entrance;
use crate::keeper::Stats;

/// What the page may do: use its own two files and ask its own server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where the answers come from.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) stats: watch::Receiver<Stats>,
    pub(crate) runtime: Runtime,
    pub(crate) admin: Entrance,
}

pub(crate) fn routes(sources: Sources) -> Router {
    let html = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    let css = [(CONTENT_TYPE, "text/css; charset=utf-8")];
    let js = [(CONTENT_TYPE, "text/javascript; charset=utf-8")];
    Router::new()
        .route("/", get((html, include_str!("page/page.html"))))
        .route("/page.css", get((css, include_str!("page/page.css"))))
        .route("/page.js", get((js, include_str!("page/page.js"))))
        .route("/stats.json", get(json))
        .with_state(sources)
}

/// The statistics, and how the daemon itself does.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    stats: Stats,
    /// The time of this answer, in seconds since the daemon's start.
    now: f64,
    admin: Entrance,
    daemon: Status,
}

async fn json(State(sources): State<Sources>) -> Json<Answer> {
    let stats = sources.stats.borrow().clone();
    Json(Answer {
        now: stats.now(),
        stats,
        admin: sources.admin,
        daemon: sources.runtime.status(),
    })
}
