//! Looks at one executor, row by row, and at random against a plain model.

use super::*;

const LIMIT: Duration = Duration::from_millis(300);

/// One look every 100 ms, unless it is late.
struct Looks {
    stalls: Stalls,
    now: Moment,
    width: usize,
    progress: usize,
}

impl Looks {
    fn new(width: usize) -> Self {
        let stalls = Stalls::new(LIMIT);
        assert_eq!(stalls.pause(), Duration::from_millis(100));
        Self {
            stalls,
            now: Moment::BIRTH,
            width,
            progress: 0,
        }
    }

    fn late(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.plus(Duration::from_millis(millis));
        self
    }

    fn progress(&mut self) -> &mut Self {
        self.progress += 1;
        self
    }

    fn look(&mut self, answer: Answer, turns: &[(usize, bool)]) -> Vec<News> {
        self.now = self.now.plus(Duration::from_millis(100));
        let found = Found {
            answer,
            progress: self.progress,
            width: self.width,
            is_asleep: false,
            turns: turns.to_vec(),
        };
        self.stalls.look(self.now, &found).0
    }

    fn nothing(&mut self, answer: Answer, turns: &[(usize, bool)]) {
        assert_eq!(self.look(answer, turns), []);
    }
}

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

#[test]
fn a_probe_that_stays_open_for_the_limit_is_a_stall_told_once() {
    let mut looks = Looks::new(1);
    looks.nothing(Answer::Unasked, &[]);
    looks.nothing(Answer::Open, &[(7, false)]);
    looks.nothing(Answer::Open, &[(7, true)]);
    assert_eq!(looks.stalls.told_since(), None);
    let stalled = News::Stalled {
        turns: vec![7],
        lasts: millis(300),
    };
    assert_eq!(looks.look(Answer::Open, &[(7, true)]), [stalled]);
    assert!(matches!(looks.stalls.told_since(), Some((true, _))));
    looks.nothing(Answer::Open, &[(7, true)]);
    let over = News::Over {
        lasted: millis(500),
    };
    assert_eq!(looks.look(Answer::Answered, &[]), [over]);
    looks.nothing(Answer::Answered, &[]);
    assert_eq!(looks.stalls.told_since(), None);
}

#[test]
fn a_turn_that_is_not_the_same_is_not_to_blame() {
    let mut looks = Looks::new(1);
    looks.nothing(Answer::Unasked, &[]);
    looks.nothing(Answer::Open, &[(7, false)]);
    looks.nothing(Answer::Open, &[(7, false)]);
    let stalled = News::Stalled {
        turns: vec![],
        lasts: millis(300),
    };
    assert_eq!(looks.look(Answer::Open, &[(7, false)]), [stalled]);
}

#[test]
fn an_executor_whose_payloads_begin_and_end_is_only_busy() {
    let mut looks = Looks::new(4);
    looks.nothing(Answer::Unasked, &[]);
    for _ in 0..20 {
        looks.progress().nothing(Answer::Open, &[(1, false)]);
    }
    looks.nothing(Answer::Open, &[(1, false)]);
    looks.nothing(Answer::Open, &[(1, true)]);
    assert_eq!(looks.look(Answer::Open, &[(1, true)]).len(), 1);
}

#[test]
fn a_late_look_starts_anew() {
    let mut looks = Looks::new(1);
    looks.nothing(Answer::Unasked, &[]);
    looks.nothing(Answer::Open, &[(7, false)]);
    // The machine was suspended.
    looks.late(3_600_000).nothing(Answer::Open, &[(7, true)]);
    looks.nothing(Answer::Open, &[(7, true)]);
    looks.nothing(Answer::Open, &[(7, true)]);
    let stalled = News::Stalled {
        turns: vec![7],
        lasts: millis(300),
    };
    assert_eq!(looks.look(Answer::Open, &[(7, true)]), [stalled]);
    // What is told stays told.
    looks.late(3_600_000).nothing(Answer::Open, &[(7, true)]);
    assert!(matches!(looks.stalls.told_since(), Some((true, _))));
}

