//! The tokio flavours keep the contract.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::thread;

use foster_testkit::Setup;
use foster_tokio::{Tokio, TokioHandle, TokioMultiThread};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

fn setup() -> Setup {
    Setup::new().sleep(tokio::time::sleep).socket(echo)
}

async fn echo(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"echo").await?;
    stream.read_exact(&mut [0; 4]).await.map(drop)
}

mod one_thread {
    use super::*;

    foster_testkit::conformance!(Tokio, setup());
}

mod many_threads {
    use super::*;

    foster_testkit::conformance!(
        TokioMultiThread::new().worker_threads(2),
        setup().threads(2)
    );
}

mod on_a_handle {
    use super::*;

    /// The runtime of a case, which outlives the case: a case that was given up may still be at work.
    fn two_workers() -> TokioHandle {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build();
        let runtime = Box::leak(Box::new(runtime.expect("a runtime")));
        TokioHandle::new(runtime.handle().clone())
    }

    foster_testkit::conformance!(two_workers(), setup().threads(2).borrowed_threads());
}

mod on_a_handle_of_one_thread {
    use super::*;

    /// The runtime of a case, driven for ever by its own thread.
    fn one_thread() -> TokioHandle {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let handle = runtime.handle().clone();
        thread::spawn(move || runtime.block_on(pending::<()>()));
        TokioHandle::new(handle)
    }

    foster_testkit::conformance!(one_thread(), setup().borrowed_threads());
}
