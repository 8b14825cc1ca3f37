//! The server: a listener, in whose run each connection is a payload of a group with a limit.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use foster::{
    BoxError, Group, PlaceError, PlaceErrorKind, Restart, Runtime, Shutdown, Tokio, service,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::{Notify, broadcast};

use super::common::child::{Played, say_ready};
use super::guests;

/// How long a connection has to hear that the server closes.
pub const DRAIN: Duration = Duration::from_secs(1);

/// How long it takes to say good bye.
const GOOD_BYE: Duration = Duration::from_millis(30);

/// What all connections of one run have in common.
#[derive(Clone)]
struct Room {
    said: broadcast::Sender<Arc<str>>,
    /// A guest wants the listener to fail.
    failure: Arc<Notify>,
}

pub fn serve() -> Played {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    println!("port {}", listener.local_addr().unwrap().port());
    let runtime = Runtime::builder().quiet().build();
    let run = move || {
        let listener = listener.try_clone();
        async move { listen(TcpListener::from_std(listener?)?).await }
    };
    let restart = Restart::on_failure().delay(Duration::from_millis(1));
    let unit = runtime.unit().name("listener").restart(restart);
    unit.serve(service(Tokio, run))?;
    runtime.start()?;
    say_ready();
    let end = runtime.wait();
    println!("over");
    for one in runtime.left_behind() {
        println!("left behind: {one}");
    }
    end
}

async fn listen(listener: TcpListener) -> Result<(), BoxError> {
    let shutdown = Shutdown::current();
    let connections = Group::current()
        .group("connections")
        .limit(guests::most())
        .each_may_fail()
        .stop_time(DRAIN)
        .create()?;
    let room = Room {
        said: broadcast::channel(64).0,
        failure: Arc::default(),
    };
    let accept = async {
        loop {
            let place = connections.place().await?;
            let (stream, _) = listener.accept().await?;
            let room = room.clone();
            place.adopt(Tokio, || connection(stream, room))?;
        }
    };
    select! {
        end = accept => match end {
            // The stop has begun: there are no places from then on. The listener's own turn comes as well.
            Err::<Infallible, _>(error) if is_stopping(&error) => shutdown.requested().await,
            end => return end.map(|_| ()),
        },
        () = room.failure.notified() => return Err("a guest asked for it".into()),
        () = shutdown.requested() => {}
    }
    println!("asked {}", connections.running());
    connections.stopped().await;
    // It takes a while to write down what has happened.
    tokio::time::sleep(Duration::from_millis(20)).await;
    println!("flushed");
    Ok(())
}

fn is_stopping(error: &BoxError) -> bool {
    let place = error.downcast_ref::<PlaceError>();
    place.is_some_and(|error| error.kind() == PlaceErrorKind::Stopping)
}

async fn connection(stream: TcpStream, room: Room) -> Result<(), BoxError> {
    let (shutdown, mut heard) = (Shutdown::current(), room.said.subscribe());
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    loop {
        select! {
            line = lines.next_line() => match line?.as_deref() {
                None => return Ok(()),
                Some("panic") => panic!("a guest asked for it"),
                Some("fail") => room.failure.notify_one(),
                // More than fits into the buffers between here and a guest who does not read.
                Some("history") => loop {
                    writer.write_all(&[b'.'; 1 << 16]).await?;
                },
                Some("ping") => writer.write_all(b"pong\n").await?,
                // Fails if nobody is in the room, and this one is.
                Some(said) => drop(room.said.send(format!("{said}\n").into())),
            },
            said = heard.recv() => match said {
                Ok(said) => writer.write_all(said.as_bytes()).await?,
                // A guest who is slow misses some.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
            () = shutdown.requested() => break,
        }
    }
    // All of them one after the other would take longer than there is time.
    tokio::time::sleep(GOOD_BYE).await;
    writer.write_all(b"bye\n").await?;
    Ok(writer.shutdown().await?)
}
