//! The smol flavour keeps the contract.

use foster_testkit::Setup;

foster_testkit::conformance!(
    foster_smol::Smol,
    Setup::new().sleep(async_io::Timer::after)
);
