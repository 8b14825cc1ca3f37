//! The tables agree: each row has its cases, each case its faults, and each fault is found.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use foster_testkit::{Setup, Verdict, Violation, cases, check, rows, rows_proved_everywhere};

use crate::faults::{Broken, CASES_WITHOUT, FAULTS, ROWS_WITHOUT};
use crate::{coroutines, executor, subroutines};

fn try_case(broken: Broken, case: &str, patience: Duration) -> Result<Verdict, Violation> {
    let setup = Setup::new().patience(patience);
    match broken {
        Broken::Coroutines(fault) => check(
            case,
            coroutines::ByHand(fault),
            setup.sleep(executor::sleep),
        ),
        Broken::Subroutines(fault) => check(case, subroutines::ByHand(fault), setup),
    }
}

/// Calls `test` on each of `list`, on several threads, and returns what it has to say.
fn on_all<T: Copy + Send>(list: Vec<T>, test: impl Fn(T) -> Option<String> + Sync) -> Vec<String> {
    let (list, said) = (Mutex::new(list), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let next = list.lock().unwrap().pop();
                    let Some(next) = next else { return };
                    // Before the lock, which is for the list alone.
                    let say = test(next);
                    said.lock().unwrap().extend(say);
                }
            });
        }
    });
    said.into_inner().unwrap()
}

#[test]
fn every_fault_is_found_by_its_case_and_row() {
    let missed = on_all(FAULTS.to_vec(), |(broken, case, row)| {
        let seen = match try_case(broken, case, Duration::from_millis(2_500)) {
            Err(violation) if violation.rows().contains(&row) => return None,
            Err(violation) => violation.to_string(),
            Ok(verdict) => format!("{verdict:?}"),
        };
        Some(format!(
            "{broken:?} is not found by {case} as {row}: {seen}"
        ))
    });
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn without_a_fault_every_case_is_kept() {
    let healthy = [
        Broken::Coroutines(coroutines::Fault::None),
        Broken::Coroutines(coroutines::Fault::PollsTheFinished),
        Broken::Subroutines(subroutines::Fault::None),
    ];
    let all: Vec<_> = cases()
        .into_iter()
        .flat_map(|case| healthy.map(|broken| (broken, case.name)))
        .collect();
    let failed = on_all(all, |(broken, case)| {
        let result = try_case(broken, case, Duration::from_secs(10));
        result
            .err()
            .map(|violation| format!("{broken:?}: {violation}"))
    });
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn every_case_applies_to_one_of_the_kinds() {
    let (coroutines, subroutines) = (coroutines::Fault::None, subroutines::Fault::None);
    let unused = on_all(cases(), |case| {
        let kinds = [
            Broken::Coroutines(coroutines),
            Broken::Subroutines(subroutines),
        ];
        let applies = |broken| {
            let verdict = try_case(broken, case.name, Duration::from_secs(10));
            verdict.is_ok_and(|verdict| verdict == Verdict::Kept)
        };
        (!kinds.into_iter().any(applies)).then(|| case.name.to_owned())
    });
    assert!(unused.is_empty(), "never kept: {unused:?}");
}

#[test]
fn every_row_has_a_case_and_every_case_a_row() {
    let known: Vec<_> = rows().iter().map(|row| row.id()).collect();
    for case in cases() {
        assert!(!case.rows.is_empty(), "{} proves nothing", case.name);
        for row in case.rows {
            assert!(
                known.contains(row),
                "{} names {row}, which is no row",
                case.name
            );
        }
    }
    for row in &known {
        let proved = cases().iter().any(|case| case.rows.contains(row));
        assert!(proved, "no case proves {row}");
    }
    for row in rows_proved_everywhere() {
        assert!(known.contains(row), "{row} is no row");
    }
}

#[test]
fn every_case_and_every_row_has_a_fault() {
    for case in cases() {
        let found = FAULTS.iter().any(|fault| fault.1 == case.name);
        let excused = CASES_WITHOUT.iter().any(|one| one.0 == case.name);
        assert!(
            found != excused,
            "{}: one of a fault and a reason",
            case.name
        );
    }
    for row in rows() {
        let found = FAULTS.iter().any(|fault| fault.2 == row.id());
        let excused = ROWS_WITHOUT.iter().any(|one| one.0 == row.id());
        assert!(
            found != excused,
            "{}: one of a fault and a reason",
            row.id()
        );
    }
    for (_, case, row) in FAULTS {
        let case = cases().into_iter().find(|one| one.name == *case);
        let case = case.expect("faults name cases");
        let proved = case.rows.contains(row) || rows_proved_everywhere().contains(row);
        assert!(proved, "{} does not prove {row}", case.name);
    }
}

/// The clauses in the documentation of `Flavour` are the rows of the kit.
#[test]
fn every_clause_of_the_trait_is_a_row() {
    let Ok(source) = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../core/src/flavour.rs"
    )) else {
        // Not in the workspace: the published package comes without core's source.
        return;
    };
    let mut clauses: Vec<_> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("/// - **")?.split_once("**"))
        .map(|(id, _)| id)
        .collect();
    let is_clause = |row: &&str| row.contains('-');
    let mut known: Vec<_> = rows()
        .iter()
        .map(|row| row.id())
        .filter(is_clause)
        .collect();
    clauses.sort_unstable();
    known.sort_unstable();
    assert_eq!(clauses, known);
}
