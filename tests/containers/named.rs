//! The page names a test for each line, and these tests are there.

use std::fs::{read_dir, read_to_string};
use std::path::Path;

/// The code of all tests that the page may name.
fn code() -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        "containers",
        "signals",
        "signals_given_back",
        "../crates/init/tests/init",
    ];
    let files = folders
        .iter()
        .flat_map(|folder| read_dir(tests.join(folder)).unwrap());
    files
        .map(|file| read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

fn page() -> String {
    read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/src/recipes/containers.md"),
    )
    .unwrap()
}

/// The names of tests in the page, which are those with many words.
fn names(page: &str) -> Vec<&str> {
    let quoted = page.split('`').skip(1).step_by(2);
    let quoted = quoted.map(|name| name.trim_start_matches("init: "));
    let is_name = |name: &&str| {
        let mut letters = name.chars();
        name.matches('_').count() >= 3
            && letters.all(|one| one.is_ascii_alphanumeric() || one == '_')
    };
    quoted.filter(is_name).collect()
}

#[test]
fn every_test_that_the_page_names_exists() {
    let (page, code) = (page(), code());
    let names = names(&page);
    assert!(names.len() > 30, "{names:#?}");
    for name in names {
        assert!(code.contains(&format!("fn {name}()")), "no test `{name}`");
    }
}

#[test]
fn every_line_of_a_table_that_was_tried_names_a_test() {
    let page = page();
    let mut lines = page.lines().peekable();
    let mut seen = 0;
    while let Some(line) = lines.next() {
        if !line.ends_with("| tried by |") {
            continue;
        }
        lines.next();
        while let Some(row) = lines.next_if(|row| row.starts_with('|')) {
            assert!(!names(row).is_empty(), "no test in: {row}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} lines");
}
