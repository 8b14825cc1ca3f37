//! What a runtime said at its end.

use foster::{Failure, FailureKind, Group, RunError, Runtime, StragglerReason, UnitState};

use crate::life::ASKED;

/// What the runtime said at its end.
#[derive(Debug, Default)]
pub struct Report {
    pub is_ok: bool,
    pub failures: Vec<Told>,
    pub omitted: usize,
    pub stragglers: Vec<(Option<String>, StragglerReason)>,
    /// `None` where no handle was left to ask, and no error to tell.
    pub left_behind: Option<Vec<String>>,
    /// What may fail, and did not end in time.
    pub excused: Vec<String>,
    /// The groups, when all in them was over; `None` where no handle was left.
    pub groups: Vec<Option<GroupAtEnd>>,
}

#[derive(Debug)]
pub struct GroupAtEnd {
    pub state: UnitState,
    pub running: usize,
    pub taken: usize,
    pub waiting: usize,
}

#[derive(Debug)]
pub struct Told {
    pub payload: String,
    pub flavour: String,
    pub kind: FailureKind,
    pub message: String,
    pub during_shutdown: bool,
}

impl From<&Failure> for Told {
    fn from(failure: &Failure) -> Self {
        Self {
            payload: name_in(failure),
            flavour: failure.flavour().to_owned(),
            kind: failure.kind(),
            message: failure.message().to_owned(),
            during_shutdown: failure.during_shutdown(),
        }
    }
}

impl Report {
    pub fn new(result: &Result<(), RunError>, runtime: Option<&Runtime>) -> Self {
        let is_left = |one: &&foster::Straggler| one.reason() == StragglerReason::LeftBehind;
        let named = |list: Vec<&foster::Straggler>| -> Vec<String> {
            let names = list.iter().filter_map(|one| one.payload());
            names.map(|path| last_of(path).to_owned()).collect()
        };
        let listed = match (result, runtime) {
            (Err(error), _) => Some(error.left_behind()),
            (Ok(()), Some(runtime)) => Some(runtime.left_behind()),
            (Ok(()), None) => None,
        };
        let listed = listed.map(|listed| listed.iter().partition::<Vec<_>, _>(is_left));
        let (left_behind, excused) = listed.unzip();
        let mut report = Self {
            is_ok: result.is_ok(),
            left_behind: left_behind.map(named),
            excused: excused.map(named).unwrap_or_default(),
            ..Self::default()
        };
        if let Err(error) = result {
            report.failures = error.failures().iter().map(Told::from).collect();
            report.omitted = error.omitted();
            let stragglers = error.stragglers().iter();
            report.stragglers = stragglers
                .map(|one| (one.payload().map(last_of).map(str::to_owned), one.reason()))
                .collect();
        }
        report
    }
}

impl GroupAtEnd {
    pub fn of(group: &Group) -> Self {
        Self {
            state: group.state(),
            running: group.running(),
            taken: group.taken(),
            waiting: group.waiting(),
        }
    }

    /// Whether nothing is left in it.
    pub fn is_empty(&self) -> bool {
        (self.running, self.taken, self.waiting) == (0, 0, 0)
    }
}

/// The name behind the path of a group.
fn last_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name of the payload that failed. What was adopted in a place has none, and is known by what it says.
fn name_in(failure: &Failure) -> String {
    let asked = failure.message().split_once(ASKED);
    let number = asked.map(|(_, rest)| rest.trim_end_matches('"'));
    match (failure.payload().contains(".rs:"), number) {
        (true, Some(number)) => format!("p{number}"),
        _ => last_of(failure.payload()).to_owned(),
    }
}
