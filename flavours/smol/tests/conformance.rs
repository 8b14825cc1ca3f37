//! The smol flavour keeps the contract.

use std::io;
use std::net::{SocketAddr, TcpStream};

use async_io::{Async, Timer};
use foster_testkit::Setup;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

async fn echo(address: SocketAddr) -> io::Result<()> {
    let mut stream = Async::<TcpStream>::connect(address).await?;
    stream.write_all(b"echo").await?;
    stream.read_exact(&mut [0; 4]).await
}

foster_testkit::conformance!(
    foster_smol::Smol,
    Setup::new().sleep(Timer::after).socket(echo)
);
