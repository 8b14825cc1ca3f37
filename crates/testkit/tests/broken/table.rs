//! The tables agree: each row has its cases, each case its faults, and each fault is found.

use std::panic;
use std::sync::{Mutex, Once, OnceLock};
use std::thread;
use std::time::Duration;

use foster_testkit::{Setup, Verdict, Violation, cases, rows, rows_proved_everywhere};

use crate::faults::{Broken, CASES_WITHOUT, FAULTS, KINDS, Kind, ROWS_WITHOUT};
use crate::{futures, subroutines};

/// How long a case that finds a fault waits in vain.
const SHORT: Duration = Duration::from_millis(2_500);

/// How long a case that finds none may take, on a busy machine.
const LONG: Duration = Duration::from_secs(10);

/// Hundreds of panics are expected here. If the environment asks for backtraces, each panic would wait its turn
/// for one, and a case's time would run out.
fn without_backtraces() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| panic::set_hook(Box::new(|panic| eprintln!("{panic}"))));
}

/// The cases in which the locals of a thread hold up its end.
const HOLD_UP: &[&str] = &[
    "its_threads_are_gone_at_the_end",
    "join_keeps_to_its_deadline_while_a_thread_ends",
];

/// Windows drops the locals of all threads under one lock, so no other thread starts or ends meanwhile. What holds one up is
/// alone there.
fn is_alone(case: &str) -> bool {
    cfg!(windows) && HOLD_UP.contains(&case)
}

/// Calls `test` on each flavour and case of `list`, so many at a time, and returns its findings.
fn on_all<T: Copy + Send>(
    at_a_time: usize,
    list: Vec<T>,
    case: impl Fn(&T) -> &'static str,
    test: impl Fn(T) -> Option<String> + Sync,
) -> Vec<String> {
    without_backtraces();
    let (alone, beside) = list.into_iter().partition(|one| is_alone(case(one)));
    let mut said = on_threads(at_a_time, beside, &test);
    said.extend(on_threads(1, alone, &test));
    said
}

fn on_threads<T: Send>(
    number: usize,
    list: Vec<T>,
    test: &(impl Fn(T) -> Option<String> + Sync),
) -> Vec<String> {
    let (list, said) = (Mutex::new(list), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..number {
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

fn check(broken: Broken, case: &str, patience: Duration) -> Result<Verdict, Violation> {
    broken.check(case, Setup::new().patience(patience))
}

/// A fault that cannot be seen on Windows: none of the threads that end a runtime ends before that which is held up.
fn is_hidden(case: &str, row: &str) -> bool {
    cfg!(windows) && case == "its_threads_are_gone_at_the_end" && row == "L5"
}

#[test]
fn every_fault_is_found_by_its_case_and_row() {
    healthy();
    let missed = on_all(
        24,
        FAULTS.to_vec(),
        |one| one.1,
        |(broken, case, row)| {
            if is_hidden(case, row) {
                return None;
            }
            // Some faults depend on a race, which a busy machine may decide differently.
            let mut missed = misses(broken, case, row)?;
            for _ in 0..2 {
                missed = misses(broken, case, row)?;
            }
            Some(missed)
        },
    );
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

/// The other observation, if the case does not find the fault by the row.
fn misses(broken: Broken, case: &str, row: &str) -> Option<String> {
    let seen = match check(broken, case, SHORT) {
        Err(violation) if violation.rows().contains(&row) => return None,
        Err(violation) => violation.to_string(),
        Ok(verdict) => format!("{verdict:?}"),
    };
    Some(format!(
        "{broken:?} is not found by {case} as {row}: {seen}"
    ))
}

/// Flavours that keep the contract, of each kind.
const HEALTHY: &[Broken] = &[
    Broken::Coroutine(futures::Fault::None),
    Broken::Coroutine(futures::Fault::PollsTheFinished),
    Broken::Parallel(futures::Fault::None),
    Broken::Parallel(futures::Fault::PollsTheFinished),
    Broken::Subroutine(subroutines::Fault::None),
];

/// What the healthy break.
struct Healthy {
    failed: Vec<String>,
    /// Which case applies to which kind.
    applies: Vec<(&'static str, Kind)>,
}

/// Has each healthy flavour do each case, once and before anything else: the threads that a broken one leaves behind would take
/// time from them, and on Windows hold up their threads.
fn healthy() -> &'static Healthy {
    static DONE: OnceLock<Healthy> = OnceLock::new();
    DONE.get_or_init(|| {
        let applies = Mutex::new(Vec::new());
        let all: Vec<_> = cases()
            .into_iter()
            .flat_map(|case| HEALTHY.iter().map(move |healthy| (*healthy, case.name)))
            .collect();
        // Many of them flood their flavour, which leaves little to the others, and under Wine least of all.
        let at_a_time = if cfg!(windows) { 4 } else { 24 };
        let failed = on_all(
            at_a_time,
            all,
            |one| one.1,
            |(healthy, case)| {
                match check(healthy, case, LONG) {
                    Ok(Verdict::Kept) => applies.lock().unwrap().push((case, healthy.kind())),
                    Ok(_) => {}
                    Err(violation) => return Some(format!("{healthy:?}: {violation}")),
                }
                None
            },
        );
        let applies = applies.into_inner().unwrap();
        Healthy { failed, applies }
    })
}

#[test]
fn without_a_fault_every_case_is_kept_and_each_kind_has_its_faults() {
    let Healthy { failed, applies } = healthy();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    for case in cases() {
        let mut of_any = false;
        for kind in KINDS {
            let found =
                |fault: &&(Broken, &str, &str)| fault.1 == case.name && fault.0.kind() == kind;
            let faults = FAULTS.iter().filter(found).count();
            let excused = |one: &&(&str, _, &str)| one.0 == case.name && one.1 == kind;
            let excuses = CASES_WITHOUT.iter().filter(excused).count();
            let expected = usize::from(applies.contains(&(case.name, kind)));
            assert_eq!(
                faults.min(1) + excuses,
                expected,
                "{} on {kind:?}: {faults} faults, {excuses} reasons to have none",
                case.name
            );
            of_any |= expected > 0;
        }
        assert!(of_any, "{} applies to no kind", case.name);
    }
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
fn every_row_has_a_fault() {
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
        "/../core/src/contract/flavour.rs"
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
