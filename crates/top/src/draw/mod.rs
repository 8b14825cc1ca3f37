//! Drawing the program's state. What is drawn has been worked out in `look` and `app`.

mod list;
mod style;
#[cfg(test)]
mod tests;
mod window;

use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Modifier, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};
use unicode_width::UnicodeWidthStr as _;

pub(crate) use self::style::Palette;
use crate::app::{App, Connection, Window};
use crate::look::{self, Tone, Toned, View};
use crate::text::{age, fit};

/// After how long without an answer the header says so.
const LATE: Duration = Duration::from_secs(3);

/// Draws all of `app` as it is at `now`.
pub(crate) fn draw(frame: &mut Frame<'_>, app: &mut App, now: Instant, palette: Palette) {
    let area = frame.area();
    let alerts = alerts(app, now);
    let tall = |from: u16, lines: u16| if area.height >= from { lines } else { 0 };
    let [title, summary, alert, tabs, list, note, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(tall(5, 1)),
        Constraint::Length(tall(8, (alerts.len() as u16).min(area.height / 6))),
        Constraint::Length(tall(4, 1)),
        Constraint::Min(1),
        Constraint::Length(tall(12, if area.height < 18 { 1 } else { area.height / 4 })),
        Constraint::Length(tall(3, 1)),
    ])
    .areas(area);

    draw_title(frame, title, app, now, palette);
    if let Some(status) = &app.status {
        frame.render_widget(
            pieces(look::summary(status), summary.width, palette),
            summary,
        );
    }
    for (text, row) in alerts.into_iter().zip(alert.rows()) {
        let text = (format!("! {}", text.0), text.1);
        frame.render_widget(toned(&text, row.width, palette).style(Modifier::BOLD), row);
    }
    draw_tabs(frame, tabs, app, palette);
    match app.status {
        Some(_) => list::draw(frame, list, app, palette),
        None => draw_nothing(frame, list, app, palette),
    }
    draw_note(frame, note, app, palette);
    draw_foot(frame, foot, app, palette);
    window::draw(frame, app, palette);
}

/// What is wrong, the connection first.
fn alerts(app: &App, now: Instant) -> Vec<Toned> {
    let mut alerts = Vec::new();
    if let (Connection::Lost(_, why), Some(_)) = (&app.connection, &app.status) {
        let old = age(since(app.taken, now));
        let text = format!("gone, what stands here is {old} old; still trying: {why}");
        alerts.push((text, Tone::Bad));
    }
    alerts.extend(app.status.iter().flat_map(look::alerts));
    alerts
}

fn since(moment: Option<Instant>, now: Instant) -> Duration {
    moment.map_or(Duration::ZERO, |moment| {
        now.saturating_duration_since(moment)
    })
}

/// What is known of the connection, in a word.
fn connection(app: &App, now: Instant) -> Toned {
    let silent = since(app.answered, now);
    match &app.connection {
        Connection::Connecting => ("connecting".to_owned(), Tone::Changing),
        Connection::Lost(since, _) => {
            let gone = age(now.saturating_duration_since(*since));
            (format!("GONE {gone}"), Tone::Bad)
        }
        Connection::Live if silent >= app.interval + LATE => {
            (format!("no answer for {}", age(silent)), Tone::Bad)
        }
        Connection::Live if app.is_paused => {
            let paused = age(since(app.taken, now));
            (format!("PAUSED {paused}"), Tone::Changing)
        }
        Connection::Live => ("live".to_owned(), Tone::Good),
    }
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, app: &App, now: Instant, palette: Palette) {
    let state = connection(app, now);
    let width = (state.0.len() as u16 + 1).min(area.width);
    let [left, right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(width)]).areas(area);
    let address = fit(&app.address, usize::from(left.width).saturating_sub(12));
    let title = Line::from(vec![Span::raw("foster-top  "), Span::raw(address)]);
    frame.render_widget(title.style(Modifier::BOLD), left);
    let state = toned(&state, right.width, palette).style(Modifier::BOLD);
    frame.render_widget(state.alignment(Alignment::Right), right);
}

fn draw_tabs(frame: &mut Frame<'_>, area: Rect, app: &App, palette: Palette) {
    let mut spans = Vec::new();
    for (nth, view) in View::ALL.into_iter().enumerate() {
        let number = app.status.as_ref().map(|status| view.count(status));
        let number = number
            .map(|number| format!(" {number}"))
            .unwrap_or_default();
        let text = format!(" {} {}{number} ", nth + 1, view.title());
        let style = match view == app.view() {
            true => Modifier::REVERSED | Modifier::BOLD,
            false => Modifier::empty(),
        };
        spans.extend([Span::styled(text, style), Span::raw(" ")]);
    }
    let mut about = format!("sort: {}", app.list().order().title());
    if !app.list().filter().is_empty() {
        about = format!("{about}  filter: {}", app.list().filter());
    }
    let tabs = Line::from(spans);
    let room = usize::from(area.width).saturating_sub(tabs.width());
    frame.render_widget(tabs, area);
    if room >= 12 {
        let about = toned(&(about, Tone::Faint), room as u16, palette);
        frame.render_widget(about.alignment(Alignment::Right), area);
    }
}

