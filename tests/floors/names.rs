//! Which names count, and what they lead to: what is easily read wrong.

use std::collections::BTreeSet;

use super::graph::graph;
use super::made_up::tree;

/// Asserts all edges of a tree but those from `lib.rs`.
#[track_caller]
fn names(text: &str, expected: &[&str]) {
    let graph = graph(&tree(text));
    assert_eq!(graph.unread, []);
    let edges = graph.edges.iter().filter(|((from, _), _)| from != "lib.rs");
    let shown: Vec<_> = edges
        .map(|((from, to), places)| {
            let lines: BTreeSet<_> = places.iter().map(|place| place.line).collect();
            let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
            format!("{from}:{} -> {to}", lines.join(","))
        })
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn paths_are_followed_in_all_their_forms() {
    names(
        "=== lib.rs
mod base;
mod errors;
pub use crate::errors::Failure as Renamed;
=== base/mod.rs
mod clock;
mod deep;
pub(crate) mod sync;
pub use clock::Clock;
=== base/clock.rs
=== base/sync.rs
pub(crate) use std::thread_local;
=== base/deep/mod.rs
mod one;
mod two;
=== base/deep/one.rs
use super::super::Clock;
use super::{two::{self as second, C as D}};
mod inner {
    use super::super::super::sync;
    fn f() { sync::x(); self::g() }
}
=== base/deep/two.rs
crate::base::sync::thread_local! {
    static X: u8 = 1;
}
fn f() { second!(crate::Renamed, [self::C, { super::one::f() }]) }
=== errors/mod.rs
mod failure;
pub use self::failure::*;
=== errors/failure.rs
pub struct Failure;
impl From<Failure> for <Failure as crate::base::Clock>::Time {}
fn f<T: crate::base::deep::two::C>() -> Result<(), ::base::X> { use crate::base::sync as s; s::f() }
",
        &[
            "base/deep/one.rs:1 -> base/clock.rs",
            "base/deep/one.rs:2 -> base/deep/two.rs",
            "base/deep/one.rs:4,5 -> base/sync.rs",
            "base/deep/two.rs:4 -> base/deep/one.rs",
            "base/deep/two.rs:1 -> base/sync.rs",
            "base/deep/two.rs:4 -> errors/failure.rs",
            "errors/failure.rs:2 -> base/clock.rs",
            "errors/failure.rs:3 -> base/deep/two.rs",
            "errors/failure.rs:3 -> base/sync.rs",
        ],
    );
}

#[test]
fn an_import_of_everything_names_what_is_used() {
    names(
        "=== lib.rs
mod base;
mod errors;
=== base/mod.rs
mod clock;
mod event;
mod latch;
mod wakes;
pub use self::clock::{Clock, now};
use self::event::Event;
pub use self::latch::Latch;
pub use self::wakes::Wakes;
pub struct Own;
=== base/clock.rs
use super::*;
fn f(_: Event) { println!(\"{:?}\", Own) }
=== base/event.rs
=== base/latch.rs
use super::*;
use self::inner::Latch;
mod inner { pub struct Latch; }
=== base/wakes.rs
pub trait Wakes {}
=== errors/mod.rs
use crate::base::*;
fn f(event: u8) -> Event { now(); event }
",
        &[
            "base/clock.rs:2 -> base/event.rs",
            "base/clock.rs:2 -> base/mod.rs",
            "base/clock.rs:1 -> base/wakes.rs",
            "base/latch.rs:1 -> base/wakes.rs",
            "base/mod.rs:6 -> base/event.rs",
            "errors/mod.rs:2 -> base/clock.rs",
            "errors/mod.rs:1 -> base/mod.rs",
            "errors/mod.rs:1 -> base/wakes.rs",
        ],
    );
}

#[test]
fn what_is_no_code_names_nothing() {
    names(
        r##"=== lib.rs
mod base;
mod errors;
=== base/mod.rs
//! [`crate::errors::Failure`]
/// [`Failure`](crate::errors::Failure), `use crate::errors::Failure;`
#[doc = "crate::errors::Failure"]
#[doc(alias = "crate::errors")]
#[deprecated(note = "use crate::errors::Failure")]
pub(in crate::base) fn f() -> &'static str {
    // crate::errors::Failure
    /* use crate::errors::Failure; /* nested */ crate::errors::Failure */
    let _ = r#" "crate::errors::Failure" "#;
    m!(/* crate::errors::Failure */ pub(in crate::errors) "crate::errors::Failure");
    "crate::errors::Failure"
}
macro_rules! m {
    ($($x:tt)*) => {
        /// crate::errors::Failure
        fn g() {}
    };
}
=== errors/mod.rs
pub struct Failure;
"##,
        &[],
    );
}

#[test]
fn what_is_for_tests_names_nothing() {
    names(
        "=== lib.rs
mod base;
mod errors;
#[cfg(all(test, foster_model))]
mod models;
=== models/mod.rs
=== base/mod.rs
#[cfg(test)]
use crate::errors::Failure;
#[cfg(any(test, all(test, unix)))]
fn for_tests() -> crate::errors::Failure { todo!() }
struct S { #[cfg(test)] failure: crate::errors::Failure }
impl S {
    #[cfg(test)]
    fn of(&self) { crate::errors::new(); }
    fn all(&self) {
        #[cfg(test)]
        crate::errors::new();
        #[cfg(test)]
        let _ = crate::errors::new();
        match 1 {
            #[cfg(test)]
            1 => crate::errors::new(),
            _ => {}
        }
        m! { #[cfg(test)] use crate::errors::{self}; #[cfg(test)] fn f() -> crate::errors::X {} g() }
    }
}
#[cfg(all(test, not(foster_model)))]
mod tests { use crate::errors::*; fn f() -> Failure {} }
#[cfg(any(test, fuzzing))]
mod checks;
=== base/checks/deep.rs
=== base/checks/mod.rs
mod deep;
use crate::errors::Failure;
=== errors/mod.rs
pub struct Failure;
#[cfg(not(test))]
use crate::base::S;
#[cfg(any(test, unix))]
fn f() -> crate::base::S { m! { #[cfg(unix)] crate::base::g() } }
",
        &["errors/mod.rs:3,5 -> base/mod.rs"],
    );
}

#[test]
fn a_module_may_have_a_file_for_each_system() {
    names(
        "=== lib.rs
mod errors;
mod runtime;
=== errors/mod.rs
=== runtime/mod.rs
#[cfg_attr(unix, path = \"unix.rs\")]
#[cfg_attr(not(unix), path = \"elsewhere.rs\")]
mod system;
mod other;
=== runtime/unix.rs
use crate::errors::X;
=== runtime/elsewhere.rs
use super::other::Y;
=== runtime/other.rs
use super::system::Ear;
pub struct Y;
",
        &[
            "runtime/elsewhere.rs:1 -> runtime/other.rs",
            "runtime/other.rs:1 -> runtime/elsewhere.rs",
            "runtime/other.rs:1 -> runtime/unix.rs",
            "runtime/unix.rs:1 -> errors/mod.rs",
        ],
    );
}

#[test]
fn macros_are_found_where_they_are_defined() {
    names(
        "=== lib.rs
mod base;
mod errors;
=== base/mod.rs
mod real {
    macro_rules! lazy { () => { $crate::errors::Failure }; }
    pub(crate) use lazy;
}
pub(crate) use self::real::*;
#[macro_export]
macro_rules! everywhere { () => { use $crate::errors::{Failure, kind::Kind}; }; }
=== errors/mod.rs
crate::base::lazy!();
crate::everywhere!();
",
        &[
            "base/mod.rs:2,7 -> errors/mod.rs",
            "errors/mod.rs:1,2 -> base/mod.rs",
        ],
    );
}
