//! Replicas that plan by themselves come to an even share, and what need not move does not.

use super::*;

const PERIOD: Duration = Duration::from_secs(1);

/// Replicas, and which shards each has.
struct World {
    shards: usize,
    planners: Vec<Option<(Planner, BTreeSet<usize>)>>,
    now: At,
    moves: usize,
}

impl World {
    fn new(shards: usize) -> Self {
        Self {
            shards,
            planners: Vec::new(),
            now: At::ZERO,
            moves: 0,
        }
    }

    fn join(&mut self, seed: u64) {
        let planner = Planner::new("q", self.shards, PERIOD, seed, self.now);
        self.planners.push(Some((planner, BTreeSet::new())));
    }

    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (number, replica) in self.planners.iter().enumerate() {
            let Some((_, mine)) = replica else { continue };
            names.push(format!("q/members/{number}"));
            names.extend(mine.iter().map(|shard| format!("q/shards/{shard}")));
        }
        names
    }

    fn sizes(&self) -> Vec<usize> {
        let there = self.planners.iter().flatten();
        there.map(|(_, mine)| mine.len()).collect()
    }

    /// Each replica asks and acts once, in turn.
    fn round(&mut self) {
        self.now += PERIOD * 2;
        for index in 0..self.planners.len() {
            let names = self.names();
            let taken: BTreeSet<_> = names
                .iter()
                .filter_map(|name| name.strip_prefix("q/shards/")?.parse::<usize>().ok())
                .collect();
            let Some((planner, mine)) = &mut self.planners[index] else {
                continue;
            };
            planner.listed(self.now, Some(names));
            for wish in planner.tick(self.now, mine, &BTreeSet::new()) {
                match wish {
                    Wish::List => {}
                    Wish::Try(shard) => {
                        assert!(!taken.contains(&shard) && mine.insert(shard));
                        self.moves += 1;
                    }
                    Wish::Cede(shard) => assert!(mine.remove(&shard)),
                }
            }
        }
    }

    #[track_caller]
    fn settle(&mut self) {
        for _ in 0..100 {
            self.round();
        }
        let sizes = self.sizes();
        let share = self.shards.div_ceil(sizes.len());
        assert_eq!(
            sizes.iter().sum::<usize>(),
            self.shards,
            "all are held: {sizes:?}"
        );
        assert!(sizes.iter().all(|size| *size <= share), "{sizes:?}");
    }
}

#[test]
fn replicas_come_to_an_even_share() {
    for (shards, replicas) in [(1_000, 10), (7, 3), (3, 7), (1, 1), (64, 5), (1, 4)] {
        let mut world = World::new(shards);
        for seed in 0..replicas {
            world.join(seed);
            world.round();
        }
        world.settle();
    }
}

#[test]
fn when_one_is_lost_only_its_shards_move() {
    let mut world = World::new(1_000);
    for seed in 0..10 {
        world.join(seed);
    }
    world.settle();
    let (_, lost) = world.planners[3].take().unwrap();
    world.moves = 0;
    world.settle();
    assert_eq!(world.moves, lost.len());
}

#[test]
fn when_one_joins_no_more_move_than_it_gets() {
    let mut world = World::new(1_000);
    for seed in 0..9 {
        world.join(seed);
    }
    world.settle();
    let before = world.sizes();
    world.join(9);
    world.moves = 0;
    world.settle();
    assert!(world.moves <= 112, "{} moved, from {before:?}", world.moves);
}

#[test]
fn an_engine_that_does_not_answer_changes_nothing_and_is_asked_again() {
    let mut planner = Planner::new("q", 4, PERIOD, 1, At::ZERO);
    let (mine, none) = (BTreeSet::from([1]), BTreeSet::new());
    assert_eq!(planner.tick(At::ZERO, &mine, &none), [Wish::List]);
    assert_eq!(planner.tick(PERIOD * 4, &mine, &none), []);
    assert_eq!(planner.next_due(), Some(PERIOD * 5));
    assert_eq!(planner.tick(PERIOD * 5, &mine, &none), [Wish::List]);
    planner.listed(PERIOD * 6, None);
    assert_eq!(planner.tick(PERIOD * 6, &mine, &none), []);
}

/// However long they take to end.
#[test]
fn no_more_are_given_up_than_are_too_many() {
    let mut planner = Planner::new("q", 12, PERIOD, 1, At::ZERO);
    let names = || {
        let members = (0..2).map(|number| format!("q/members/{number}"));
        let shards = (0..12).map(|number| format!("q/shards/{number}"));
        Some(members.chain(shards).collect())
    };
    let (mut mine, mut leave): (BTreeSet<usize>, _) = ((0..12).collect(), BTreeSet::new());
    for round in 1..20 {
        let now = PERIOD * 2 * round;
        planner.listed(now, names());
        for wish in planner.tick(now, &mine, &leave) {
            match wish {
                Wish::List => {}
                Wish::Cede(shard) => assert!(mine.remove(&shard) && leave.insert(shard)),
                Wish::Try(shard) => panic!("{shard} is tried"),
            }
        }
        assert!(leave.len() <= 2, "{leave:?} at once");
        // One of them ends in every fourth round.
        if round % 4 == 0 {
            leave.pop_first();
        }
        assert!(mine.len() >= 6, "{mine:?}");
    }
}

/// Also while the engine does not show them yet, or no longer.
#[test]
fn what_is_had_or_given_up_is_not_tried() {
    let mut planner = Planner::new("q", 4, PERIOD, 1, At::ZERO);
    planner.listed(At::ZERO, Some(vec!["q/members/0".to_owned()]));
    let (mine, leave) = (BTreeSet::from([0]), BTreeSet::from([1]));
    let mut wishes = planner.tick(At::ZERO, &mine, &leave);
    wishes.sort_by_key(|wish| format!("{wish:?}"));
    assert_eq!(wishes, [Wish::Try(2), Wish::Try(3)]);
}

#[test]
fn the_engine_is_asked_once_in_a_period_and_not_in_step() {
    let mut planner = Planner::new("q", 4, PERIOD, 1, At::ZERO);
    let (mut now, mut short) = (At::ZERO, 0);
    for _ in 0..100 {
        planner.listed(now, None);
        let next = planner.next_due().unwrap();
        let wait = next - now;
        assert!(PERIOD.mul_f64(0.9) <= wait && wait <= PERIOD.mul_f64(1.1));
        short += usize::from(wait < PERIOD);
        now = next;
    }
    assert!((20..80).contains(&short), "{short} of 100");
}
