//! The pages of the repository hold together: every link leads somewhere, and the guide has each of its chapters once, in the
//! summary and among the programs that are tested.
#![forbid(unsafe_code)]

mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use tree::{files, root};

/// Where files of the repository are, for pages that are read outside of it.
const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// The addresses that a page links to, pictures among them.
fn links(page: &str) -> Vec<String> {
    Parser::new_ext(page, Options::ENABLE_TABLES)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some(dest_url.into_string())
            }
            _ => None,
        })
        .collect()
}

/// The names that a page's headings have as the end of a link.
fn anchors(page: &str) -> BTreeSet<String> {
    let (mut anchors, mut heading) = (BTreeSet::new(), None::<String>);
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                anchors.extend(heading.take().map(|heading| anchor(&heading)));
            }
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars()
        .filter(|&c| c.is_alphanumeric() || c == '-' || c == '_')
        .collect()
}

/// What is wrong with a link of a page.
fn fault(page: &Path, link: &str) -> Option<String> {
    let in_repository = link.strip_prefix(REPOSITORY);
    if in_repository.is_none() && (link.contains("://") || link.starts_with("mailto:")) {
        return None;
    }
    let base = if in_repository.is_some() {
        root()
    } else {
        page.parent().unwrap().to_owned()
    };
    let link = in_repository.unwrap_or(link);
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    // An item of the crate whose documentation the page is: rustdoc looks after those.
    if !path.is_empty() && !path.contains(['/', '.']) && !base.join(path).exists() {
        return None;
    }
    if path.contains("::") || path.starts_with("crate::") {
        return None;
    }
    let target = if path.is_empty() {
        page.to_owned()
    } else {
        base.join(path)
    };
    if !target.exists() {
        return Some(format!("there is no {}", target.display()));
    }
    let book = root().join("docs/guide/src");
    if page.starts_with(&book)
        && in_repository.is_none()
        && !target.canonicalize().unwrap().starts_with(&book)
    {
        return Some(format!(
            "it leads out of the book, where only addresses that begin with {REPOSITORY} do"
        ));
    }
    if fragment.is_empty() || target.extension().is_none_or(|ending| ending != "md") {
        return None;
    }
    let there = anchors(&fs::read_to_string(&target).unwrap());
    (!there.contains(fragment)).then(|| {
        format!(
            "{} has no heading `{fragment}`, but {there:?}",
            target.display()
        )
    })
}

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let mut pages = BTreeSet::new();
    files(&root(), ".md", &mut pages);
    assert!(pages.len() > 30, "too few pages were found: {pages:?}");
    let mut checked = 0;
    let mut faults = Vec::new();
    for page in &pages {
        for link in links(&fs::read_to_string(page).unwrap()) {
            checked += 1;
            faults.extend(
                fault(page, &link).map(|fault| format!("{}: `{link}`: {fault}", page.display())),
            );
        }
    }
    assert!(checked > 100, "too few links were found: {checked}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = root().join("README.md");
    assert_eq!(
        links("[a](b.md) and ![c](d.svg)\n\n[e]: f.md\n"),
        ["b.md", "d.svg"]
    );
    assert!(fault(&page, "docs/no-such-page.md").is_some());
    assert!(fault(&page, "CONTRIBUTING.md#no-such-heading").is_some());
    assert!(fault(&page, &format!("{REPOSITORY}no-such-page.md")).is_some());
    assert!(
        fault(
            &root().join("docs/guide/src/services.md"),
            "../../PERFORMANCE.md"
        )
        .is_some(),
        "it leads out of the book"
    );
    assert_eq!(fault(&page, "CONTRIBUTING.md#how-to-write-a-test"), None);
    assert_eq!(
        fault(&page, &format!("{REPOSITORY}CONTRIBUTING.md#layout")),
        None
    );
}

#[test]
fn each_chapter_is_in_the_summary_and_its_programs_are_tested() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut pages = BTreeSet::new();
    files(&book, ".md", &mut pages);
    let mut pages: BTreeSet<_> = pages
        .iter()
        .map(|page| {
            page.strip_prefix(&book)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/")
        })
        .collect();
    assert!(pages.remove("SUMMARY.md"));

    let summary = links(&fs::read_to_string(book.join("SUMMARY.md")).unwrap());
    assert_eq!(
        summary.iter().cloned().collect::<BTreeSet<_>>(),
        pages,
        "the summary, and the pages"
    );
    assert_eq!(
        summary.len(),
        pages.len(),
        "a chapter stands twice in the summary: {summary:?}"
    );

    let tested = include_str!("../lib.rs");
    let tested: BTreeSet<_> = tested
        .split('"')
        .filter(|text| text.ends_with(".md"))
        .map(str::to_owned)
        .collect();
    assert_eq!(tested, pages, "what lib.rs has, and the pages");
}
