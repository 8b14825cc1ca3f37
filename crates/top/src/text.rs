//! Words for people: ages, counts, and what a stranger wrote.

use std::borrow::Cow;
use std::time::Duration;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// `text` without what a terminal would obey, and without what changes the order or the width of what is seen: control
/// characters and invisible ones stand there as escapes.
///
/// Line feeds are kept, as failures have several lines; whoever shows one line takes [`line()`].
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for (nth, line) in text.lines().enumerate() {
        if nth > 0 {
            clean.push('\n');
        }
        for char in line.chars() {
            match char {
                '\t' => clean.push_str("    "),
                _ if char.is_control() || is_invisible(char) => clean.extend(char.escape_unicode()),
                _ => clean.push(char),
            }
        }
    }
    clean
}

/// [`clean`], in one line.
pub(crate) fn line(text: &str) -> String {
    let clean = clean(text);
    let lines = clean.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" · ")
}

/// Marks of direction, and what has no width and joins or hides its neighbours.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A time in at most six characters, for columns: `340ms`, `4.2s`, `59s`, `12m03s`, `3h07m`, `12d`.
pub(crate) fn age(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    match seconds {
        0 => format!("{millis}ms"),
        1..10 => format!("{seconds}.{}s", millis / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        86_400..864_000 => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
        864_000..8_640_000_000 => format!("{}d", seconds / 86_400),
        _ => "ages".to_owned(),
    }
}

/// `1 unit`, `2 units`.
pub(crate) fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// `a, b, c and 3 more`: the first `most` of `names`, and how many are left out of them and besides.
pub(crate) fn list(names: &[String], most: usize, besides: usize) -> String {
    let shown: Vec<_> = names.iter().take(most).map(|name| line(name)).collect();
    let more = (names.len() - shown.len()).saturating_add(besides);
    match more {
        0 => shown.join(", "),
        _ if shown.is_empty() => format!("{more} more"),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `text` in at most `width` columns of a terminal, with a mark where something is left out.
pub(crate) fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let Some(room) = width.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut taken = 0;
    let fits = |char: &char| {
        taken += char.width().unwrap_or_default();
        taken <= room
    };
    let mut fitting: String = text.chars().take_while(fits).collect();
    fitting.push('…');
    Cow::Owned(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short_and_exact_enough() {
        let table = [
            (0.0, "0ms"),
            (0.34, "340ms"),
            (4.29, "4.2s"),
            (59.9, "59s"),
            (60.0, "1m00s"),
            (723.0, "12m03s"),
            (11_220.0, "3h07m"),
            (90_000.0, "1d01h"),
            (864_000.0, "10d"),
        ];
        for (seconds, text) in table {
            assert_eq!(age(Duration::from_secs_f64(seconds)), text);
        }
        assert_eq!(age(Duration::MAX), "ages");
    }

    #[test]
    fn nothing_of_a_stranger_reaches_the_terminal_as_a_command() {
        let table = [
            ("plain, ünïcode, 名", "plain, ünïcode, 名"),
            ("\x1b[2Jgone", "\\u{1b}[2Jgone"),
            ("a\rb\x07\x7f", "a\\u{d}b\\u{7}\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("evil\u{202e}txt.exe", "evil\\u{202e}txt.exe"),
            ("tab\there", "tab    here"),
        ];
        for (text, seen) in table {
            assert_eq!(clean(text), seen);
        }
        assert_eq!(line("first\n\n  second\r\n"), "first · second");
    }

    #[test]
    fn what_is_too_long_is_cut_where_the_terminal_would() {
        let table = [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("名前名前", 5, "名前…"),
            ("名前名前", 4, "名…"),
            ("x", 0, ""),
            ("xy", 1, "…"),
        ];
        for (text, width, seen) in table {
            assert_eq!(fit(text, width), seen);
        }
    }

    #[test]
    fn lists_say_what_they_leave_out() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(list(&names, 5, 0), "a, b, c");
        assert_eq!(list(&names, 2, 4), "a, b and 5 more");
        assert_eq!(list(&[], 2, 4), "4 more");
        assert_eq!(
            (count(1, "unit"), count(0, "unit")),
            ("1 unit".to_owned(), "0 units".to_owned())
        );
    }
}
