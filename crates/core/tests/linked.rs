//! A linked service, as the attribute writes it: the linker collects it, also under Miri.
#![forbid(unsafe_code)]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use foster_core::__private::inventory;
use foster_core::{LinkedService, Manual, Runtime, Settings, Signals, service};

static MANUAL: LazyLock<Manual> = LazyLock::new(Manual::new);
static RAN: AtomicUsize = AtomicUsize::new(0);

inventory::submit! {
    LinkedService::new(
        |runtime| {
            let run = || async {
                RAN.fetch_add(1, SeqCst);
            };
            let service = service(MANUAL.clone(), run).with(Settings::new().name("linked"));
            runtime.serve(service).map(|_| ())
        },
        "linked",
    )
}

#[test]
fn v14_a_linked_service_is_collected_and_runs() {
    let builder = Runtime::builder().signals(Signals::Leave).until_idle();
    let runtime = builder.expect_linked(["linked"]).build();
    runtime.start().unwrap();
    while !runtime.units()[0].state().is_over() {
        MANUAL.step();
    }
    runtime.wait().unwrap();
    assert_eq!(RAN.load(SeqCst), 1);
}
