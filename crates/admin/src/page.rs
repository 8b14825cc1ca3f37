//! The page: one file with all that it needs.

use crate::http::response::Response;

const PAGE: &str = include_str!("page.html");

/// What the page may do: run its own script and ask its own server. The hashes are those of its script and its style.
const POLICY: &str = concat!(
    "default-src 'none'; script-src 'sha256-dNjyX7g3lLcgWg8lukeA+qKJ/SwVw4PTTNDib7+OgTY='; ",
    "style-src 'sha256-ejMId+x3X39Tc8lLH0ANEZAw99bgHmxFfWPL7m6CQJI='; connect-src 'self'; img-src data:; ",
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
);

/// The page; with buttons, if control is on.
pub(crate) fn page(has_control: bool) -> Response {
    let page = match has_control {
        true => PAGE.replacen("data-control=\"off\"", "data-control=\"on\"", 1),
        false => PAGE.to_owned(),
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
