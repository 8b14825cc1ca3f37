//! Pictures of what was measured: the ratios, and what one of a kind costs as they become more.

use std::fs;
use std::path::Path;

use plotters::prelude::*;

use super::growth::{self, Line, lines};
use super::measure::Row;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const WIDTH: u32 = 960;
const FONT: &str = "sans-serif";
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

/// Draws into `folder`; of what was not measured there is no picture.
pub(crate) fn draw(rows: &[Row], folder: &Path) -> Outcome {
    fs::create_dir_all(folder)?;
    let growths = lines(rows);
    let others: Vec<_> = rows
        .iter()
        .filter(|row| !row.name.starts_with(growth::SIDE))
        .collect();
    if !others.is_empty() {
        ratios(&others, &folder.join("ratios.svg"))?;
    }
    for of_family in growths.chunk_by(|line, next| line.family == next.family) {
        let name = format!("growth-{}.svg", of_family[0].family);
        growth(of_family, &folder.join(name))?;
    }
    Ok(())
}

/// A line for each peer of each measure: the quartiles of the ratio, and a dot at the median.
fn ratios(rows: &[&Row], file: &Path) -> Outcome {
    const LINE: u32 = 20;
    const LEFT: i32 = 330;
    const RIGHT: i32 = WIDTH as i32 - 60;
    const TOP: i32 = 50;
    let bars = || {
        rows.iter()
            .flat_map(|row| row.peers().iter().map(move |peer| (row, peer)))
    };
    let height = TOP as u32 + LINE * bars().count() as u32 + 20;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let x = |ratio: f64| {
        let (least, most) = (0.05_f64.ln(), 20_f64.ln());
        let part = (ratio.max(1e-9).ln().clamp(least, most) - least) / (most - least);
        LEFT + (part * f64::from(RIGHT - LEFT)) as i32
    };
    let text = |text: String, at: (i32, i32)| Text::new(text, at, (FONT, 13).into_font());
    let title = "Foster by peer: left of 1, Foster costs less".to_owned();
    area.draw(&text(title, (LEFT, 8)))?;
    for mark in [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0] {
        let colour = if mark == 1.0 { BLACK } else { GRID };
        let line = [(x(mark), TOP - 4), (x(mark), height as i32 - 16)];
        area.draw(&PathElement::new(line, colour))?;
        area.draw(&text(mark.to_string(), (x(mark) - 8, TOP - 20)))?;
    }
    for (index, (row, peer)) in bars().enumerate() {
        let y = TOP + (LINE * index as u32 + LINE / 2) as i32;
        let name = format!("{}, {}", row.name, peer.side);
        area.draw(&text(name, (8, y - 6)))?;
        let ratio = peer.ratio;
        let colour = if ratio.median <= 1.0 { BLUE } else { RED };
        let spread = [(x(ratio.lower), y), (x(ratio.upper), y)];
        area.draw(&PathElement::new(spread, colour.stroke_width(3)))?;
        area.draw(&Circle::new((x(ratio.median), y), 4, colour.filled()))?;
        area.draw(&text(format!("{:.2}", ratio.median), (RIGHT + 12, y - 6)))?;
    }
    area.present()?;
    Ok(())
}

/// The cost of one against how many there are, a panel for each figure.
fn growth(lines: &[Line], file: &Path) -> Outcome {
    const PANEL: u32 = 320;
    let figures = [
        ("start", "ns to start one"),
        ("stop", "ns to stop one"),
        ("cpu", "ns of processors for both"),
        ("bytes", "bytes of one"),
    ];
    let area = SVGBackend::new(file, (2 * PANEL * 3 / 2, 2 * PANEL)).into_drawing_area();
    area.fill(&WHITE)?;
    for (panel, (figure, says)) in area.split_evenly((2, 2)).iter().zip(figures) {
        let is_it = |line: &&Line| line.figure == figure;
        let lines: Vec<_> = lines.iter().filter(is_it).collect();
        if !lines.is_empty() {
            growth_of(&lines, panel, says, figure == "start")?;
        }
    }
    area.present()?;
    Ok(())
}

type Panel<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Both axes are logarithms, so a cost that grows with the number is a line that climbs.
fn growth_of(lines: &[&Line], panel: &Panel<'_>, title: &str, has_names: bool) -> Outcome {
    let points = || lines.iter().flat_map(|line| &line.points);
    let costs = || points().map(|(_, cost)| cost.max(1.0));
    let numbers = || points().map(|(number, _)| *number as f64);
    let (least, most) = (
        costs().fold(f64::MAX, f64::min),
        costs().fold(1.0, f64::max),
    );
    let (few, many) = (
        numbers().fold(f64::MAX, f64::min),
        numbers().fold(2.0, f64::max),
    );
    let mut chart = ChartBuilder::on(panel)
        .margin(8)
        .margin_right(20)
        .caption(title, (FONT, 14))
        .x_label_area_size(24)
        .y_label_area_size(52)
        .build_cartesian_2d(
            (few.min(many / 2.0)..many).log_scale(),
            // Room for the names.
            (least / 2.0..most * if has_names { 30.0 } else { 3.0 }).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .x_labels(8)
        .x_label_formatter(&|number| short(*number))
        .y_label_formatter(&|cost| short(*cost))
        .label_style((FONT, 11))
        .draw()?;
    for (index, line) in lines.iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        let points = line.points.iter();
        let points = points.map(|(number, cost)| (*number as f64, cost.max(1.0)));
        let series = LineSeries::new(points, colour.stroke_width(2)).point_size(2);
        let series = chart.draw_series(series)?;
        if has_names {
            let sample =
                move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2));
            series.label(&line.name).legend(sample);
        }
    }
    if has_names {
        chart
            .configure_series_labels()
            .background_style(WHITE)
            .border_style(GRID)
            .label_font((FONT, 10))
            .position(SeriesLabelPosition::UpperLeft)
            .draw()?;
    }
    Ok(())
}

/// 1, 10, 1k, 1M.
fn short(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{}M", number / 1e6),
        number if number >= 1e3 => format!("{}k", number / 1e3),
        number => number.to_string(),
    }
}
