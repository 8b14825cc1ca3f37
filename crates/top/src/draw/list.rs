//! The entries of a list in their columns.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};

use super::style::Palette;
use super::toned;
use crate::app::App;
use crate::look::{Column, Tone, Toned, Width};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, palette: Palette) {
    let has_titles = area.height > 2;
    let [titles, lines] =
        Layout::vertical([Constraint::Length(has_titles.into()), Constraint::Min(0)]).areas(area);
    app.set_page(lines.height.into());

    let columns = app.view().columns();
    let places = places(columns, app.list().widest(), titles);
    for (column, place) in columns.iter().zip(&places) {
        let Some(place) = place else { continue };
        let title = (column.title.to_owned(), Tone::Plain);
        draw_cell(frame, *place, &title, column, palette);
    }
    frame
        .buffer_mut()
        .set_style(titles, Style::new().add_modifier(Modifier::UNDERLINED));

    if app.list().len() == 0 {
        let nothing = match app.list().filter() {
            "" => "none".to_owned(),
            filter => format!("none with `{filter}` in it; esc shows all"),
        };
        frame.render_widget(toned(&(nothing, Tone::Faint), lines.width, palette), lines);
    }
    for ((row, is_selected), line) in app.list().visible().zip(lines.rows()) {
        for ((cell, column), place) in row.cells.iter().zip(columns).zip(&places) {
            let Some(place) = place else { continue };
            draw_cell(
                frame,
                Rect {
                    y: line.y,
                    height: 1,
                    ..*place
                },
                cell,
                column,
                palette,
            );
        }
        if is_selected {
            let style = Style::new().add_modifier(Modifier::REVERSED);
            frame.buffer_mut().set_style(line, style);
        }
    }
    draw_hidden(frame, titles, app, palette);
}

/// Where the columns are; those for which the list is too narrow are nowhere.
///
/// A column that shares what is left takes no more of it than its widest cell needs; the last one has the rest.
fn places(columns: &[Column], widest: &[u16], area: Rect) -> Vec<Option<Rect>> {
    let there: Vec<_> = (0..columns.len())
        .filter(|nth| area.width >= columns[*nth].from)
        .collect();
    let mut widths: Vec<_> = there
        .iter()
        .map(|nth| constraint(columns[*nth].width))
        .collect();
    let shared = Layout::horizontal(&widths).spacing(1).split(area);
    for ((width, nth), shared) in widths
        .iter_mut()
        .rev()
        .skip(1)
        .rev()
        .zip(&there)
        .zip(&*shared)
    {
        if widest[*nth] < shared.width && matches!(width, Constraint::Fill(_)) {
            *width = Constraint::Length(widest[*nth]);
        }
    }
    let areas = Layout::horizontal(widths).spacing(1).split(area);
    let mut places = vec![None; columns.len()];
    for (nth, area) in there.into_iter().zip(&*areas) {
        places[nth] = Some(*area);
    }
    places
}

fn constraint(width: Width) -> Constraint {
    match width {
        Width::Left(width) | Width::Right(width) => Constraint::Length(width),
        Width::Share(share) => Constraint::Fill(share),
    }
}

fn draw_cell(frame: &mut Frame<'_>, area: Rect, cell: &Toned, column: &Column, palette: Palette) {
    let alignment = match column.width {
        Width::Right(_) => Alignment::Right,
        Width::Left(_) | Width::Share(_) => Alignment::Left,
    };
    frame.render_widget(toned(cell, area.width, palette).alignment(alignment), area);
}

/// How much of the list is above and below the screen.
fn draw_hidden(frame: &mut Frame<'_>, area: Rect, app: &App, palette: Palette) {
    let (above, below) = app.list().hidden();
    if above + below > 0 && area.width >= 60 {
        let text = (format!(" ↑{above} ↓{below}"), Tone::Plain);
        frame.render_widget(
            toned(&text, area.width, palette).alignment(Alignment::Right),
            area,
        );
    }
}
