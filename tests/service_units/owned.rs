//! Services that own what they work with. Row V19.

use super::*;

once!(
    v19_a_service_may_own_what_it_works_with,
    v19_the_attribute_takes_such_a_run_as_well,
    v19_what_would_need_a_second_value_is_refused,
);

/// It owns its text.
struct Import {
    text: String,
    seen: Log<String>,
}

impl OwnedService for Import {
    type Flavour = Tokio;

    fn flavour(&self) -> Tokio {
        Tokio
    }

    fn run(self) -> impl Run<Coroutine> {
        async move { self.seen.write(self.text) }
    }
}

fn v19_a_service_may_own_what_it_works_with() {
    let (runtime, seen) = (runtime(), Log::new());
    let import = |text: &str| Import {
        text: text.to_owned(),
        seen: seen.clone(),
    };
    let unit = runtime.serve(import("by hand")).unwrap();
    runtime.start().unwrap();
    assert!(unit.wait_stopped(SOON));
    let (text, log) = ("by closure".to_owned(), seen.clone());
    let closure = service_once(TokioMultiThread, move || async move { log.write(text) });
    assert!(runtime.serve(closure).unwrap().wait_stopped(SOON));
    let (text, log) = ("on a thread".to_owned(), seen.clone());
    let closure = service_once(Thread, move || log.write(text));
    assert!(runtime.serve(closure).unwrap().wait_stopped(SOON));
    assert_eq!(seen.read(), ["by hand", "by closure", "on a thread"]);
    // A restart by hand would need a second value: it has ended then.
    let closure = service_once(Smol, until_asked);
    let unit = runtime.serve(closure).unwrap();
    assert!(unit.wait_ready(SOON));
    unit.restart();
    assert!(unit.wait_stopped(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// By the attribute.
struct Copies {
    text: String,
    seen: Log<String>,
}

#[foster::service(flavour = Thread, name = "copies", may_fail, after = ["nobody's"])]
impl Copies {
    fn run(self) -> Result<(), &'static str> {
        self.seen.write(self.text);
        Err("once")
    }
}

fn v19_the_attribute_takes_such_a_run_as_well() {
    let (runtime, seen) = (runtime(), Log::new());
    let (text, log) = ("by attribute".to_owned(), seen.clone());
    let optional = runtime.unit().name("nobody's").may_fail();
    optional
        .serve(service_once(Smol, || async { Err::<(), _>("none") }))
        .unwrap();
    let unit = runtime.serve(Copies { text, seen: log }).unwrap();
    runtime.start().unwrap();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Failed);
    assert_eq!(seen.read(), ["by attribute"]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v19_what_would_need_a_second_value_is_refused() {
    let runtime = runtime();
    let once = || service_once(Smol, until_asked);
    let error = runtime
        .unit()
        .restart(Restart::always())
        .serve(once())
        .unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Settings);
    assert!(
        error.to_string().contains("its `run` takes the only one"),
        "{error}"
    );
    let error = runtime.unit().startable().serve(once()).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Settings);
    // With one for each run all of that is fine.
    let unit = runtime.unit().startable().serve_with(once).unwrap();
    runtime.start().unwrap();
    for _ in 0..3 {
        assert!(unit.wait_ready(SOON));
        unit.stop();
        assert!(unit.wait_stopped(SOON));
        unit.start().unwrap();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}
