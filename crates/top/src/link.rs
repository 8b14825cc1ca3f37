//! The services that talk with the daemon: one keeps asking how it does, the other hands on what it is told.

use std::time::Duration;

use flume::{Receiver, Sender};
use foster::status::Status;
use tokio::time::sleep;

use crate::client::{Client, Command};
use crate::text::line;

/// What the screen hears of the daemon.
#[derive(Debug)]
pub(crate) enum News {
    /// It has answered.
    Status(Box<Status>),
    /// It has not, and why.
    Unreachable(String),
    /// It was told to do something, and what came of it.
    Told(Command, Result<String, String>),
}

/// Asks once each `interval`, for as long as anybody listens. A daemon that is gone is asked on and on: it may come back.
pub(crate) async fn look(client: Client, interval: Duration, news: Sender<News>) {
    loop {
        let status = match client.status().await {
            Ok(status) => News::Status(Box::new(status)),
            Err(error) => News::Unreachable(line(&format!("{error:#}"))),
        };
        if news.send_async(status).await.is_err() {
            return;
        }
        sleep(interval).await;
    }
}

/// Hands on one command after the other. Apart from [`look`], as a reload may take its time.
pub(crate) async fn tell(client: Client, commands: Receiver<Command>, news: Sender<News>) {
    while let Ok(command) = commands.recv_async().await {
        let told = client.send_command(&command).await;
        let told = told.map_err(|error| line(&format!("{error:#}")));
        if news.send_async(News::Told(command, told)).await.is_err() {
            return;
        }
    }
}
