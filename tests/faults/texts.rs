//! Names that would break a report, or the terminal that it is shown on. Row A7.

use std::time::Duration;

use foster::Shutdown;

use crate::child::{self, Scenario};
use crate::common::*;
use crate::on_every_flavour;

on_every_flavour!(a7_a_name_of_a_megabyte_breaks_neither_report_nor_terminal);

/// Clears the screen, goes back in its line, feigns a line, turns the direction of what follows, and
/// does not end.
fn name() -> &'static str {
    let name = "\u{1b}[2J\r\nfeigned\u{9b}2J\u{202e}\u{7}\0".to_owned() + &"x".repeat(1_000_000);
    Box::leak(name.into_boxed_str())
}

pub struct HostileName;

impl Scenario for HostileName {
    fn play<F: AnyFlavour>(self, flavour: F) {
        let name = name();
        // All texts that a name comes up in: of a panic, of an error, of a straggler, of a refusal.
        let panics = runtime();
        let payload = || -> () { panic!("on purpose") };
        flavour.adopt_named(&panics, name, payload).unwrap();
        println!("{}", panics.run().unwrap_err());

        let short = Duration::from_millis(20);
        let runtime = builder().grace(short).cancel_timeout(short).build();
        let stop = runtime.clone();
        let go = Event::new();
        let its_go = go.clone();
        let overruns = move || {
            let _token = Shutdown::current();
            stop.shutdown();
            block_until(&its_go);
            Err::<(), _>("after the runtime's end")
        };
        flavour.adopt_named(&runtime, name, overruns).unwrap();
        let error = runtime.run().unwrap_err();
        assert_eq!(
            error.stragglers()[0].payload(),
            Some(name),
            "as data it is whole"
        );
        println!("{error}");
        let refused = flavour.adopt_named(&runtime, name, || ()).unwrap_err();
        println!("{refused}");
        println!("{}", foster::RunError::from(refused));
        go.happen();
    }
}

fn a7_a_name_of_a_megabyte_breaks_neither_report_nor_terminal<F: AnyFlavour>(_: F) {
    let played = child::play_on(F::NAME, "hostile name");
    let text = &played.has_ended().text;
    assert!(
        text.contains("on purpose") && text.contains("feigned"),
        "{text:?}"
    );
    let harmful = |one: char| one.is_control() && one != '\n' || one == '\u{202e}';
    assert!(!text.contains(harmful), "{text:?}");
    let feigned = |line: &str| line.starts_with("feigned");
    assert!(!text.lines().any(feigned), "{text:?}");
    assert!(text.len() < 10_000, "{} bytes", text.len());
}
