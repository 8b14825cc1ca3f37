//! The rows about growing as lines: a cost against the number of those that are alive.

use super::super::measure::{Row, Unit};
use super::SIDE;

/// The cost of one of a kind, from few to many.
pub(crate) struct Line {
    /// What it is one of: all of a family are in one picture.
    pub(crate) family: &'static str,
    /// Which figure of it: the start, the stop, or the bytes.
    pub(crate) figure: String,
    pub(crate) name: String,
    pub(crate) unit: Unit,
    /// Numbers, and the median at each.
    pub(crate) points: Vec<(usize, f64)>,
}

/// Memory is taken by pages, and some is left of what lived before: by how much a process grows says nothing below this.
const LEAST_BYTES: f64 = 1e6;

/// The lines of all `rows`, in their order.
pub(crate) fn lines(rows: &[Row]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let Some((kind, number, figure)) = parts(&row.name) else {
            continue;
        };
        let family = match kind.split('-').next() {
            Some("units") => "services",
            Some("groups") => "groups",
            Some("runtimes") => "runtimes",
            _ => "payloads",
        };
        for (index, column) in row.columns.iter().enumerate() {
            let name = match index {
                0 => kind.to_owned(),
                _ => format!("{kind}, raw {}", column.side),
            };
            let point = (number, column.value.median);
            if row.unit == Unit::Bytes && point.1 * (number as f64) < LEAST_BYTES {
                continue;
            }
            let same = |line: &&mut Line| line.name == name && line.figure == figure;
            match lines.iter_mut().find(same) {
                Some(line) => line.points.push(point),
                None => lines.push(Line {
                    family,
                    figure: figure.to_owned(),
                    name,
                    unit: row.unit,
                    points: vec![point],
                }),
            }
        }
    }
    lines
}

/// The kind, the number and the figure in the name of a row.
fn parts(name: &str) -> Option<(&str, usize, &str)> {
    let mut parts = name.strip_prefix(SIDE)?.rsplitn(3, '-');
    let (figure, number) = (parts.next()?, parts.next()?.parse().ok()?);
    Some((parts.next()?, number, figure))
}
