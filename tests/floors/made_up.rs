//! Small trees: one for each kind of violation, and one without any.

use super::check::check;
use super::graph::Files;

/// Files, each after a line `=== name`; lines are counted from there.
pub fn tree(text: &str) -> Files {
    let files = text.split("=== ").skip(1);
    let file = |file: &str| {
        let (name, text) = file.split_once('\n').expect("a name, and a text");
        (name.trim().to_owned(), text.to_owned())
    };
    files.map(file).collect()
}

/// Asserts what is found: the start of each line, and words in it.
#[track_caller]
fn finds(text: &str, expected: &[(&str, &[&str])]) {
    let found: Vec<_> = check(&tree(text)).iter().map(ToString::to_string).collect();
    let shown = found.join("\n");
    assert_eq!(found.len(), expected.len(), "{shown}");
    for (found, (start, words)) in found.iter().zip(expected) {
        assert!(found.starts_with(start), "{start} in\n{shown}");
        for word in *words {
            assert!(found.contains(word), "{word} in\n{shown}");
        }
    }
}

#[test]
fn a_house_in_order_has_no_violation() {
    finds(
        "=== lib.rs
mod base;
mod runtime;
mod service;
mod task;
mod signals;
mod manual;
mod more;
pub use crate::service::Unit;
pub use crate::task::Token;
=== signals.rs
use crate::runtime::Runtime;
=== manual.rs
=== more.rs
=== base/mod.rs
//! See [`crate::service::Unit`].
mod clock;
pub(crate) use self::clock::Clock;
=== base/clock.rs
pub struct Clock;
=== task/mod.rs
mod cell;
mod token;
pub use self::token::Token;
=== task/cell.rs
use super::token::Token;
use crate::base::Clock;
pub struct Cell(Token);
=== task/token.rs
use super::cell::Cell;
pub struct Token(Option<Box<Cell>>);
=== runtime/mod.rs
use crate::task::Token;
pub struct Runtime(Token);
=== service/mod.rs
mod unit;
pub use self::unit::Unit;
=== service/unit.rs
use crate::{base::Clock, runtime::Runtime};
pub struct Unit(Clock, Runtime);
",
        &[],
    );
}

#[test]
fn an_upward_edge_is_found_in_an_import() {
    finds(
        "=== lib.rs
mod base;
mod runtime;
=== base/mod.rs
// A line before it.
use crate::runtime::{
    Runtime,
};
=== runtime/mod.rs
pub struct Runtime;
",
        &[(
            "base/mod.rs:3: names `crate::runtime::Runtime`, in runtime/mod.rs",
            &["above the floor `base`", "a trait of it"],
        )],
    );
}

