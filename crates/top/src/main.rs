//! `foster-top`: watch a Foster daemon in a terminal.
//!
//! `link` asks the daemon's admin how it does, `look` makes rows of text of the answer, `app` keeps what the person has
//! chosen to see of them, `draw` draws that, and `screen` has the terminal. The program is a daemon of two services.
#![forbid(unsafe_code)]

mod address;
mod app;
mod arguments;
mod client;
mod demo;
mod draw;
#[cfg(test)]
mod fixture;
mod link;
mod look;
mod once;
mod screen;
mod text;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use foster::{Runtime, Thread, Tokio, service_once};

use crate::app::App;
use crate::arguments::Arguments;
use crate::client::Client;
use crate::demo::Demo;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "foster-top: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(address) = &arguments.address else {
        let demo = Demo::start()?;
        let client = Client::new(demo.address().clone(), Some(demo::TOKEN))?;
        return look(client, arguments);
    };
    let token = arguments.token()?;
    look(Client::new(address.clone(), token.as_deref())?, arguments)
}

fn look(client: Client, arguments: &Arguments) -> anyhow::Result<()> {
    match arguments.once {
        true => print_once(client),
        false => watch(client, arguments),
    }
}

fn print_once(client: Client) -> anyhow::Result<()> {
    let (runtime, address) = (
        Runtime::builder().quiet().build(),
        client.address().to_string(),
    );
    runtime.start()?;
    let status = runtime.execute(Tokio, move || async move { client.status().await });
    runtime.shutdown();
    runtime.wait()?;
    let status = status?.with_context(|| format!("cannot look at {}", text::line(&address)))?;
    // A reader that has seen enough is no failure.
    let _ = io::stdout().write_all(once::page(&text::line(&address), &status).as_bytes());
    Ok(())
}

fn watch(client: Client, arguments: &Arguments) -> anyhow::Result<()> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!("this needs a terminal; `--once` prints what there is");
    }
    let app = App::new(
        client.address().to_string(),
        client.has_token(),
        arguments.interval,
    );
    let (news, heard) = flume::bounded(4);
    let (told, looks) = (news.clone(), client.clone());
    let (commands, to_send) = flume::bounded(16);
    let interval = arguments.interval;

    // Neither a request that hangs nor a terminal that does keeps the program.
    let second = Duration::from_secs(1);
    let runtime = Runtime::builder()
        .quiet()
        .grace(second)
        .cancel_timeout(second)
        .build();
    let link = service_once(Tokio, move || link::look(looks, interval, news));
    runtime.unit().name("link").serve(link)?;
    let orders = service_once(Tokio, move || link::tell(client, to_send, told));
    runtime.unit().name("orders").serve(orders)?;
    let screen = service_once(Thread, move || screen::screen(app, &heard, &commands));
    runtime.unit().name("screen").serve(screen)?;
    Ok(runtime.run()?)
}
