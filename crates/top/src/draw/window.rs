//! What lies over the list: texts to read, the keys, and questions.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::style::Palette;
use crate::app::{App, Window};
use crate::look::{Tone, Toned};
use crate::text::fit;

const KEYS: &[(&str, &str)] = &[
    ("↑ ↓  k j", "one entry up or down"),
    ("PgUp PgDn", "one page up or down"),
    ("Home End  g G", "the first, the last"),
    ("tab  1 2 3", "units, flavours, payloads"),
    (
        "enter",
        "all about the entry, with its last failure in full",
    ),
    ("i", "all about the runtime, and what its stop waits for"),
    ("s", "sort the list in another way"),
    ("/", "show only what has a text in it; esc shows all"),
    ("p", "pause: what is shown stays; again: go on"),
    ("S  x  r", "start, stop, restart the unit"),
    ("R", "reload the daemon"),
    ("q", "quit"),
    (
        "",
        "S, x, r and R need the daemon's token, and a daemon that allows them: see --help.",
    ),
    (
        "STARTED",
        "+3: started again three times; 2/5: two of the five starts that its limit allows",
    ),
    (
        "OLDEST",
        "how long the oldest payload has been waiting; ?: not known",
    ),
    (
        "STALLED",
        "all: nothing runs on the flavour any more; partly: some of its threads are held up",
    ),
];

pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, palette: Palette) {
    let area = frame.area();
    // The rim of a window that does not fill the screen says that something is behind it.
    let most = match area.width >= 50 && area.height >= 16 {
        true => area.inner(Margin::new(2, 1)),
        false => area,
    };
    let width = most.width.saturating_sub(4);
    let (title, lines, scroll) = match &app.window {
        Window::None | Window::Filter => return,
        Window::Question(command) => return ask(frame, &format!("{command}?"), palette),
        Window::Text {
            title,
            lines,
            scroll,
        } => (title, wrapped(lines, width, palette), *scroll),
        Window::Help { scroll } => (&"Keys".to_owned(), keys(width), *scroll),
    };
    let height = (lines.len() as u16)
        .saturating_add(2)
        .clamp(most.height.min(8), most.height);
    let area = Rect { height, ..most };
    let inner = open(frame, area, title, " esc closes ");
    let last = lines.len().saturating_sub(inner.height.into());
    app.set_last_scroll(last);
    let scroll = scroll.min(last);
    frame.render_widget(
        Paragraph::new(lines.into_iter().skip(scroll).collect::<Vec<_>>()),
        inner,
    );
    let below = last - scroll;
    if below > 0 && area.height > 2 {
        let more = Line::from(format!(" ↓ {below} more ")).style(Modifier::BOLD);
        let at = Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        };
        frame.render_widget(more.right_aligned(), at.inner(Margin::new(1, 0)));
    }
}

/// What each key does, and what the columns mean.
fn keys(width: u16) -> Vec<Line<'static>> {
    let lines = KEYS.iter().flat_map(|(key, meaning)| {
        let indent = " ".repeat(if key.is_empty() { 0 } else { 15 });
        let first = if key.is_empty() {
            String::new()
        } else {
            format!("{key:<15}")
        };
        let options = textwrap::Options::new(usize::from(width).max(1));
        let options = options.initial_indent(&first).subsequent_indent(&indent);
        let lines = textwrap::wrap(meaning, options).into_iter();
        lines
            .map(|line| Line::from(line.into_owned()))
            .collect::<Vec<_>>()
    });
    lines.collect()
}

fn ask(frame: &mut Frame<'_>, question: &str, palette: Palette) {
    let whole = frame.area();
    let width = (question.chars().count() as u16)
        .saturating_add(4)
        .max(34)
        .min(whole.width);
    let lines = textwrap::wrap(question, usize::from(width.saturating_sub(4)).max(1)).len() as u16;
    let height = lines.saturating_add(4).min(whole.height);
    let (x, y) = ((whole.width - width) / 2, (whole.height - height) / 2);
    let inner = open(
        frame,
        Rect {
            x,
            y,
            width,
            height,
        },
        "Are you sure?",
        "",
    );
    let texts = [(question.to_owned(), Tone::Bad), Toned::default()];
    let mut lines = wrapped(&texts, inner.width, palette);
    lines.push(Line::from("y  yes      any other key  no").style(Modifier::BOLD));
    // What has no room is the question's beginning: the keys must be seen.
    let hidden = lines.len().saturating_sub(inner.height.into());
    frame.render_widget(Paragraph::new(lines.split_off(hidden)), inner);
}

/// An empty window over what is there; returns the room in it.
fn open(frame: &mut Frame<'_>, area: Rect, title: &str, foot: &'static str) -> Rect {
    let title = fit(title, usize::from(area.width).saturating_sub(6));
    let block = Block::bordered()
        .title(Line::from(format!(" {title} ")).style(Modifier::BOLD))
        .title_bottom(Line::from(if foot.is_empty() {
            ""
        } else {
            " esc closes "
        }));
    let inner = block.inner(area).inner(Margin::new(1, 0));
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}

/// The lines, broken to `width`.
pub(super) fn wrapped(lines: &[Toned], width: u16, palette: Palette) -> Vec<Line<'static>> {
    let width = usize::from(width).max(1);
    let wrap = |(text, tone): &Toned| {
        let indent = " ".repeat(text.len() - text.trim_start().len());
        let options = textwrap::Options::new(width).subsequent_indent(&indent);
        let lines = textwrap::wrap(text, options).into_iter();
        let style = palette.style(*tone);
        lines
            .map(|line| Line::from(Span::styled(line.into_owned(), style)))
            .collect::<Vec<_>>()
    };
    lines.iter().flat_map(wrap).collect()
}
