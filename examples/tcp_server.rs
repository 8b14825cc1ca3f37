//! A server that echoes lines, to two guests at a time. Each connection is a payload in a group: its failure is its
//! own affair, and SIGTERM or Ctrl-C drains the group. `cargo run --example tcp_server -- 127.0.0.1:7000` serves until
//! then; without an address it has guests of its own.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::time::Duration;

use foster::{BoxError, Group, Runtime, Shutdown, Thread, Tokio, service_once};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;

async fn listen(listener: StdListener) -> Result<(), BoxError> {
    let (shutdown, listener) = (Shutdown::current(), TcpListener::from_std(listener)?);
    let connections = Group::current()
        .group("connections")
        .limit(2)
        .each_may_fail()
        .stop_time(Duration::from_secs(5))
        .create()?;
    let accept = async {
        loop {
            let place = connections.place().await?; // more guests wait in the system's queue
            let (stream, _) = listener.accept().await?;
            place.adopt(Tokio, || echo(stream))?;
        }
    };
    select! {
        end = accept => end, // no place as the server stops: that is no failure
        () = shutdown.requested() => Ok(()), // and the run is over when its connections are
    }
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    let (shutdown, mut stream) = (Shutdown::current(), BufStream::new(stream));
    loop {
        let mut line = String::new();
        select! {
            read = stream.read_line(&mut line) => if read? == 0 { return Ok(()) },
            () = shutdown.requested() => break,
        }
        stream.write_all(line.as_bytes()).await?;
        stream.flush().await?;
    }
    stream.write_all(b"good bye, the server closes\n").await?;
    stream.shutdown().await
}

/// One guest is rude, one leaves, and one stays until the server closes.
fn guests(address: SocketAddr, runtime: Runtime) -> io::Result<()> {
    let _shutdown = Shutdown::current(); // the stop waits for it
    StdStream::connect(address)?.write_all(b"\xff no UTF-8\n")?; // its connection fails alone
    for says in ["hello\n", "here I stay\n"] {
        let (mut guest, mut reads) = (BufReader::new(StdStream::connect(address)?), String::new());
        guest.get_mut().write_all(says.as_bytes())?;
        guest.read_line(&mut reads)?;
        if says.contains("stay") {
            runtime.shutdown(); // as at SIGTERM
            guest.read_to_string(&mut reads)?;
        }
        print!("a guest reads: {reads}");
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (runtime, address) = (Runtime::new(), std::env::args().nth(1));
    let listener = StdListener::bind(address.as_deref().unwrap_or("127.0.0.1:0"))?;
    listener.set_nonblocking(true)?;
    if address.is_none() {
        let (address, inside) = (listener.local_addr()?, runtime.clone());
        runtime.adopt(Thread, move || guests(address, inside))?;
    }
    let unit = runtime.unit().name("listener");
    unit.serve(service_once(Tokio, || listen(listener)))?;
    Ok(runtime.run()?)
}
