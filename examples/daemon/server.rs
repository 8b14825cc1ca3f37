//! The server: a service on tokio, which shows the latest results over HTTP.

use std::future::pending;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context;
use foster::{Shutdown, Tokio};
use tokio::net::TcpListener;
use tokio::time::{sleep, sleep_until};

use crate::page::{self, Sources};
use crate::trouble::Due;

/// The time for connections to end: a client could keep one open without a limit.
const CLOSING: Duration = Duration::from_millis(250);

/// Serves what `sources` have on the loopback interface, and says where.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) sources: Sources,
    pub(crate) trouble: Option<Due>,
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
        crate::say(format_args!("admin page at {}", self.sources.admin));

        let router = page::routes(self.sources.clone());
        let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.requested());
        let overdue = async {
            shutdown.requested().await;
            sleep(CLOSING).await;
        };
        let troubled = async {
            if let Some(due) = self.trouble {
                sleep_until(due.at.into()).await;
                due.happen()?;
            }
            pending().await
        };
        tokio::select! {
            served = serving => served.context("cannot serve")?,
            () = overdue => {}
            failed = troubled => return failed,
        }
        crate::say("server: ended");
        Ok(())
    }
}
