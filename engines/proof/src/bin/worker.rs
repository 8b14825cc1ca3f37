//! One of several processes over which shards are spread: `worker NAME ETCD BOARD SHARDS SECONDS`.
//!
//! It tells the board which shards it has: lines `begin SHARD FENCE NAME` and `end SHARD FENCE NAME`.

use std::error::Error;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foster::{Runtime, Shutdown, Smol, service};
use foster_etcd::Etcd;
use foster_lease::{Fence, Shards};

/// Where it tells what it has.
type Board = Arc<Mutex<TcpStream>>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [name, etcd, board, shards, seconds] = arguments.as_slice() else {
        return Err("usage: worker NAME ETCD BOARD SHARDS SECONDS".into());
    };
    let length = Duration::from_secs(seconds.parse()?);
    let leases = Etcd::connect([etcd.as_str()])?.leases(name.as_str(), length);
    let board: Board = Arc::new(Mutex::new(TcpStream::connect(board)?));
    let (runtime, name) = (Runtime::new(), name.clone());
    let work = move |shard| {
        let (board, name) = (Arc::clone(&board), name.clone());
        service(Smol, move || have(shard, name.clone(), Arc::clone(&board)))
    };
    let spread = runtime.unit().shards(shards.parse()?, Arc::new(leases));
    spread.stop_time(Duration::from_secs(1)).serve(work)?;
    Ok(runtime.run()?)
}

/// Has a shard until the end is asked for.
async fn have(shard: usize, name: String, board: Board) -> Result<(), std::io::Error> {
    let (shutdown, fence) = (Shutdown::current(), Fence::current());
    let tell = |what: &str| {
        let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(board, "{what} {shard} {fence} {name}")
    };
    tell("begin")?;
    shutdown.requested().await;
    tell("end")
}
