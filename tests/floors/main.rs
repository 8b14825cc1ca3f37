//! The floors of core: each folder of `crates/core/src` imports from those below it only.
//!
//! `source` reads a file, with `attributes` and `tokens`; `modules` finds all files, `graph` follows what they name,
//! `check` has the rules. `made_up` and `names` hold them to small trees.
//! Left out are comments, strings, and what is there for tests or models alone.
#![forbid(unsafe_code)]
#![allow(unreachable_pub, reason = "the modules of a test have no outside")]

mod attributes;
mod check;
mod graph;
mod made_up;
mod modules;
mod names;
mod source;
mod tokens;

use std::fs;
use std::path::Path;

use self::check::check;
use self::graph::Files;

/// The floors, lowest first. `lib.rs` is above all of them.
pub const FLOORS: &[&str] = &[
    "base",
    "errors",
    "lifetime",
    "contract",
    "task",
    // The kinds of payload.
    "payload",
    "scheduler",
    "runtime",
    // For authors of flavours.
    "parts",
    "service",
];

/// Nothing on another floor leads to this one.
pub const TOP: &str = "service";

/// Here alone files may be in a circle, and nothing outside names its inner modules.
pub const SEALED: &str = "task";

/// So many files may lie in `src` beside `lib.rs`.
pub const FLAT: usize = 3;

/// Edges that must not be and still are: from a file, to a file. The list may only get shorter.
const ALLOWED: &[(&str, &str)] = &[
    ("service/attempt.rs", "service/supervisor.rs"),
    ("service/order.rs", "service/registry.rs"),
    ("service/unit_core.rs", "service/source.rs"),
    ("service/unit_core.rs", "service/supervisor.rs"),
];

#[test]
fn core_is_built_in_floors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/core/src");
    let mut files = Files::new();
    read(&root, "", &mut files);
    assert!(files.contains_key("lib.rs"), "the sources of core are read");
    let violations = check(&files, ALLOWED);
    if violations.is_empty() {
        return;
    }
    for violation in &violations {
        println!("crates/core/src/{violation}");
    }
    panic!(
        "core is not built in floors: {} violations, listed above",
        violations.len()
    );
}

/// Reads all sources below a folder, under the names that they have from the root.
fn read(folder: &Path, before: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let name = format!("{before}{name}");
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else if name.ends_with(".rs") {
            files.insert(name, fs::read_to_string(&path).expect("a source is text"));
        }
    }
}
