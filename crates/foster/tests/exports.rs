//! That the facade has all of core. The package has no such sources to read, so this is no test of the library's own.
#![forbid(unsafe_code)]

/// Names that are re-exported at the root of a crate, read from its source.
fn exports(source: &str) -> Vec<&str> {
    source
        .split("pub use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .flat_map(|path| {
            let names = path.rsplit("::").next().unwrap_or(path);
            names.trim_matches(['{', '}']).split(',')
        })
        // One name under another is known by the other.
        .map(|name| name.rsplit(" as ").next().unwrap_or(name).trim())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_export_of_core_is_here() {
    let here = exports(include_str!("../src/lib.rs"));
    let core = include_str!("../../core/src/lib.rs");
    // The attribute's items are re-exported as one module.
    let (before, private) = core.split_once("pub mod __private {").expect("it is there");
    let (_, after) = private.split_once("\n}").expect("it ends");
    // And those of a status as another.
    let (after, _) = after.split_once("pub mod status {").expect("it is there");
    for name in exports(before).into_iter().chain(exports(after)) {
        assert!(here.contains(&name), "`{name}` is missing in the facade");
    }
}
