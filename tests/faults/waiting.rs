//! Payloads that wait at an await, on every flavour that has those.

use std::future::pending;

use foster::{Runtime, Smol, Tokio, TokioMultiThread};

use crate::common::*;

/// A flavour whose payloads can be cancelled where they await.
pub trait Awaiting: AnyFlavour {
    /// Adopts a payload that waits for ever, and calls `at_end` when it is dropped there. What is
    /// returned happens when it waits.
    fn adopt_waiting(
        self,
        runtime: &Runtime,
        name: &'static str,
        at_end: impl FnMut() + Send + 'static,
    ) -> Event;
}

macro_rules! awaiting {
    ($($key:ty),*) => {$(
        impl Awaiting for $key {
            fn adopt_waiting(
                self,
                runtime: &Runtime,
                name: &'static str,
                at_end: impl FnMut() + Send + 'static,
            ) -> Event {
                let waits = Event::new();
                let its = waits.clone();
                let payload = move || async move {
                    let _at_end = OnDrop(at_end);
                    its.happen();
                    pending::<()>().await;
                };
                runtime.named(name).adopt(self, payload).unwrap();
                waits
            }
        }
    )*};
}

awaiting!(Smol, Tokio, TokioMultiThread);

/// Makes a `#[test]` of each function named, for each flavour whose payloads await.
#[macro_export]
macro_rules! on_awaiting_flavours {
    ($($test:ident),* $(,)?) => {
        mod awaiting_on_smol { $(#[test] fn $test() {
            $crate::common::within_a_minute(|| super::$test(foster::Smol))
        })* }
        mod awaiting_on_tokio { $(#[test] fn $test() {
            $crate::common::within_a_minute(|| super::$test(foster::Tokio))
        })* }
        mod awaiting_on_multi_thread { $(#[test] fn $test() {
            let key = foster::TokioMultiThread::new().worker_threads(2);
            $crate::common::within_a_minute(move || super::$test(key))
        })* }
    };
}