#[test]
fn one_thread_of_several_is_no_stall() {
    let mut looks = Looks::new(2);
    looks.nothing(Answer::Unasked, &[(7, false)]);
    looks.nothing(Answer::Answered, &[(7, true)]);
    looks.nothing(Answer::Answered, &[(7, true)]);
    let holds = News::Holds {
        turn: 7,
        lasts: millis(300),
    };
    assert_eq!(looks.look(Answer::Answered, &[(7, true)]), [holds]);
    assert!(matches!(looks.stalls.told_since(), Some((false, _))));
    looks.nothing(Answer::Answered, &[(7, true)]);
    // Now the other one as well.
    looks.nothing(Answer::Open, &[(7, true), (8, false)]);
    looks.nothing(Answer::Open, &[(7, true), (8, true)]);
    let stalled = News::Stalled {
        turns: vec![7, 8],
        lasts: millis(300),
    };
    let told = looks.look(Answer::Open, &[(7, true), (8, true)]);
    assert_eq!(told, [stalled]);
    let released = News::Released {
        turn: 7,
        lasted: millis(800),
    };
    let over = News::Over {
        lasted: millis(400),
    };
    let told = looks.look(Answer::Answered, &[(8, true)]);
    assert_eq!(told[..2], [released, over]);
}

#[test]
fn of_a_flavour_that_cannot_tell_a_turn_on_its_only_thread_is_a_stall() {
    let mut looks = Looks::new(1);
    looks.nothing(Answer::Unasked, &[(7, false)]);
    looks.nothing(Answer::Unknown, &[(7, true)]);
    looks.nothing(Answer::Unknown, &[(7, true)]);
    assert_eq!(looks.look(Answer::Unknown, &[(7, true)]).len(), 1);
    assert!(matches!(looks.stalls.told_since(), Some((true, _))));
    let told = looks.look(Answer::Unknown, &[]);
    assert!(matches!(told[..], [News::Over { .. }]), "{told:?}");
}

#[test]
fn nobody_looks_at_who_sleeps() {
    let mut stalls = Stalls::new(LIMIT);
    let mut now = Moment::BIRTH;
    let mut look = |answer, progress, is_asleep, turns: &[(usize, bool)]| {
        now = now.plus(millis(100));
        let found = Found {
            answer,
            progress,
            width: 1,
            is_asleep,
            turns: turns.to_vec(),
        };
        stalls.look(now, &found).1
    };
    // It may be held up by something that is no payload.
    assert_eq!(look(Answer::Unasked, 4, true, &[]), Next::Probe);
    assert_eq!(look(Answer::Answered, 4, false, &[]), Next::Probe);
    assert_eq!(look(Answer::Answered, 4, true, &[(1, false)]), Next::Probe);
    assert_eq!(look(Answer::Answered, 5, true, &[]), Next::Probe);
    assert_eq!(look(Answer::Open, 5, true, &[]), Next::Probe);
    assert_eq!(look(Answer::Answered, 5, true, &[]), Next::Rest);
}

/// What is told comes in pairs, and never without its reason.
#[test]
fn random_looks_tell_nothing_without_a_reason() {
    for seed in 0..2_000 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut looks = Looks::new(chance.usize(1..4));
        let (mut open_looks, mut is_told, mut held) = (0, false, Vec::new());
        for _ in 0..60 {
            let answers = [Answer::Open, Answer::Open, Answer::Open, Answer::Answered];
            let answer = answers[chance.usize(..answers.len())];
            let mut turns = Vec::new();
            for key in 0..looks.width {
                if chance.bool() {
                    turns.push((key, chance.u8(..4) > 0));
                }
            }
            let is_late = chance.u8(..20) == 0;
            if is_late {
                looks.late(1_000);
            }
            open_looks = match answer {
                Answer::Open if !is_late => open_looks + 1,
                Answer::Open => 0,
                _ => 0,
            };
            for news in looks.look(answer, &turns) {
                match news {
                    News::Stalled {
                        turns: blamed,
                        lasts,
                    } => {
                        assert!(lasts >= LIMIT && open_looks >= 3 && !is_told, "seed {seed}");
                        let is_there = |key: &usize| turns.contains(&(*key, true));
                        assert!(blamed.iter().all(is_there), "seed {seed}");
                        is_told = true;
                    }
                    News::Over { .. } => {
                        assert!(is_told && answer == Answer::Answered, "seed {seed}");
                        is_told = false;
                    }
                    News::Holds { turn, lasts } => {
                        assert!(lasts >= LIMIT && !held.contains(&turn), "seed {seed}");
                        assert!(answer == Answer::Answered, "seed {seed}");
                        held.push(turn);
                    }
                    News::Released { turn, .. } => {
                        assert!(held.contains(&turn), "seed {seed}");
                        held.retain(|one| *one != turn);
                    }
                }
            }
            let told = looks.stalls.told_since();
            assert_eq!(
                told.is_some_and(|(is_whole, _)| is_whole),
                is_told,
                "seed {seed}"
            );
        }
    }
}
