//! The thread flavour keeps the contract.

foster_testkit::conformance!(foster_thread::Thread);
