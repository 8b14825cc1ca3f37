//! The three kinds of supervisors of Erlang's OTP: which of three workers start again when one fails.

use std::error::Error;
use std::future::pending;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use foster::{BoxError, Group, Restart, Runtime, ServeError, Smol, Unit, service};
use smol::channel::Receiver;

const RESTART: Restart = Restart::on_failure().delay(Duration::from_millis(10));

/// A worker that tells when it begins. The second one fails when it is ordered to.
#[derive(Clone)]
struct Worker(&'static str, Sender<&'static str>, Receiver<&'static str>);

#[foster::service(flavour = Smol)]
impl Worker {
    async fn run(&self) -> Result<(), BoxError> {
        let Self(name, begun, order) = self;
        begun.send(name)?;
        match *name {
            "second" => Err(order.recv().await?.into()),
            _ => pending().await,
        }
    }
}

/// Each worker has a policy of its own.
fn one_for_one(tree: &Group, workers: [Worker; 3]) -> Result<(), ServeError> {
    for worker in workers {
        tree.unit().name(worker.0).restart(RESTART).serve(worker)?;
    }
    Ok(())
}

/// The policy is that of their parent, in whose run they are.
fn one_for_all(tree: &Group, workers: [Worker; 3]) -> Result<(), ServeError> {
    let parent = service(Smol, move || {
        let workers = workers.clone();
        async move {
            for worker in workers {
                Group::current().unit().name(worker.0).serve(worker)?;
            }
            Ok::<_, ServeError>(()) // the run goes on with its children
        }
    });
    tree.unit().name("parent").restart(RESTART).serve(parent)?;
    Ok(())
}

/// Each worker ends and starts again with the one before it.
fn rest_for_one(tree: &Group, [first, second, third]: [Worker; 3]) -> Result<(), ServeError> {
    let unit = |worker: &Worker| tree.unit().name(worker.0).restart(RESTART);
    let with = |before: &Unit, worker| unit(&worker).after(before).part_of(before).serve(worker);
    with(&with(&unit(&first).serve(first)?, second)?, third).map(drop)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (runtime, (begun, begins)) = (Runtime::new(), channel());
    let (order, orders) = smol::channel::bounded(1);
    runtime.start()?;
    let show = |kind, make: fn(&Group, [Worker; 3]) -> _, number| {
        let tree = runtime.group(kind).create()?;
        let worker = |name| Worker(name, begun.clone(), orders.clone());
        make(&tree, ["first", "second", "third"].map(worker))?;
        begins.iter().take(3).for_each(drop);
        order.send_blocking("as ordered")?;
        let again: Vec<_> = begins.iter().take(number).collect();
        println!("{kind}: the second fails, and these start again: {again:?}");
        tree.shutdown();
        Ok::<_, Box<dyn Error>>(())
    };
    show("one-for-one", one_for_one, 1)?;
    show("one-for-all", one_for_all, 3)?;
    show("rest-for-one", rest_for_one, 2)?;
    runtime.shutdown();
    Ok(runtime.wait()?)
}
