//! The bench of a case: runtimes, expectations, and reports of failed ones.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use foster_core::{
    AdoptErrorKind, Builder, ExecuteError, ExecuteErrorKind, Failure, FailureKind, Outcome,
    RunError, Runtime, Signals, StragglerReason, Wait,
};

use crate::kind::{Kind, Subject};
use crate::lend::{AnyFlavour, Lending, Vault};
use crate::setup::Setup;
use crate::tools::{Gate, poll_once};
use crate::verdict::{Details, Verdict, Violation};

/// The result of a case.
pub(crate) type Finding<T = Verdict> = Result<T, Violation>;

/// A case's present step, which the watchdog names if the case hangs.
#[derive(Clone)]
pub(crate) struct Stage(Arc<Mutex<At>>);

pub(crate) struct At {
    pub(crate) rows: &'static [&'static str],
    pub(crate) expected: String,
    pub(crate) since: Instant,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(At {
            rows: &["A1"],
            expected: "the flavour starts".to_owned(),
            since: Instant::now(),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, At> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tools of a case.
pub(crate) struct Bench<K: Subject> {
    pub(crate) case: &'static str,
    pub(crate) key: K,
    pub(crate) setup: Setup,
    pub(crate) stage: Stage,
    /// The running runtimes, each with a view of its end.
    running: RefCell<Vec<Wait>>,
}

impl<K: Subject> Bench<K> {
    pub(crate) fn new(case: &'static str, key: K, setup: Setup, stage: Stage) -> Self {
        Self {
            case,
            key,
            setup,
            stage,
            running: RefCell::default(),
        }
    }

    pub(crate) fn key(&self) -> K {
        self.key.clone()
    }

    pub(crate) fn patience(&self) -> Duration {
        self.setup.patience
    }

    /// How late the operating system may wake a thread.
    pub(crate) fn late(&self) -> Duration {
        self.patience() / 4
    }

    /// Announces the next step and the rows that require it.
    pub(crate) fn expect(&self, rows: &'static [&'static str], expected: impl Into<String>) {
        *self.stage.lock() = At {
            rows,
            expected: expected.into(),
            since: Instant::now(),
        };
    }

    /// Returns the violation for the present step, which did not come.
    pub(crate) fn violation(&self, seen: impl Into<String>) -> Violation {
        let at = self.stage.lock();
        let details = Details {
            case: self.case,
            flavour: self.key.identifier().as_str().to_owned(),
            rows: at.rows,
            expected: at.expected.clone(),
            seen: seen.into(),
            reports: Vec::new(),
        };
        details.into()
    }

    pub(crate) fn check(&self, kept: bool, seen: impl FnOnce() -> String) -> Finding<()> {
        match kept {
            true => Ok(()),
            false => Err(self.violation(seen())),
        }
    }

    /// Waits for `gate`, until patience is over or a runtime has ended with an error.
    pub(crate) fn until(&self, gate: &Gate, seen: impl Into<String>) -> Finding<()> {
        self.until_or(gate, || seen.into())
    }

    /// Like [`until`](Self::until), for a text that is known only afterwards.
    pub(crate) fn until_or(&self, gate: &Gate, seen: impl FnOnce() -> String) -> Finding<()> {
        let by = Instant::now() + self.patience();
        // A runtime that ends for a failure may take up to all patience, and its report says more than a
        // missing step does.
        let report_by = by + self.patience() / 2;
        loop {
            if Instant::now() < by && gate.wait(Duration::from_millis(20)) {
                return Ok(());
            }
            if let Some(error) = self.ended_early() {
                return Err(self.blame(&error));
            }
            if Instant::now() >= report_by {
                return Err(self.violation(seen()));
            }
            if Instant::now() >= by {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// The report of a runtime that has ended with an error before it was asked to.
    fn ended_early(&self) -> Option<RunError> {
        self.running
            .borrow_mut()
            .iter_mut()
            .find_map(|wait| match poll_once(wait) {
                Poll::Ready(result) => result.err(),
                Poll::Pending => None,
            })
    }

    /// A builder with the patience of this bench. Signals are left alone, as tests share a process; nothing is told on standard
    /// error, as the failures are the cases' own.
    pub(crate) fn builder(&self) -> Builder {
        Runtime::builder()
            .signals(Signals::Leave)
            .quiet()
            .grace(self.patience() / 2)
            .cancel_timeout(self.patience() / 2)
    }

    /// Starts `runtime` and watches it.
    pub(crate) fn start(&self, runtime: &Runtime) -> Finding<()> {
        let started = runtime.start();
        started.map_err(|error| self.violation(format!("the runtime does not start: {error}")))?;
        self.running.borrow_mut().push(runtime.wait_async());
        Ok(())
    }

    /// Makes a running runtime.
    pub(crate) fn started(&self) -> Finding<Runtime> {
        let runtime = self.builder().build();
        self.start(&runtime)?;
        Ok(runtime)
    }

    /// Adopts a payload; a refusal is a violation.
    pub(crate) fn adopt<T: Outcome + Send>(
        &self,
        runtime: &Runtime,
        name: impl Into<String>,
        step: impl FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static,
    ) -> Finding<()> {
        let named = runtime.named(name.into());
        named
            .adopt(self.key(), K::Payload::payload(step))
            .map_err(|error| self.refused(&error))
    }

    /// Explains the refusal of a payload: if the runtime has ended already, by its report.
    pub(crate) fn refused(&self, error: &foster_core::AdoptError) -> Violation {
        let by = Instant::now() + self.patience();
        while error.kind() == AdoptErrorKind::Stopping && Instant::now() < by {
            if let Some(report) = self.ended_early() {
                return self.blame(&report);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        match error.kind() {
            AdoptErrorKind::Rejected => self.expect(
                &["SPAWN-1"],
                "a flavour takes payloads until it is cancelled",
            ),
            AdoptErrorKind::Start => self.expect(&["A1"], "the flavour starts"),
            _ => {}
        }
        self.violation(format!("the payload is refused: {error}"))
    }

    /// Executes a payload; a missing value is a violation.
    pub(crate) fn execute<T: Send + 'static>(
        &self,
        runtime: &Runtime,
        step: impl FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static,
    ) -> Finding<T> {
        let (rows, expected) = {
            let at = self.stage.lock();
            (at.rows, at.expected.clone())
        };
        // If the case hangs here, the execute is the missing step.
        self.expect(
            &["BLOCK-1", "E1"],
            "`block_on` returns once its payload is over",
        );
        let given = runtime.execute(self.key(), K::Payload::payload(step));
        self.expect(rows, expected);
        given.map_err(|error| self.not_executed(&error))
    }

    /// Explains an execute without a value: if the runtime has ended, by its report.
    pub(crate) fn not_executed(&self, error: &ExecuteError) -> Violation {
        // The caller of a lost payload is told before the runtime has ended.
        let may_be_lost = matches!(
            error.kind(),
            ExecuteErrorKind::Cancelled | ExecuteErrorKind::Stopping
        );
        let by = Instant::now() + self.patience();
        while may_be_lost && Instant::now() < by {
            if let Some(report) = self.ended_early() {
                return self.blame(&report);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        match error.kind() {
            ExecuteErrorKind::Rejected => self.expect(
                &["SPAWN-1"],
                "a flavour takes payloads until it is cancelled",
            ),
            ExecuteErrorKind::Start => self.expect(&["A1"], "the flavour starts"),
            ExecuteErrorKind::Deadlock => {
                self.expect(&["E4"], "an execute is refused only if it could never end");
            }
            _ => self.expect(
                &["BLOCK-1", "E1"],
                "`block_on` returns once its payload is over, and no earlier",
            ),
        }
        self.violation(format!("the execute gives no value: {error}"))
    }

    /// Watches no runtime any more: from here on their errors are expected.
    pub(crate) fn running_cleared(&self) {
        self.running.borrow_mut().clear();
    }

    /// Ends `runtime` and returns its result; a lost payload is a violation in every case.
    pub(crate) fn stop(&self, runtime: &Runtime) -> Finding<Result<(), RunError>> {
        self.running_cleared();
        runtime.shutdown();
        let ended = runtime.wait();
        match &ended {
            Err(error) if lost(error).is_some() => Err(self.blame(error)),
            _ => Ok(ended),
        }
    }

    /// Ends `runtime`, which is idle and has no failure to report.
    pub(crate) fn stop_well(&self, runtime: &Runtime) -> Finding<()> {
        self.expect(
            &["CANCEL-5", "JOIN-1", "L5", "S3"],
            "a runtime whose flavour has nothing left to do ends",
        );
        self.ended_well(self.stop(runtime)?)
    }

    /// Calls the flavour's `cancel`.
    pub(crate) fn cancel(&self, flavour: &AnyFlavour<K::Payload>) {
        self.expect(&["CANCEL-4"], "`cancel` returns at once");
        flavour.cancel();
    }

    /// Checks the end of a runtime that should have no failure to report.
    pub(crate) fn ended_well(&self, result: Result<(), RunError>) -> Finding<()> {
        result.map_err(|error| self.blame(&error))
    }

    /// The row that a runtime's report concerns, if the flavour is to blame.
    pub(crate) fn blame(&self, error: &RunError) -> Violation {
        let blamed = blamed(error);
        if let Some((rows, expected)) = blamed {
            self.expect(rows, expected);
        }
        let violation = self.violation(match blamed {
            Some(_) => "what the runtime's report says",
            None => "the runtime ended with an error",
        });
        violation.with_report(error)
    }

    /// Makes payloads of a separate runtime, for a flavour that is driven by hand.
    pub(crate) fn loose<T, S>(
        &self,
        count: usize,
        mut step: impl FnMut() -> S,
    ) -> Finding<(Runtime, Vec<K::Payload>)>
    where
        T: Outcome + Send,
        S: FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static,
    {
        let vault = Vault::<K::Payload>::new();
        let runtime = self.builder().cancel_timeout(Duration::ZERO).build();
        let no_payloads =
            |seen: String| self.violation(format!("no payload to try the flavour with: {seen}"));
        runtime
            .start()
            .map_err(|error| no_payloads(error.to_string()))?;
        for _ in 0..count {
            let payload = K::Payload::payload(step());
            let adopted = runtime.named("loose").adopt(vault.clone(), payload);
            adopted.map_err(|error| no_payloads(error.to_string()))?;
        }
        Ok((runtime, vault.take_all()))
    }

    /// The flavour itself, started by a payload on `runtime` that has ended.
    pub(crate) fn lend(&self, runtime: &Runtime) -> Finding<(Lending<K>, AnyFlavour<K::Payload>)> {
        let key = Lending::new(self.key());
        let ran = Gate::default();
        let runs = ran.clone();
        let payload = K::Payload::payload(crate::tools::once(move || runs.open()));
        runtime
            .named("first")
            .adopt(key.clone(), payload)
            .map_err(|error| self.refused(&error))?;
        self.until(&ran, "the first payload did not run")?;
        match key.flavour() {
            Some(flavour) => {
                let flavour = Arc::clone(flavour);
                Ok((key, flavour))
            }
            None => Err(self.violation("the flavour was not started")),
        }
    }
}

fn lost(error: &RunError) -> Option<&Failure> {
    let mut failures = error.failures().iter();
    failures.find(|failure| failure.kind() == FailureKind::Lost)
}

/// The meaning of a report of `error` for the flavour.
fn blamed(error: &RunError) -> Option<(&'static [&'static str], &'static str)> {
    if let Some(lost) = lost(error) {
        // The report has one kind for both, as only an author needs to tell them apart.
        return Some(
            match lost.message().contains("a thread other than its own") {
                true => (
                    &["POLL-2", "A2"],
                    "a payload is made, polled and dropped on one thread",
                ),
                false => (
                    &["POLL-3", "F2"],
                    "the flavour lives on and loses no payload while the runtime runs",
                ),
            },
        );
    }
    let straggler = error.stragglers().first()?;
    Some(match straggler.reason() {
        StragglerReason::Kept => (
            &["CANCEL-2", "S2"],
            "a payload that was cancelled and woken is polled once more, and is gone then",
        ),
        StragglerReason::Thread => (
            &["CANCEL-5", "JOIN-2", "L5"],
            "the flavour's threads end once it is cancelled and empty, and `join` says so",
        ),
        _ => (&["S3"], "no payload holds the flavour up"),
    })
}
