//! The page: one answer with all that it needs, made of three files.

use std::sync::LazyLock;

use crate::http::response::Response;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let style = format!("<style>{STYLE}</style>");
    let script = format!("<script>{SCRIPT}</script>");
    include_str!("page/page.html")
        .replacen("<style></style>", &style, 1)
        .replacen("<script></script>", &script, 1)
});

/// What the page may do: run its own script and ask its own server. The hashes are those of its script and its style.
const POLICY: &str = concat!(
    "default-src 'none'; script-src 'sha256-yW6anvWpoZ0OlsxAYWhTDzKCSibUz8lOUwFNcqRJZbM='; ",
    "style-src 'sha256-3oynPb0ayk4GDcEmXCFbPBB3V/KvfY1vtALTEaGAzMU='; connect-src 'self'; img-src data:; ",
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
);

/// The page; with buttons, if control is on.
pub(crate) fn page(has_control: bool) -> Response {
    let page = match has_control {
        true => PAGE.replacen("data-control=\"off\"", "data-control=\"on\"", 1),
        false => PAGE.clone(),
    };
    Response::new(200, "text/html; charset=utf-8", page).with("Content-Security-Policy", POLICY)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use sha2::Digest as _;

    use super::*;

    fn hash(tag: &str) -> String {
        let (begin, end) = (format!("<{tag}>"), format!("</{tag}>"));
        let (_, rest) = PAGE.split_once(&begin).unwrap();
        let (inside, rest) = rest.split_once(&end).unwrap();
        assert!(!rest.contains(&begin), "there are two of {tag}");
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(inside));
        format!("{tag}-src 'sha256-{hash}'")
    }

    #[test]
    fn the_policy_lets_the_page_run() {
        for tag in ["script", "style"] {
            let expected = hash(tag);
            assert!(POLICY.contains(&expected), "the policy lacks {expected}");
        }
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for word in [
            "http://",
            "https://",
            "src=\"",
            "@import",
            "url(",
            " style=\"",
            "innerHTML",
        ] {
            let found = PAGE.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(word), "the page has {word}");
        }
    }
}
