//! A small daemon to look at, with something of everything: services on three flavours, a group with a limit, a service
//! that fails and starts again, one that waits, and a payload that stalls its executor now and then.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use foster::{
    BoxError, Clock, Group, Ready, Reload, Restart, Runtime, Settings, Shutdown, Signals, Smol,
    Thread, Tokio, service,
};
use foster_admin::Admin;
use tempfile::TempDir;

use crate::address::Address;

/// How many connections the demo's listener serves at a time.
const CONNECTIONS: usize = 6;

/// Only whoever may open the socket can send it, and it dies with the demo.
pub(crate) const TOKEN: &str = "demo";

/// The daemon, for as long as this lives.
pub(crate) struct Demo {
    runtime: Runtime,
    address: Address,
    /// That of the socket.
    _folder: TempDir,
}

impl Demo {
    /// # Errors
    ///
    /// No temporary directory, no socket in it, or no thread.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no temporary directory for the demo's socket")?;
        // Signals are heard by the runtime that has the terminal, and standard error would disturb it.
        let runtime = Runtime::builder().quiet().signals(Signals::Leave);
        // Whoever quits does not wait for the payload that stalls.
        let (grace, cancel) = (Duration::from_secs(1), Duration::from_millis(500));
        let runtime = runtime.grace(grace).cancel_timeout(cancel).build();
        let address = admin(&runtime, folder.path())?;
        serve_all(&runtime)?;
        runtime.start()?;
        Ok(Self {
            runtime,
            address,
            _folder: folder,
        })
    }

    /// Where its admin answers.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }
}

#[cfg(unix)]
fn admin(runtime: &Runtime, folder: &Path) -> anyhow::Result<Address> {
    let path = folder.join("demo.sock");
    Admin::unix(&path).control(TOKEN).serve(runtime)?;
    Ok(Address::Socket(path))
}

#[cfg(not(unix))]
fn admin(runtime: &Runtime, _folder: &Path) -> anyhow::Result<Address> {
    let admin = Admin::loopback(0).control(TOKEN).bind()?;
    let address = admin.address().context("it has a port")?;
    admin.serve(runtime)?;
    Ok(Address::Tcp(address.to_string()))
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.runtime.shutdown();
        // Its services may be in the middle of showing something that fails.
        let _ = self.runtime.wait();
    }
}

fn serve_all(runtime: &Runtime) -> anyhow::Result<()> {
    let of = |name| Settings::new().name(name).startable();
    let again = Restart::on_failure()
        .delay(Duration::from_secs(8))
        .max_delay(Duration::from_secs(8));
    let again = again.limit(15, Duration::from_secs(120));

    runtime.serve(service(Thread, database).with(of("database").notifies_ready()))?;
    let guests = runtime.clone();
    let listen = move || listen(guests.clone());
    runtime.serve(service(Tokio, listen).with(of("listener").after("database")))?;
    runtime.serve(service(Smol, feed).with(of("feed").restart(again).after("database")))?;
    runtime.serve(service(Tokio, reloads).with(of("settings")))?;
    runtime.serve(service(Tokio, import).with(of("import").notifies_ready()))?;
    runtime.serve(service(Thread, wait_for_end).with(of("reports").after("import")))?;
    runtime.serve(service(Thread, backup).with(of("backup")))?;

    runtime.named("digest").adopt(Smol, stall_now_and_then)?;
    for _ in 0..40 {
        runtime
            .named("session")
            .adopt(Tokio, std::future::pending::<()>)?;
    }
    Ok(())
}

/// Opens in a moment.
fn database() {
    let (shutdown, ready) = (Shutdown::current(), Ready::current());
    if !shutdown.wait_timeout(Duration::from_millis(300)) {
        ready.notify();
    }
    wait_for_end();
}

fn wait_for_end() {
    let shutdown = Shutdown::current();
    while !shutdown.wait_timeout(Duration::from_secs(3600)) {}
}

/// Serves few guests at a time, so that others wait for a place.
async fn listen(runtime: Runtime) -> Result<(), BoxError> {
    let (shutdown, clock) = (Shutdown::current(), Clock::current());
    let group = Group::current()
        .group("connections")
        .limit(CONNECTIONS)
        .each_may_fail();
    let connections = group.create()?;
    for guest in 0_u64.. {
        let pause = clock.sleep(Duration::from_millis(300 + guest * 7 % 11 * 60));
        if shutdown.until_requested(pause).await.is_none() {
            break;
        }
        if connections.waiting() < 4 {
            let place = connections.place();
            runtime
                .named("waiting guest")
                .adopt(Tokio, move || async move {
                    match place.await {
                        Ok(place) => place.named("guest").adopt(Tokio, move || stay(guest)),
                        // The listener ends.
                        Err(_) => Ok(()),
                    }
                })?;
        }
    }
    Ok(())
}

async fn stay(guest: u64) -> Result<(), BoxError> {
    Clock::current()
        .sleep(Duration::from_millis(2000 + guest * 13 % 17 * 300))
        .await;
    match guest % 10 {
        9 => Err("connection reset by peer".into()),
        _ => Ok(()),
    }
}

/// Loses its connection again and again.
async fn feed() -> anyhow::Result<()> {
    Clock::current().sleep(Duration::from_secs(4)).await;
    Err(anyhow!("connection refused (os error 111)")
        .context("cannot reach quotes.example.org:7000")
        .context("the feed has ended"))
}

/// Answers reloads.
async fn reloads() {
    let (_shutdown, reload) = (Shutdown::current(), Reload::current());
    while let Some(request) = reload.requested().await {
        request.done();
    }
}

/// Takes so long that what comes after it waits.
async fn import() {
    let (shutdown, clock, ready) = (Shutdown::current(), Clock::current(), Ready::current());
    let work = clock.sleep(Duration::from_secs(120));
    if shutdown.until_requested(work).await.is_some() {
        ready.notify();
    }
    shutdown.requested().await;
}

/// Is over soon, and can be started again.
fn backup() {
    Shutdown::current().wait_timeout(Duration::from_secs(6));
}

/// Blocks its thread, as no coroutine should: nothing else runs on the flavour meanwhile.
async fn stall_now_and_then() {
    let clock = Clock::current();
    loop {
        clock.sleep(Duration::from_secs(15)).await;
        thread::sleep(Duration::from_secs(6));
    }
}
