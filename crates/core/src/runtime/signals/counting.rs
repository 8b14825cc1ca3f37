//! The meaning of a signal to a runtime: a value without clocks.

use std::time::{Duration, Instant};

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
}

/// The action to take for a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Nothing,
    /// The runtime is asked to end.
    Stop,
    /// Its grace time is over.
    CutShort,
    /// The process ends.
    Exit,
}

impl Counting {
    /// Counts a signal that comes `now`. `failing_since` is when a failure began the stop, if one
    /// did.
    pub(super) fn count(
        &mut self,
        is_interrupt: bool,
        now: Instant,
        failing_since: Option<Instant>,
    ) -> Deed {
        let within = |since: Instant, time: Duration| now.saturating_duration_since(since) <= time;
        if self.last.is_some_and(|last| within(last, ECHO)) {
            return Deed::Nothing;
        }
        self.last = Some(now);
        // The failure was the first request to end.
        let is_noticed = failing_since.is_some_and(|since| !within(since, NOTICED));
        if self.counted == 0 && is_interrupt && is_noticed {
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
    use super::Deed::{CutShort, Exit, Nothing, Stop};
    use super::*;

    const INTERRUPT: bool = true;
    const OTHER: bool = false;

    /// A failure's moment and signals with theirs, in milliseconds; and what becomes of each.
    type Row<'a> = (Option<u64>, &'a [(bool, u64, Deed)]);

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
            for (is_interrupt, time, deed) in signals {
                let done = counting.count(*is_interrupt, at(*time), failure.map(at));
                assert_eq!(done, *deed, "{failure:?}, {signals:?}: at {time}");
            }
        }
    }
}