/// In place of a list, before the first answer.
fn draw_nothing(frame: &mut Frame<'_>, area: Rect, app: &App, palette: Palette) {
    let (text, tone) = match &app.connection {
        Connection::Lost(_, why) => {
            let address = &app.address;
            (
                format!("Cannot reach a daemon at {address}: {why}.\n\nStill trying."),
                Tone::Bad,
            )
        }
        _ => ("Connecting …".to_owned(), Tone::Plain),
    };
    let text = Paragraph::new(text)
        .wrap(Wrap { trim: true })
        .style(palette.style(tone));
    frame.render_widget(text, area);
}

/// The selected entry: all about it where there is room, else what has none in the list.
fn draw_note(frame: &mut Frame<'_>, area: Rect, app: &App, palette: Palette) {
    let (Some(row), Some(_)) = (app.list().selected(), &app.status) else {
        return;
    };
    if area.height < 2 {
        frame.render_widget(toned(&row.note, area.width, palette), area);
        return;
    }
    let [rule, text] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let lines = window::wrapped(&row.details, text.width, palette);
    let more = match lines.len() > usize::from(text.height) {
        true => " ⏎ all of it ",
        false => "",
    };
    let room = usize::from(rule.width).saturating_sub(more.width() + 5);
    let name = format!(" {} ", fit(&row.title, room));
    let block = Block::new()
        .borders(Borders::TOP)
        .title(Line::from(name).bold());
    frame.render_widget(block.title(Line::from(more).right_aligned()), rule);
    frame.render_widget(Paragraph::new(lines), text);
}

fn draw_foot(frame: &mut Frame<'_>, area: Rect, app: &App, palette: Palette) {
    let line = match (&app.window, &app.said) {
        (Window::Filter, _) => {
            let text = format!("filter: {}▏  ⏎ keep it   esc clear it", app.list().filter());
            toned(&(text, Tone::Plain), area.width, palette).style(Modifier::BOLD)
        }
        (_, Some(said)) => {
            let tone = if said.is_error {
                Tone::Bad
            } else {
                Tone::Plain
            };
            toned(&(said.text.clone(), tone), area.width, palette).style(Modifier::BOLD)
        }
        _ => help_line(app, area.width),
    };
    frame.render_widget(line, area);
}

/// As many of the keys as there is room for, the most needed first.
fn help_line(app: &App, width: u16) -> Line<'static> {
    let pause = if app.is_paused { "go on" } else { "pause" };
    let mut keys = vec![
        ("q", "quit"),
        ("?", "keys"),
        ("⏎", "more"),
        ("tab", "lists"),
    ];
    keys.extend([("s", "sort"), ("/", "filter")]);
    if app.has_token() {
        keys.extend([
            ("S", "start"),
            ("x", "stop"),
            ("r", "restart"),
            ("R", "reload"),
        ]);
    }
    keys.extend([("p", pause), ("i", "runtime")]);
    let (mut spans, mut taken) = (Vec::new(), 0);
    for (key, meaning) in keys {
        let piece = [
            Span::styled(key, Modifier::BOLD),
            Span::raw(format!(" {meaning}  ")),
        ];
        taken += piece.iter().map(Span::width).sum::<usize>();
        if taken > usize::from(width) + 2 {
            break;
        }
        spans.extend(piece);
    }
    Line::from(spans)
}

/// As many of the pieces as there is room for.
fn pieces(pieces: Vec<Toned>, width: u16, palette: Palette) -> Line<'static> {
    let (mut spans, mut taken) = (Vec::new(), 0);
    for (text, tone) in pieces {
        let piece = [Span::styled(text, palette.style(tone)), Span::raw("  ")];
        taken += piece.iter().map(Span::width).sum::<usize>();
        if taken > usize::from(width) + 2 {
            break;
        }
        spans.extend(piece);
    }
    Line::from(spans)
}

/// A text in its colour, cut to `width`.
fn toned(text: &Toned, width: u16, palette: Palette) -> Line<'static> {
    let cut = fit(&text.0, width.into()).into_owned();
    Line::from(Span::styled(cut, palette.style(text.1)))
}
