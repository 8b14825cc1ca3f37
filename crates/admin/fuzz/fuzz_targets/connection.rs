//! Connections whose bytes, pieces and times are chosen by bytes, held against their bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| foster_admin::__fuzz::connection(bytes));
