//! The tokio flavours keep the contract.

use foster_testkit::Setup;

fn setup() -> Setup {
    Setup::new().sleep(tokio::time::sleep)
}

mod one_thread {
    use super::*;

    foster_testkit::conformance!(foster_tokio::Tokio, setup());
}

mod many_threads {
    use super::*;

    foster_testkit::conformance!(
        foster_tokio::TokioMultiThread::new().worker_threads(2),
        setup()
    );
}

mod on_a_handle {
    use super::*;

    /// The runtime of a case, which outlives it: what a case had to give up may still be at work.
    fn handle_of(mut builder: tokio::runtime::Builder) -> foster_tokio::TokioHandle {
        let runtime = builder.enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        Box::leak(Box::new(runtime));
        foster_tokio::TokioHandle::new(handle)
    }

    fn two_workers() -> foster_tokio::TokioHandle {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2);
        handle_of(builder)
    }

    foster_testkit::conformance!(two_workers(), setup().borrowed_threads());
}
