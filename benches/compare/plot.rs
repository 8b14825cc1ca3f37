//! Pictures of what was measured: the ratios, and what one payload costs as they become more.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use plotters::prelude::*;

use super::measure::Row;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const WIDTH: u32 = 960;
const FONT: &str = "sans-serif";
/// What the names of rows about growing begin with; behind it stand the flavour and the number.
const GROWTH: &str = "growth-";
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

/// Draws into `folder`; of what was not measured there is no picture.
pub(crate) fn draw(rows: &[Row], folder: &Path) -> Outcome {
    fs::create_dir_all(folder)?;
    let (growths, others): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.name.starts_with(GROWTH));
    if !others.is_empty() {
        ratios(&others, &folder.join("ratios.svg"))?;
    }
    if !growths.is_empty() {
        growth(&growths, &folder.join("growth.svg"))?;
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

/// Nanoseconds for one payload against their number, a line for each flavour and each raw executor.
fn growth(rows: &[&Row], file: &Path) -> Outcome {
    let mut lines = BTreeMap::<String, Vec<(f64, f64)>>::new();
    for row in rows {
        let name = row.name.trim_start_matches(GROWTH);
        let Some((flavour, number)) = name.rsplit_once('-') else {
            continue;
        };
        let number: f64 = number.parse()?;
        for column in &row.columns {
            let name = match column.side {
                "foster" => format!("foster, {flavour}"),
                raw if raw.starts_with("foster") => continue,
                raw => format!("{raw}, raw"),
            };
            let point = (number, column.value.median);
            lines.entry(name).or_default().push(point);
        }
    }
    let points = || lines.values().flatten();
    let last = points().fold(10_000.0, |last: f64, point| last.max(point.0));
    let most = points().fold(1_000.0, |most: f64, point| most.max(point.1));
    let area = SVGBackend::new(file, (WIDTH, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .margin_right(48)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((1e3..last).log_scale(), 0.0..most * 1.2)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .x_label_formatter(&|number| format!("{number:.0}"))
        .y_label_formatter(&|time| format!("{time:.0}"))
        .x_desc("idle payloads")
        .y_desc("ns for one, from adopt to the end")
        .label_style((FONT, 14))
        .draw()?;
    for (index, (name, points)) in lines.iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3);
        chart
            .draw_series(line)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(GRID)
        .label_font((FONT, 14))
        .position(SeriesLabelPosition::UpperLeft)
        .draw()?;
    area.present()?;
    Ok(())
}
