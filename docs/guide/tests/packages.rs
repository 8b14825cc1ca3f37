//! What is published holds together: one version in both workspaces and on all pages, manifests that say what crates.io and
//! docs.rs need, a section of the changelog, and a text for each public API.
//!
//! All of it is read through cargo, which the tests for Windows do not have under Wine; it is the same on each system.
#![cfg(unix)]
#![forbid(unsafe_code)]

mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use serde_json::{Value, json};
use tree::{files, root};

/// What cargo says of the packages of one workspace.
fn packages(manifest: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .args(["--locked", "--manifest-path", manifest])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    said["packages"].as_array().unwrap().clone()
}

fn all() -> Vec<Value> {
    let mut all = packages("Cargo.toml");
    all.extend(packages("engines/Cargo.toml"));
    all
}

/// Those that are meant for crates.io.
fn published() -> Vec<Value> {
    let mut all = all();
    all.retain(|package| package["publish"] != json!([]));
    assert!(all.len() > 10, "too few are published: {}", all.len());
    all
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn version() -> String {
    let published = published();
    let versions: BTreeSet<_> = published.iter().map(|p| text(p, "version")).collect();
    assert_eq!(versions.len(), 1, "{versions:?}");
    versions.into_iter().next().unwrap().to_owned()
}

/// The folder of a package.
fn folder(package: &Value) -> PathBuf {
    let manifest = Path::new(text(package, "manifest_path"));
    manifest.parent().unwrap().to_owned()
}

fn is_library(package: &Value) -> bool {
    folder(package).join("src/lib.rs").exists()
}

#[test]
fn all_have_one_version_and_ask_each_other_for_it() {
    let version = version();
    let names: BTreeSet<_> = published()
        .iter()
        .map(|package| text(package, "name").to_owned())
        .collect();
    for package in all() {
        let name = text(&package, "name");
        for needed in package["dependencies"].as_array().unwrap() {
            let (needs, asks) = (text(needed, "name"), text(needed, "req"));
            if !needed["path"].is_string() {
                assert!(
                    !needs.starts_with("foster"),
                    "{name} has {needs} from elsewhere"
                );
                continue;
            }
            // A path alone is for tests, which packages do not have.
            let of_tests = needed["kind"] == "dev" || !names.contains(name);
            assert!(
                asks == format!("^{version}") || (of_tests && asks == "*"),
                "{name} asks for {needs} {asks}, and this is {version}"
            );
            assert!(
                of_tests || names.contains(needs),
                "{name} needs {needs}, which is not published"
            );
        }
    }
}

#[test]
fn manifests_say_what_crates_io_and_docs_rs_need() {
    for package in published() {
        let name = text(&package, "name");
        for field in [
            "description",
            "license",
            "repository",
            "readme",
            "rust_version",
        ] {
            assert!(!text(&package, field).is_empty(), "{name} has no {field}");
        }
        assert_eq!(
            text(&package, "repository"),
            env!("CARGO_PKG_REPOSITORY"),
            "{name}"
        );
        for field in ["keywords", "categories"] {
            let number = package[field].as_array().unwrap().len();
            assert!((1..=5).contains(&number), "{name}: {number} {field}");
        }
        for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert_eq!(
                fs::read(folder(&package).join(license)).ok(),
                fs::read(root().join(license)).ok(),
                "{license} of {name}"
            );
        }
        if is_library(&package) {
            // As `.ci/release docs` has it.
            assert_eq!(
                package["metadata"]["docs"]["rs"],
                json!({ "all-features": true, "rustdoc-args": ["--cfg", "docsrs"] }),
                "{name}"
            );
        }
    }
}

#[test]
fn front_pages_have_no_links_that_lead_nowhere_on_crates_io() {
    for package in published() {
        let page = folder(&package).join(text(&package, "readme"));
        for event in Parser::new(&fs::read_to_string(&page).unwrap()) {
            if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event {
                assert!(
                    dest_url.starts_with('#') || dest_url.contains("://"),
                    "{}: `{dest_url}` is a place in the repository",
                    page.display()
                );
            }
        }
    }
}

/// What programs are told to write into their manifests.
fn snippets(page: &str) -> Vec<String> {
    let (mut inside, mut lines) = (false, Vec::new());
    for event in Parser::new(page) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                inside = &*language == "toml";
            }
            Event::End(TagEnd::CodeBlock) => inside = false,
            Event::Text(text) if inside => lines.extend(
                text.lines()
                    .filter(|line| line.starts_with("foster") && line.contains(" = "))
                    .map(str::to_owned),
            ),
            _ => {}
        }
    }
    lines
}

/// What a line of a manifest asks for.
fn asked(line: &str) -> Option<&str> {
    let (_, value) = line.split_once(" = ")?;
    let value = match value.strip_prefix('{') {
        None => value,
        Some(table) => table.split_once("version = ")?.1,
    };
    value.split('"').nth(1)
}

/// The folder of the repository that a line of a manifest names, which is a checkout beside the program until there is a release.
fn checkout(line: &str) -> Option<&str> {
    line.split_once("path = \"../foster/")?.1.split('"').next()
}

#[test]
fn pages_name_this_version() {
    let version = version();
    let minor = version.rsplit_once('.').unwrap().0;
    let (mut pages, mut found) = (BTreeSet::new(), 0);
    files(&root(), ".md", &mut pages);
    for page in &pages {
        for line in snippets(&fs::read_to_string(page).unwrap()) {
            found += 1;
            match checkout(&line) {
                Some(folder) => assert!(
                    root().join(folder).join("Cargo.toml").exists(),
                    "{}: `{line}`",
                    page.display()
                ),
                None => assert_eq!(asked(&line), Some(minor), "{}: `{line}`", page.display()),
            }
        }
    }
    assert!(found > 1, "too few manifests are on the pages: {found}");
}

#[test]
fn what_a_line_of_a_manifest_asks_for() {
    assert_eq!(asked("foster = \"0.1\""), Some("0.1"));
    assert_eq!(
        asked("foster = { version = \"0.1\", features = [\"smol\"] }"),
        Some("0.1")
    );
    assert_eq!(asked("foster = { path = \"../foster\" }"), None);
    let line = "foster = { path = \"../foster/crates/foster\", features = [\"smol\"] }";
    assert_eq!(checkout(line), Some("crates/foster"));
    assert_eq!(checkout("foster = { version = \"0.1\" }"), None);
}

#[test]
fn the_changelog_has_a_section_of_this_version_with_every_crate() {
    let version = version();
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let first = changelog.split("\n## ").nth(1).expect("there is a section");
    let heading = first.lines().next().unwrap();
    assert!(
        heading == format!("Unreleased ({version})")
            || heading.starts_with(&format!("{version} (20")),
        "the first section is `{heading}`, and this is {version}"
    );
    assert!(first.contains("\n- "), "it says nothing");
    for package in published() {
        let name = format!("`{}`", text(&package, "name"));
        assert!(changelog.contains(&name), "it does not name {name}");
    }
}

#[test]
fn the_public_api_of_each_library_is_written_down() {
    let libraries: BTreeSet<_> = published()
        .iter()
        .filter(|package| is_library(package))
        .map(|package| format!("{}.txt", text(package, "name")))
        .collect();
    let texts: BTreeSet<_> = fs::read_dir(root().join("api"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(texts, libraries, "`.ci/release api` writes them");
}
