//! What a flavour hands back without a word, and why its adopter is told that it was refused; names that are
//! none. Rows L3 and L7.

mod common;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use common::*;
use foster::{
    AdoptErrorKind, BoxError, Coroutine, ExecuteErrorKind, Flavour, Identifier, Key, Rejected,
    Reporter, Runtime,
};
use futures_lite::future::block_on;

on_every_flavour!(l3_an_empty_name_is_refused);
once!(
    l3_what_a_flavour_hands_back_is_rejected,
    l7_what_a_flavour_hands_back_at_the_stop_is_refused_for_that,
);

/// A flavour that hands everything back, after it has called a closure.
#[derive(Clone)]
struct HandsBack(Arc<dyn Fn() + Send + Sync>);

impl HandsBack {
    fn after(first: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(first))
    }
}

impl PartialEq for HandsBack {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for HandsBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandsBack")
    }
}

impl Key for HandsBack {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("hands_back")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Flavour for HandsBack {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        (self.0)();
        Err(Rejected::new(payload))
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.spawn(payload)
    }

    fn cancel(&self) {}

    fn join(&self, _: Instant) -> bool {
        true
    }
}

fn l3_an_empty_name_is_refused<F: AnyFlavour>(flavour: F) {
    let ran = Event::new();
    let dropped = Log::new();
    let payload = || {
        let (ran, log) = (ran.clone(), dropped.clone());
        let on_drop = OnDrop(move || log.write(()));
        move || {
            let _dropped = on_drop;
            ran.happen();
        }
    };
    let text = "it was given the name `\"\"`: a name has at least one character, or is left away";
    let runtime = runtime();
    let line = line!() + 1;
    let error = flavour.adopt_named(&runtime, "", payload()).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Name);
    assert_eq!(error.payload(), format!("{}:{line}", file!()));
    assert!(error.to_string().ends_with(text), "{error}");
    assert_eq!(dropped.read().len(), 1);

    runtime.start().unwrap();
    let error = flavour.execute_named(&runtime, "", payload()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Name);
    assert!(error.to_string().ends_with(text), "{error}");
    let error = block_on(flavour.call_named(&runtime, "", payload())).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Name);
    assert!(error.to_string().ends_with(text), "{error}");
    let error = flavour.adopt_named(&runtime, "", payload()).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Name);
    assert_eq!(dropped.read().len(), 4);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(!ran.has_happened());
}

fn hand_in(runtime: &Runtime, key: &HandsBack) -> (AdoptErrorKind, ExecuteErrorKind) {
    let adopted = runtime.adopt(key.clone(), || async {}).unwrap_err();
    let executed = runtime.execute(key.clone(), || async {}).unwrap_err();
    (adopted.kind(), executed.kind())
}

fn l3_what_a_flavour_hands_back_is_rejected() {
    let runtime = started();
    let kinds = hand_in(&runtime, &HandsBack::after(|| ()));
    assert_eq!(
        kinds,
        (AdoptErrorKind::Rejected, ExecuteErrorKind::Rejected)
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l7_what_a_flavour_hands_back_at_the_stop_is_refused_for_that() {
    let runtime = started();
    let stop = runtime.clone();
    let kinds = hand_in(&runtime, &HandsBack::after(move || stop.shutdown()));
    assert_eq!(
        kinds,
        (AdoptErrorKind::Stopping, ExecuteErrorKind::Stopping)
    );
    runtime.wait().unwrap();
}
