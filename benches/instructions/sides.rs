//! Foster's flavours and the raw executors as one trait, so that all do the same work without a choice at each payload.

use std::future::{pending, ready};
use std::io;
use std::sync::mpsc;

use foster::{Runtime, Smol, Tokio, TokioMultiThread};
use futures_lite::future::block_on;

use crate::executors::{self, RUNS, RawSmol, RawTokio};

/// The pool with one worker.
pub(crate) const POOL: TokioMultiThread = TokioMultiThread.worker_threads(1);

/// What runs payloads.
pub(crate) trait Side: Sized + 'static {
    fn start() -> Self;

    fn hand_in(&self, payload: impl Future<Output = ()> + Send + 'static);

    /// Runs one payload, for which this thread waits.
    fn execute_one(&self);

    fn stop(self);

    /// Lives with an idle payload and one that fails, on this thread, until all is over.
    fn fail_after(hold: impl Future<Output = ()> + Send + 'static);
}

macro_rules! flavour {
    ($side:ident, $key:expr) => {
        pub(crate) struct $side(Runtime);

        impl Side for $side {
            fn start() -> Self {
                Self(executors::started())
            }

            fn hand_in(&self, payload: impl Future<Output = ()> + Send + 'static) {
                self.0.adopt($key, || payload).expect(RUNS);
            }

            fn execute_one(&self) {
                self.0.execute($key, || ready(())).expect(RUNS);
            }

            fn stop(self) {
                executors::stop(&self.0);
            }

            fn fail_after(hold: impl Future<Output = ()> + Send + 'static) {
                let runtime = executors::unstarted();
                runtime.adopt($key, pending::<()>).expect(RUNS);
                let fails = || async move {
                    hold.await;
                    Err::<(), _>(io::Error::other("failed"))
                };
                runtime.adopt($key, fails).expect(RUNS);
                runtime.run().expect_err("a payload fails");
            }
        }
    };
}

flavour!(OnSmol, Smol);
flavour!(OnTokio, Tokio);
flavour!(OnPool, POOL);

macro_rules! raw {
    ($side:ident, $raw:ty, $start:expr, $spawn:expr, $execute:expr) => {
        pub(crate) struct $side($raw);

        impl Side for $side {
            fn start() -> Self {
                Self($start)
            }

            fn hand_in(&self, payload: impl Future<Output = ()> + Send + 'static) {
                $spawn(self.0.executor.spawn(payload));
            }

            fn execute_one(&self) {
                $execute(block_on(self.0.executor.spawn(ready(()))));
            }

            fn stop(self) {
                self.0.stop();
            }

            /// The failure is a message, whose receiver ends the executor.
            fn fail_after(hold: impl Future<Output = ()> + Send + 'static) {
                let side = Self::start();
                let (tell, failed) = mpsc::channel();
                side.hand_in(pending());
                side.hand_in(async move {
                    hold.await;
                    tell.send(io::Error::other("failed"))
                        .expect("the owner listens");
                });
                failed.recv().expect("it fails");
                side.stop();
            }
        }
    };
}

raw!(
    RawExecutor,
    RawSmol,
    executors::smol(),
    async_executor::Task::detach,
    |()| ()
);
raw!(
    OnRawTokio,
    RawTokio,
    executors::tokio(),
    drop,
    |outcome: Result<_, _>| outcome.expect(RUNS)
);
raw!(
    OnRawPool,
    RawTokio,
    executors::tokio_pool(1),
    drop,
    |outcome: Result<_, _>| outcome.expect(RUNS)
);
