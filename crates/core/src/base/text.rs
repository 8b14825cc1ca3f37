//! Text from users, made safe to print: names and messages may hold anything.

use std::fmt::{self, Write as _};

/// The most characters of a name that a report shows.
pub(crate) const NAME_LIMIT: usize = 120;
/// Why an empty name is refused.
pub(crate) const NO_NAME: &str =
    "it was given the name `\"\"`: a name has at least one character, or is left away";
/// The most characters of a backtrace that a report shows.
pub(crate) const BACKTRACE_LIMIT: usize = 40_000;
/// The most characters of a thread's name.
pub(crate) const THREAD_LIMIT: usize = 64;
/// The most characters of one message that a report shows.
pub(crate) const MESSAGE_LIMIT: usize = 4_000;
/// The most links of an error chain that a report shows.
pub(crate) const CHAIN_LIMIT: usize = 32;

/// Shows `text` on one line. Control and direction-changing characters are escaped. Text longer
/// than `limit` characters is cut, with a note of how much is missing.
pub(crate) fn line(text: &str, limit: usize) -> impl fmt::Display {
    fmt_with(move |f| write_clean(f, text, limit, None))
}

/// Shows `text` as a block: like [`line`], but line breaks stay, each followed by `indent`.
pub(crate) fn block<'a>(text: &'a str, limit: usize, indent: &'a str) -> impl fmt::Display + 'a {
    fmt_with(move |f| write_clean(f, text, limit, Some(indent)))
}

/// The first `limit` printable characters of `text`.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    let shown = text.chars().filter(|one| !unsafe_to_print(*one));
    shown.take(limit).collect()
}

struct FmtWith<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for FmtWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

fn fmt_with<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result>(f: F) -> FmtWith<F> {
    FmtWith(f)
}

fn write_clean(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    limit: usize,
    indent: Option<&str>,
) -> fmt::Result {
    for (index, (at, character)) in text.char_indices().enumerate() {
        if index == limit {
            return write!(f, "… ({} bytes more)", text.len() - at);
        }
        match (character, indent) {
            ('\n', Some(indent)) => write!(f, "\n{indent}")?,
            ('\t', Some(_)) => f.write_char('\t')?,
            _ if unsafe_to_print(character) => write!(f, "{}", character.escape_default())?,
            _ => f.write_char(character)?,
        }
    }
    Ok(())
}

/// Control characters move a terminal's cursor, direction marks reorder what a reader sees.
fn unsafe_to_print(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(line("a\nb\u{1b}[2J", 99).to_string(), "a\\nb\\u{1b}[2J");
        assert_eq!(line("abcdef", 3).to_string(), "abc… (3 bytes more)");
        assert_eq!(line("abc", 3).to_string(), "abc");
    }

    #[test]
    fn what_is_plain_has_nothing_to_escape() {
        assert_eq!(plain("a\0b\n\u{1b}[2J\u{202e}c", 5), "ab[2J");
    }

    #[test]
    fn a_block_keeps_and_indents_its_lines() {
        assert_eq!(block("a\nb\r", 99, "  ").to_string(), "a\n  b\\r");
    }
}
