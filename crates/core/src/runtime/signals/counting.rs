//! The meaning of a signal to a runtime: a value without clocks.

use std::time::{Duration, Instant};

use crate::lifetime::settings::Signal;

/// A signal that comes sooner after the last counted one is the same signal, delivered twice.
const ECHO: Duration = Duration::from_millis(200);

/// A Ctrl-C that comes later than this after a failure is a reaction to it, and means the stop in
/// progress.
const NOTICED: Duration = Duration::from_secs(1);

/// The signals that one runtime has received.
#[derive(Debug, Default)]
pub(super) struct Counting {
    counted: usize,
    last: Option<Instant>,
    /// Whether one has asked for the drain.
    has_drained: bool,
}

/// What there is to know of a runtime that gets a signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// When a failure began the stop, if one did.
    pub(super) failing_since: Option<Instant>,
    /// It has a drain, and the stop has not begun.
    pub(super) can_drain: bool,
    /// The stop began as the time of the drain was over.
    pub(super) has_drained_out: bool,
}

/// The action to take for a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Nothing,
    /// The runtime begins to drain.
    Drain,
    /// The runtime is asked to end.
    Stop,
    /// Its grace time is over.
    CutShort,
    /// The process ends.
    Exit,
}

impl Counting {
    /// Counts a signal that comes `now`.
    pub(super) fn count(&mut self, signal: Signal, now: Instant, standing: Standing) -> Deed {
        let within = |since: Instant, time: Duration| now.saturating_duration_since(since) <= time;
        if self.last.is_some_and(|last| within(last, ECHO)) {
            return Deed::Nothing;
        }
        self.last = Some(now);
        let Standing {
            failing_since,
            can_drain,
            has_drained_out,
        } = standing;
        if can_drain && signal != Signal::Interrupt && self.counted == 0 && !self.has_drained {
            self.has_drained = true;
            return Deed::Drain;
        }
        // The failure was the first request to end, and a signal whose drain has run out was.
        let is_noticed = failing_since.is_some_and(|since| !within(since, NOTICED));
        let is_second = signal == Signal::Interrupt && is_noticed;
        if self.counted == 0 && (is_second || self.has_drained && has_drained_out) {
            self.counted = 1;
        }
        self.counted += 1;
        match self.counted {
            1 => Deed::Stop,
            2 => Deed::CutShort,
            _ => Deed::Exit,
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::Deed::{CutShort, Drain, Exit, Nothing, Stop};
    use super::Signal::{Hangup, Interrupt as INTERRUPT, Terminate as OTHER};
    use super::*;

    /// A failure's moment and signals with theirs, in milliseconds; and what becomes of each.
    type Row<'a> = (Option<u64>, &'a [(Signal, u64, Deed)]);

    #[test]
    fn each_signal_is_counted_as_the_table_says() {
        let rows: [Row<'_>; 11] = [
            (
                None,
                &[(OTHER, 0, Stop), (OTHER, 300, CutShort), (OTHER, 600, Exit)],
            ),
            (
                None,
                &[
                    (INTERRUPT, 0, Stop),
                    (INTERRUPT, 300, CutShort),
                    (INTERRUPT, 600, Exit),
                ],
            ),
            // Told twice.
            (
                None,
                &[
                    (OTHER, 0, Stop),
                    (OTHER, 0, Nothing),
                    (OTHER, 200, Nothing),
                    (OTHER, 201, CutShort),
                ],
            ),
            // Since the last one counted, and not since the last one.
            (
                None,
                &[
                    (OTHER, 0, Stop),
                    (INTERRUPT, 150, Nothing),
                    (OTHER, 250, CutShort),
                ],
            ),
            (
                None,
                &[
                    (OTHER, 0, Stop),
                    (OTHER, 300, CutShort),
                    (OTHER, 400, Nothing),
                    (OTHER, 600, Exit),
                ],
            ),
            // A failure begins the stop at 0.
            (
                Some(0),
                &[
                    (INTERRUPT, 1_000, Stop),
                    (INTERRUPT, 1_300, CutShort),
                    (INTERRUPT, 1_600, Exit),
                ],
            ),
            (
                Some(0),
                &[
                    (INTERRUPT, 1_001, CutShort),
                    (INTERRUPT, 1_100, Nothing),
                    (INTERRUPT, 1_300, Exit),
                ],
            ),
            (
                Some(0),
                &[
                    (OTHER, 5_000, Stop),
                    (OTHER, 5_300, CutShort),
                    (OTHER, 5_600, Exit),
                ],
            ),
            // The group's SIGTERM is the first, whatever comes then.
            (
                Some(0),
                &[
                    (OTHER, 1_500, Stop),
                    (INTERRUPT, 2_000, CutShort),
                    (INTERRUPT, 2_300, Exit),
                ],
            ),
            (
                Some(0),
                &[(INTERRUPT, 500, Stop), (INTERRUPT, 2_000, CutShort)],
            ),
            (
                Some(0),
                &[
                    (INTERRUPT, 1_500, CutShort),
                    (OTHER, 2_000, Exit),
                    (OTHER, 2_300, Exit),
                ],
            ),
        ];
        let start = Instant::now();
        let at = |time| start + Duration::from_millis(time);
        for (failure, signals) in rows {
            let mut counting = Counting::default();
            for (signal, time, deed) in signals {
                let standing = Standing {
                    failing_since: failure.map(at),
                    ..Standing::default()
                };
                let done = counting.count(*signal, at(*time), standing);
                assert_eq!(done, *deed, "{failure:?}, {signals:?}: at {time}");
            }
        }
    }

    #[test]
    fn a_drain_is_asked_for_once_and_ended_by_the_next() {
        const RUNS: Standing = Standing {
            failing_since: None,
            can_drain: true,
            has_drained_out: false,
        };
        // It was stopped by the drain's end, and by something else.
        const RAN_OUT: Standing = Standing {
            can_drain: false,
            has_drained_out: true,
            ..RUNS
        };
        const STOPS: Standing = Standing {
            can_drain: false,
            ..RUNS
        };
        let rows: [&[(Signal, u64, Standing, Deed)]; 9] = [
            // The second ends the drain and is the first that counts.
            &[
                (OTHER, 0, RUNS, Drain),
                (OTHER, 300, RUNS, Stop),
                (OTHER, 600, STOPS, CutShort),
                (OTHER, 900, STOPS, Exit),
            ],
            &[
                (OTHER, 0, RUNS, Drain),
                (Hangup, 100, RUNS, Nothing),
                (INTERRUPT, 300, RUNS, Stop),
                (INTERRUPT, 600, STOPS, CutShort),
            ],
            // Ctrl-C skips it. Of systemd's two signals the second may be heard first.
            &[(INTERRUPT, 0, RUNS, Stop), (OTHER, 300, STOPS, CutShort)],
            &[
                (Hangup, 0, RUNS, Drain),
                (OTHER, 0, RUNS, Nothing),
                (OTHER, 300, RUNS, Stop),
            ],
            // It has run out: the one that asked for it was the first.
            &[
                (OTHER, 0, RUNS, Drain),
                (OTHER, 5_000, RAN_OUT, CutShort),
                (OTHER, 5_300, RAN_OUT, Exit),
            ],
            // Something else has ended it.
            &[
                (OTHER, 0, RUNS, Drain),
                (OTHER, 5_000, STOPS, Stop),
                (OTHER, 5_300, STOPS, CutShort),
            ],
            // The application had begun it: the first signal finds it so and changes nothing, the next one ends it.
            &[
                (OTHER, 0, RUNS, Drain),
                (OTHER, 300, RUNS, Stop),
                (OTHER, 600, STOPS, CutShort),
            ],
            // It has run out before any signal came: none has asked for it.
            &[(OTHER, 0, RAN_OUT, Stop), (OTHER, 300, RAN_OUT, CutShort)],
            // Without one.
            &[(OTHER, 0, STOPS, Stop), (OTHER, 300, STOPS, CutShort)],
        ];
        let start = Instant::now();
        for signals in rows {
            let mut counting = Counting::default();
            for (signal, time, standing, deed) in signals {
                let now = start + Duration::from_millis(*time);
                let done = counting.count(*signal, now, *standing);
                assert_eq!(done, *deed, "{signals:?}: at {time}");
            }
        }
    }
}