#[test]
fn an_upward_edge_is_found_in_code() {
    finds(
        "=== lib.rs
mod errors;
mod task;
=== errors/mod.rs
fn text() -> String {
    format!(\"{}\", crate::task::name())
}
fn again() {
    let _ = super::task::name();
}
=== task/mod.rs
pub fn name() -> u8 { 1 }
",
        &[(
            "errors/mod.rs:2: names `crate::task::name`",
            &["(lines 5 as well)"],
        )],
    );
}

#[test]
fn what_the_library_itself_defines_is_above_all() {
    finds(
        "=== lib.rs
mod service;
pub struct Whole;
=== service/mod.rs
use crate::Whole;
",
        &[(
            "service/mod.rs:1: names `crate::Whole`, in lib.rs, which is above all floors",
            &[],
        )],
    );
}

#[test]
fn a_circle_of_files_is_found_outside_of_the_task() {
    finds(
        "=== lib.rs
mod base;
=== base/mod.rs
mod event;
mod latch;
=== base/event.rs
use super::latch::Latch;
pub struct Event;
=== base/latch.rs

pub struct Latch(super::event::Event);
",
        &[(
            "base/event.rs:1: begins a circle of files (2 reach each other): base/event.rs:1 names `super::latch::Latch`, in base/latch.rs; base/latch.rs:2 names `super::event::Event`, in base/event.rs.",
            &[],
        )],
    );
}

#[test]
fn a_module_and_its_own_children_are_one() {
    let one = "=== lib.rs
mod base;
=== base/mod.rs
mod event;
pub trait Wakes {}
fn new() -> event::Event { todo!() }
=== base/event.rs
use super::Wakes;
pub struct Event;
";
    finds(one, &[]);
    // Two children that know each other through it are not.
    let two = one
        .replace(
            "mod event;\n",
            "mod event;\nmod latch;\npub use self::latch::Latch;\n",
        )
        .replace("use super::Wakes;", "use super::{Latch, Wakes};")
        + "=== base/latch.rs
use super::event::Event;
pub struct Latch;
";
    finds(
        &two,
        &[(
            "base/event.rs:1: begins a circle of files",
            &["base/latch.rs:1 names `super::event::Event`"],
        )],
    );
}

#[test]
fn a_circle_across_folders_is_found() {
    finds(
        "=== lib.rs
mod base;
mod lifetime;
=== base/mod.rs
use crate::lifetime::Phase;
pub struct Clock(Phase);
=== lifetime/mod.rs
use crate::base::Clock;
pub struct Phase(Clock);
",
        &[
            (
                "base/mod.rs:1: begins a circle across folders (2 ",
                &["lifetime/mod.rs:1 names `crate::base::Clock`"],
            ),
            (
                "base/mod.rs:1: begins a circle of folders (2 ",
                &["lifetime/mod.rs:1 names `crate::base::Clock`"],
            ),
            ("base/mod.rs:1: names `crate::lifetime::Phase`", &[]),
        ],
    );
}

#[test]
fn a_circle_of_folders_is_found_without_one_of_files() {
    finds(
        "=== lib.rs
mod deadlock;
mod flavour;
mod task;
=== deadlock.rs
pub fn low() {}
=== flavour.rs
use crate::task::Cell;
=== task/mod.rs
use crate::deadlock;
pub struct Cell;
",
        &[(
            "flavour.rs:1: begins a circle of folders (2 ",
            &["task/mod.rs:1 names `crate::deadlock`"],
        )],
    );
}

#[test]
fn more_than_three_flat_files_are_found() {
    let text = "=== lib.rs
mod a;
mod b;
mod c;
mod d;
=== a.rs
=== b.rs
=== c.rs
=== d.rs
";
    let flat: &[&str] = &["one of 4 files where 3 may", "the folder of its floor"];
    finds(
        text,
        &[
            ("a.rs:1: ", flat),
            ("b.rs:1: ", flat),
            ("c.rs:1: ", flat),
            ("d.rs:1: ", flat),
        ],
    );
    finds(&text.replace("mod d;\n", "").replace("=== d.rs\n", ""), &[]);
}

#[test]
fn a_folder_that_is_no_floor_is_found() {
    finds(
        "=== lib.rs
mod cellar;
=== cellar/mod.rs
",
        &[(
            "cellar/mod.rs:1: the folder `cellar` is no floor",
            &["`FLOORS`"],
        )],
    );
}

#[test]
fn whatever_leads_to_services_is_found() {
    finds(
        "=== lib.rs
mod manual;
mod runtime;
mod service;
pub use service::Unit;
=== manual.rs
fn at() { crate::service::made_by_a_macro!(); }
=== runtime/mod.rs
mod serve;
=== runtime/serve.rs

use crate::Unit;
=== service/mod.rs
mod unit;
pub use unit::Unit;
=== service/unit.rs
pub struct Unit;
",
        &[
            (
                "manual.rs:1: names `crate::service::made_by_a_macro`",
                &["nothing below `service` leads there"],
            ),
            (
                "runtime/serve.rs:2: names `crate::Unit`, in service/unit.rs, but nothing below `service`",
                &[],
            ),
        ],
    );
}

#[test]
fn whoever_names_an_inner_file_of_the_task_is_found() {
    finds(
        "=== lib.rs
mod runtime;
mod task;
pub use crate::task::cell::Cell;
=== runtime/mod.rs
use crate::task::{self, Cell, cell::Raw};
use crate::task as payload;
fn all(_: Cell) -> task::Cell { payload::cell::new() }
=== task/mod.rs
pub(crate) mod cell;
pub use self::cell::Cell;
=== task/cell.rs
pub struct Cell;
pub struct Raw;
pub fn new() -> super::cell::Cell { Cell }
",
        &[
            (
                "lib.rs:3: names `crate::task::cell::Cell`, an inner module of `task`",
                &["what task/mod.rs passes on"],
            ),
            (
                "runtime/mod.rs:1: names `crate::task::cell::Raw`, an inner",
                &[],
            ),
            (
                "runtime/mod.rs:3: names `payload::cell::new`, an inner",
                &[],
            ),
        ],
    );
}

#[test]
fn what_cannot_be_read_is_found() {
    finds(
        "=== lib.rs
mod base;
mod gone;
=== base/mod.rs

fn half( {
=== base/lost.rs
=== base/clock_tests.rs
",
        &[
            ("base/lost.rs:1: no `mod` leads to it", &[]),
            ("base/mod.rs:2: does not parse", &[]),
            ("lib.rs:2: there is no file for `mod gone`", &[]),
        ],
    );
}
