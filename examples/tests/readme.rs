//! The first program of the README is the example `first`, and prints what the README says.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::child::program;

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

/// What stands in the page's first block of that kind.
fn block(page: &str, kind: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("```{kind}\n"))
        .expect("a block of that kind");
    rest.split_once("```\n").expect("its end").0.to_owned()
}

#[test]
fn the_first_program_is_the_example_and_prints_what_the_page_says() {
    let readme = page("README.md");
    let (_, code) = page("examples/first.rs")
        .split_once("\n\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert_eq!(block(&readme, "rust,no_run"), code);

    let output = Command::new(program("first")).output().unwrap();
    let printed = [output.stdout, output.stderr]
        .map(|text| String::from_utf8(text).unwrap())
        .concat();
    // The example has a line above the program, and a folder of its own.
    let line = 1 + code
        .lines()
        .position(|line| line.contains("\"scanner\""))
        .unwrap();
    let printed = printed.replace(
        &format!("examples/first.rs:{}", line + 2),
        &format!("src/main.rs:{line}"),
    );
    assert_eq!(block(&readme, "text"), printed);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_page_is_short() {
    let words = page("README.md").split_whitespace().count();
    assert!(
        words <= 1_200,
        "the README has {words} words: what is more belongs in the guide"
    );
}
