//! Lives of services that the bytes choose, held against the plain model of the random test.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| foster_core::__fuzz::supervision(bytes));
