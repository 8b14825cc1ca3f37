//! A server that systemd starts with its first guest, and that ends when it has been idle for a while: the next guest starts
//! it again, and no guest is turned away in between, as the socket is systemd's. Beside this file are its units. To try it
//! without them: `systemd-socket-activate -l 127.0.0.1:7000 --fdname=echo target/debug/examples/socket_activated`.

use std::error::Error;
use std::io;
use std::net::TcpListener as StdListener;
use std::time::Duration;

use foster::{BoxError, Exit, Group, Ready, Runtime, Shutdown, Tokio, service_once};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

async fn echo(mut guest: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 1024];
    loop {
        match guest.read(&mut bytes).await? {
            0 => return Ok(()),
            length => guest.write_all(&bytes[..length]).await?,
        }
    }
}

async fn listen(listener: StdListener, idle: Duration) -> Result<Exit, BoxError> {
    let (shutdown, listener) = (Shutdown::current(), TcpListener::from_std(listener)?);
    let guests = Group::current().group("guests").each_may_fail().create()?;
    println!("listening on {}", listener.local_addr()?);
    Ready::current().notify();
    loop {
        let accepted = timeout(idle, listener.accept());
        match shutdown.until_requested(accepted).await {
            None => return Ok(Exit::Done),
            Some(Ok(accepted)) => {
                let (guest, _peer) = accepted?;
                guests.adopt(Tokio, || echo(guest))?;
            }
            Some(Err(_)) if guests.running() > 0 => {}
            Some(Err(_)) => return Ok(Exit::Shutdown), // nobody came, and nobody is left
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let idle = std::env::args()
        .nth(1)
        .map_or(Ok(60.0), |text| text.parse())?;
    let idle = Duration::try_from_secs_f64(idle)?;
    let mut sockets = foster_systemd::sockets()?;
    let listener = sockets.tcp_or_bind("echo", "127.0.0.1:0")?; // from a shell it has one of its own

    let runtime = Runtime::new();
    foster_systemd::serve(&runtime)?;
    let unit = runtime.unit().name("listener").notifies_ready();
    unit.serve(service_once(Tokio, move || listen(listener, idle)))?;
    Ok(runtime.run()?)
}
