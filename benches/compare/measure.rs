//! Rounds, in which every side of a measure has its turn, and what comes out of them.

use std::thread;
use std::time::Duration;

/// How much is measured.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
}

impl Plan {
    pub(crate) fn new(quick: bool, rounds: Option<usize>) -> Self {
        let rounds = rounds.unwrap_or(if quick { 9 } else { 15 });
        Self { rounds, quick }
    }

    /// How many of something a round takes.
    pub(crate) fn number(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

/// What a figure counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Bytes,
}

/// One thing that several sides do, and what is noted of it each time.
pub(crate) struct Measure<'a> {
    name: String,
    of: String,
    unit: Unit,
    /// What is noted, as suffixes of the measure's name, and in which unit if not in the measure's.
    figures: Vec<(&'static str, Option<Unit>)>,
    sides: Vec<Side<'a>>,
}

struct Side<'a> {
    name: &'static str,
    sample: Box<dyn FnMut() -> Vec<f64> + 'a>,
}

impl<'a> Measure<'a> {
    /// A measure in nanoseconds, of what `of` says.
    pub(crate) fn new(name: impl Into<String>, of: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            of: of.into(),
            unit: Unit::Nanoseconds,
            figures: vec![("", None)],
            sides: Vec::new(),
        }
    }

    pub(crate) fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Has every sample be several figures; each gets a row, whose name ends with its suffix.
    pub(crate) fn figures(mut self, suffixes: &[&'static str]) -> Self {
        self.figures = suffixes.iter().map(|suffix| (*suffix, None)).collect();
        self
    }

    /// Has every sample have one figure more, in a unit of its own.
    pub(crate) fn figure(mut self, suffix: &'static str, unit: Unit) -> Self {
        self.figures.push((suffix, Some(unit)));
        self
    }

    /// Adds a side whose sample is one figure. The first side is Foster's.
    pub(crate) fn side(self, name: &'static str, mut sample: impl FnMut() -> f64 + 'a) -> Self {
        self.side_of_many(name, move || vec![sample()])
    }

    /// Adds a side whose sample has all the figures.
    pub(crate) fn side_of_many(
        mut self,
        name: &'static str,
        sample: impl FnMut() -> Vec<f64> + 'a,
    ) -> Self {
        let sample = Box::new(sample);
        self.sides.push(Side { name, sample });
        self
    }

    /// Takes the rounds, after one that does not count: threads, allocator and caches get warm.
    pub(crate) fn compare(mut self, plan: &Plan) -> Vec<Row> {
        for side in &mut self.sides {
            (side.sample)();
        }
        let rounds: Vec<_> = (0..plan.rounds).map(|round| self.round(round)).collect();
        let row = |(figure, (suffix, unit)): (usize, &(&str, Option<Unit>))| Row {
            name: format!("{}{suffix}", self.name),
            of: self.of.clone(),
            unit: unit.unwrap_or(self.unit),
            columns: self.columns(&rounds, figure),
        };
        self.figures.iter().enumerate().map(row).collect()
    }

    /// One sample of each side, by side and figure. No side is always the first, nor always behind
    /// the same other.
    fn round(&mut self, round: usize) -> Vec<Vec<f64>> {
        let sides = self.sides.len();
        let mut samples = vec![Vec::new(); sides];
        for turn in 0..sides {
            let turn = if round.is_multiple_of(2) {
                turn
            } else {
                sides - 1 - turn
            };
            let side = (turn + round / 2) % sides;
            samples[side] = (self.sides[side].sample)();
            thread::sleep(Duration::from_millis(1));
        }
        samples
    }

    fn columns(&self, rounds: &[Vec<Vec<f64>>], figure: usize) -> Vec<Column> {
        let over = |value: &dyn Fn(&Vec<Vec<f64>>) -> f64| {
            Quartiles::of(rounds.iter().map(value).collect())
        };
        let column = |(side, Side { name, .. }): (usize, &Side<'_>)| Column {
            side: name,
            value: over(&|samples| samples[side][figure]),
            ratio: over(&|samples| samples[0][figure] / samples[side][figure]),
        };
        self.sides.iter().enumerate().map(column).collect()
    }
}

/// What came out of one measure.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) of: String,
    pub(crate) unit: Unit,
    /// Foster first. None where the measure does not apply.
    pub(crate) columns: Vec<Column>,
}

impl Row {
    /// A row without figures, that says why.
    pub(crate) fn does_not_apply(name: &str, of: &str, why: String) -> Self {
        Self {
            name: name.to_owned(),
            of: format!("{of} (does not apply: {why})"),
            unit: Unit::Nanoseconds,
            columns: Vec::new(),
        }
    }

    /// All but Foster's.
    pub(crate) fn peers(&self) -> &[Column] {
        self.columns.get(1..).unwrap_or_default()
    }
}

pub(crate) struct Column {
    pub(crate) side: &'static str,
    pub(crate) value: Quartiles,
    /// Foster's value by this side's, within a round.
    pub(crate) ratio: Quartiles,
}

#[derive(Clone, Copy)]
pub(crate) struct Quartiles {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Quartiles {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let last = values.len() - 1;
        Self {
            lower: values[last / 4],
            median: values[values.len() / 2],
            upper: values[last - last / 4],
        }
    }
}

/// The value below which `part` of `values` are.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() as f64 * part) as usize;
    values[index.min(values.len() - 1)]
}

/// The middle one of `times` samples, for what is too short or too rough to be measured once.
pub(crate) fn median_of(times: usize, mut sample: impl FnMut() -> f64) -> f64 {
    let mut values: Vec<_> = (0..times).map(|_| sample()).collect();
    quantile(&mut values, 0.5)
}
