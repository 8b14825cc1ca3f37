//! A payload on smol uses code that needs tokio: `call` runs that part on tokio.

use std::io;

use foster::{BoxError, RunError, Runtime, Smol, Tokio};
use smol::future::try_zip;
use smol::io::AsyncWriteExt;
use smol::net::TcpListener;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

fn main() -> Result<(), RunError> {
    let runtime = Runtime::builder().until_idle().build();
    let handle = runtime.clone();
    runtime.adopt(Smol, move || async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;

        // Here a connect of tokio's stream would panic: this thread has no tokio reactor.
        let client = handle.call(Tokio, move || async move {
            let mut text = String::new();
            let mut stream = TcpStream::connect(address).await?;
            stream.read_to_string(&mut text).await?;
            Ok::<_, io::Error>(text)
        });
        let server = async {
            let (mut stream, _) = listener.accept().await?;
            stream.write_all(b"hello from smol's socket").await?;
            Ok(stream.close().await?)
        };

        // A call blocks nobody, so the server still gets its turns on this thread. The
        // outer error of a call is the runtime's, the inner one is the client's.
        let client = async { Ok::<_, BoxError>(client.await??) };
        let (text, ()) = try_zip(client, server).await?;
        println!("tokio's socket got: {text}");
        Ok::<_, BoxError>(())
    })?;
    runtime.run()
}
