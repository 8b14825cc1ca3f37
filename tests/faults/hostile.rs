//! Errors and panics that do harm where they are looked at. Rows L3, A5 to A7.

use std::error::Error;
use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use foster::{
    AdoptErrorKind, BoxError, Coroutine, FailureKind, Flavour, Identifier, Key, Reporter,
};

use crate::child::{self, Scenario};
use crate::common::*;
use crate::{on_every_flavour, once};

on_every_flavour!(
    a5_a_panic_inside_a_panics_message_ends_the_process_at_once,
    a6_failures_without_number_are_counted_and_not_kept,
    a7_a_chain_a_thousand_deep_is_cut,
    a7_an_error_that_panics_when_it_is_looked_at_is_an_error_still,
);
once!(l3_a_start_whose_error_cannot_be_shown_is_told);

/// A panic's value that panics when it is dropped.
fn bomb() -> OnDrop<impl FnMut()> {
    OnDrop(|| panic!("the value's destructor"))
}

/// Panics wherever it is looked at, each time with a value that panics again.
#[derive(Debug)]
struct Hostile;

impl fmt::Display for Hostile {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic_any(bomb());
    }
}

impl Error for Hostile {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic_any(bomb());
    }
}

fn a7_an_error_that_panics_when_it_is_looked_at_is_an_error_still<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    flavour.adopt(&runtime, || Err::<(), _>(Hostile)).unwrap();
    let error = runtime.run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(failure.kind(), FailureKind::Error);
    assert!(failure.error().is_some_and(|error| error.is::<Hostile>()));
    assert!(error.to_string().contains("cannot be shown"), "{error}");
}

/// A flavour whose start ends in such an error.
#[derive(Clone, Debug, PartialEq)]
struct Unstartable;

impl Key for Unstartable {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("un::startable")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Err(Hostile.into())
    }
}

/// The report is written on the thread that starts the runtime, where nothing else would catch it.
fn l3_a_start_whose_error_cannot_be_shown_is_told() {
    let runtime = runtime();
    runtime.adopt(Unstartable, || async {}).unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert!(error.to_string().contains("cannot be shown"), "{error}");

    let runtime = started();
    let error = runtime.adopt(Unstartable, || async {}).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Start);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// A link of a chain.
#[derive(Debug)]
struct Deep(usize, Option<Box<Deep>>);

impl fmt::Display for Deep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

impl Error for Deep {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_ref().map(|source| source as _)
    }
}

fn a7_a_chain_a_thousand_deep_is_cut<F: AnyFlavour>(flavour: F) {
    let deepest = Deep(0, None);
    let deep = (1..1_000).fold(deepest, |deep, at| Deep(at, Some(Box::new(deep))));
    let runtime = runtime();
    flavour.adopt(&runtime, move || Err::<(), _>(deep)).unwrap();
    let error = runtime.run().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(failure.message(), "link 999");
    assert_eq!(failure.chain().len(), 32);
    let report = error.to_string();
    assert!(report.contains("caused by: link 967"), "{report}");
    assert!(!report.contains("link 966"), "{report}");
    assert!(report.contains("more causes"), "{report}");
    // As data it is whole.
    let links = std::iter::successors(failure.source(), |link| (*link).source());
    assert_eq!(links.count(), 1_000);
}

/// How many errors there are, and how many there were at most.
#[derive(Default)]
struct Count {
    alive: AtomicUsize,
    most: AtomicUsize,
}

/// An error that is counted.
struct Counted(Arc<Count>);

impl Counted {
    fn new(count: &Arc<Count>) -> Self {
        let alive = count.alive.fetch_add(1, SeqCst) + 1;
        count.most.fetch_max(alive, SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, SeqCst);
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of very many")
    }
}

impl Error for Counted {}

fn a6_failures_without_number_are_counted_and_not_kept<F: AnyFlavour>(flavour: F) {
    let times = std::env::var("FOSTER_FAILURES").map_or(20_000, |number| number.parse().unwrap());
    let (times, at_once) = match F::NAME {
        // A million threads at once would be a test of the operating system.
        "std::thread" => (1_000, 1_000),
        // As many as threads: the caller's makes none.
        _ => (times, 2),
    };
    let runtime = builder().grace(Duration::from_secs(3_600)).build();
    let count = Arc::new(Count::default());
    for _ in 0..times {
        let count = Arc::clone(&count);
        let payload = move || Err::<(), _>(Counted::new(&count));
        flavour.adopt(&runtime, payload).unwrap();
    }
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures().len(), 64);
    assert_eq!(error.omitted(), times - 64);
    assert_eq!(count.alive.load(SeqCst), 64, "as many errors as failures");
    let most = count.most.load(SeqCst);
    assert!(most <= 64 + at_once, "{most} errors at once");
    assert!(error.to_string().len() < 20_000);
}

struct Evil;

impl fmt::Display for Evil {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("inside of the message");
    }
}

pub struct PanicInPanic;

impl Scenario for PanicInPanic {
    fn play<F: AnyFlavour>(self, flavour: F) {
        let runtime = runtime();
        let payload = || -> () { panic!("{Evil}") };
        flavour.adopt(&runtime, payload).unwrap();
        println!("{:?}", runtime.run());
    }
}

/// That is what the standard library does; the process neither hangs nor goes on as if nothing was.
fn a5_a_panic_inside_a_panics_message_ends_the_process_at_once<F: AnyFlavour>(_: F) {
    let played = child::play_on(F::NAME, "panic in panic");
    let text = &played.text;
    assert!(played.is_aborted(), "{}: {text}", played.status);
    assert!(text.contains("panicked while processing panic"), "{text}");
    assert!(!text.contains(child::ENDED), "{text}");
}
