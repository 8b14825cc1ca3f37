//! A daemon that echoes, with a socket of systemd's or its own:
//!
//! ```sh
//! cargo run -p foster-systemd --example echo
//! systemd-socket-activate -l 127.0.0.1:8080 --fdname=http target/debug/examples/echo
//! ```

use std::error::Error;
use std::io;

use foster::{Group, Runtime, Shutdown, Signals, Tokio, service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn echo(mut guest: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 1_024];
    loop {
        match guest.read(&mut bytes).await? {
            0 => return Ok(()),
            length => guest.write_all(&bytes[..length]).await?,
        }
    }
}

async fn listen(listener: std::net::TcpListener) -> Result<(), foster::BoxError> {
    let shutdown = Shutdown::current();
    let listener = TcpListener::from_std(listener)?;
    println!("listening on {}", listener.local_addr()?);
    let guests = Group::current().group("guests").each_may_fail().create()?;
    while let Some(accepted) = shutdown.until_requested(listener.accept()).await {
        let (guest, _peer) = accepted?;
        guests.adopt(Tokio, || echo(guest))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut sockets = foster_systemd::sockets()?;
    let http = sockets.tcp_or_bind("http", "127.0.0.1:0")?;
    let runtime = Runtime::builder()
        .signals(Signals::reload_on_hangup())
        .build();
    foster_systemd::serve(&runtime)?;
    let listener = service(Tokio, move || {
        let listener = http.try_clone();
        async { listen(listener?).await }
    });
    runtime.unit().name("listener").serve(listener)?;
    Ok(runtime.run()?)
}
