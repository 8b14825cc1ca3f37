//! What is decided about reloads: by tables, and by random news against a plain model.

mod random_tests;
mod row_tests;

use std::time::Duration;

use super::rounds::{Act, News, Reply, Rounds, Settled};
use crate::base::moment::Moment;
use crate::service::state::UnitState;
use crate::service::supervision::Id;

type TestNews = News<u8>;
type TestAct = Act<u8>;

/// How long services have to answer.
const LIMIT: u64 = 10;

fn id(serial: u64) -> Id {
    Id {
        serial,
        place: serial as u32,
    }
}

fn moment(seconds: u64) -> Moment {
    Moment::after_birth(Duration::from_secs(seconds))
}

/// Rounds, and the time.
struct Stage {
    rounds: Rounds<u8>,
    now: u64,
}

impl Stage {
    fn new() -> Self {
        let rounds = Rounds::new(Duration::from_secs(LIMIT));
        Self { rounds, now: 0 }
    }

    fn take(&mut self, news: TestNews) -> Vec<TestAct> {
        let mut acts = Vec::new();
        self.rounds.take(moment(self.now), news, &mut acts);
        acts
    }
}
