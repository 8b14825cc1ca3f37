//! Services: how they are handed in, run, looked at and stopped. Rows V1 to V4.

#[path = "../common/mod.rs"]
mod common;
mod ends;
mod handed_in;
mod units;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use common::*;
use foster::{
    Exit, FailureKind, Key, Kind, Ready, Run, Runs, Runtime, ServeErrorKind, Service, Settings,
    Shutdown, Smol, Thread, Tokio, TokioMultiThread, Unit, UnitState, service,
};

/// A flavour of any kind, on which plain closures are run as services.
trait AnyKind: Copy + Send + 'static {
    const NAME: &'static str;

    fn serve<A: foster::Answer + Send + 'static>(
        self,
        runtime: &Runtime,
        settings: Settings,
        code: impl Fn() -> A + Send + Sync + 'static,
    ) -> Result<Unit, foster::ServeError>;
}

macro_rules! any_kind {
    ($key:ty, $name:literal, |$code:ident| $run:expr) => {
        impl AnyKind for $key {
            const NAME: &'static str = $name;

            #[track_caller]
            fn serve<A: foster::Answer + Send + 'static>(
                self,
                runtime: &Runtime,
                settings: Settings,
                code: impl Fn() -> A + Send + Sync + 'static,
            ) -> Result<Unit, foster::ServeError> {
                let $code = Arc::new(code);
                runtime.serve(service(self, $run).with(settings))
            }
        }
    };
}

any_kind!(Smol, "smol", |code| move || {
    let code = Arc::clone(&code);
    async move { code() }
});

any_kind!(Tokio, "tokio", |code| move || {
    let code = Arc::clone(&code);
    async move { code() }
});

any_kind!(TokioMultiThread, "tokio::multi_thread", |code| move || {
    let code = Arc::clone(&code);
    async move { code() }
});

any_kind!(Thread, "std::thread", |code| move || code());
