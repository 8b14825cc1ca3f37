//! What tokio-console sees of payloads: a span for each, on every flavour. Row I4.
#![cfg(all(feature = "console", feature = "full"))]

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foster::{Runtime, Signals, Smol, Thread, Tokio, TokioMultiThread, service};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// One span, as the console counts it.
#[derive(Debug, Clone, Default)]
struct Seen {
    fields: HashMap<String, String>,
    turns: usize,
    inside: usize,
    wakes: usize,
    wakers: usize,
    is_over: bool,
}

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<Seen>>>);

impl Listener {
    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(&self, id: &Id, change: impl FnOnce(&mut Seen)) {
        let index = usize::try_from(id.into_u64()).unwrap() - 1;
        change(&mut self.lock()[index]);
    }
}

struct Fields<'a>(&'a mut HashMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tokio::task")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        assert_eq!(attributes.metadata().name(), "runtime.spawn");
        let mut seen = Seen::default();
        attributes.record(&mut Fields(&mut seen.fields));
        let mut all = self.lock();
        all.push(seen);
        Id::from_u64(all.len() as u64)
    }

    fn event(&self, event: &Event<'_>) {
        assert_eq!(event.metadata().target(), "tokio::task::waker");
        let mut fields = HashMap::new();
        event.record(&mut Fields(&mut fields));
        let id = Id::from_u64(fields["task.id"].parse().unwrap());
        self.with(&id, |seen| match fields["op"].as_str() {
            "waker.wake_by_ref" => seen.wakes += 1,
            // The console warns of tasks that nobody has a waker of.
            "waker.clone" => seen.wakers += 1,
            other => panic!("{other}"),
        });
    }

    fn enter(&self, id: &Id) {
        self.with(id, |seen| {
            seen.turns += 1;
            seen.inside += 1;
        });
    }

    fn exit(&self, id: &Id) {
        self.with(id, |seen| seen.inside -= 1);
    }

    fn try_close(&self, id: Id) -> bool {
        // The count of its handles is one for each clone and is not kept here: it is over when nobody is inside.
        self.with(&id, |seen| seen.is_over = true);
        true
    }

    fn clone_span(&self, id: &Id) -> Id {
        id.clone()
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

#[test]
fn i4_the_console_sees_the_payloads_of_all_flavours() {
    let listener = Listener::default();
    tracing::subscriber::set_global_default(listener.clone()).unwrap();
    let runtime = Runtime::builder()
        .signals(Signals::Leave)
        .until_idle()
        .build();
    let turns = || async {
        for _ in 0..2 {
            futures_yield().await;
        }
    };
    runtime.named("a").adopt(Smol, turns).unwrap();
    runtime.named("b").adopt(Tokio, turns).unwrap();
    runtime.named("c").adopt(TokioMultiThread, turns).unwrap();
    runtime.named("d").adopt(Thread, || ()).unwrap();
    runtime
        .unit()
        .name("e")
        .serve(service(Smol, turns))
        .unwrap();
    runtime.adopt(Smol, turns).unwrap();
    runtime.run().unwrap();

    let seen = listener.lock().clone();
    let find = |name: &str| {
        let found = seen.iter().find(|one| one.fields["task.name"] == name);
        found.unwrap_or_else(|| panic!("`{name}` in {seen:#?}"))
    };
    for (name, flavour, wakes) in [
        ("a", "smol", 2),
        ("b", "tokio", 2),
        // Its wakers are tokio's: a turn is all that is seen of them.
        ("c", "tokio::multi_thread", 2),
        ("d", "std::thread", 0),
        ("e", "smol", 2),
    ] {
        let one = find(name);
        assert_eq!(one.fields["kind"], flavour);
        assert!(one.fields["loc.file"].ends_with("console.rs"), "{one:?}");
        assert!(one.turns >= 1 && one.inside == 0 && one.is_over, "{one:?}");
        assert_eq!((one.wakes, one.wakers), (wakes, 1), "{one:?}");
    }
    assert!(find("a").turns >= 3, "{:?}", find("a"));
    assert_eq!(seen.len(), 6, "{seen:#?}");
}

/// Lets others have their turn.
async fn futures_yield() {
    let mut is_over = false;
    std::future::poll_fn(|context| match std::mem::replace(&mut is_over, true) {
        true => std::task::Poll::Ready(()),
        false => {
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        }
    })
    .await;
}
