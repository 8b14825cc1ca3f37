//! Keeps leases, on a thread for that alone, and begins and ends what they gate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::task::Waker;
use std::time::Duration;

use foster_core::{BoxError, Clock, Group, Run, Service, Settings, Shutdown, Standing, Subroutine};
use foster_thread::Thread;
use parking::Parker;

use crate::answer::Answer;
use crate::lease::Lease;
use crate::office::{Letter, Office, Post};
use crate::overrun::Overrun;
use crate::rules::{MARGIN, Rules};
use crate::seat::{Begin, Purpose, Seat, contained, is_ready};
use crate::shards::{Pool, Wish};
use crate::tenure::{At, Effect, Tenure};
use crate::time::Time;

/// How often is looked whether something that was left behind has ended.
const LOOK: Duration = Duration::from_millis(50);

/// The service that keeps one lease, or those of many shards.
pub(crate) struct Keeper {
    pub(crate) clock: Clock,
    pub(crate) name: String,
    pub(crate) kept: Kept,
    pub(crate) rules: Rules,
    pub(crate) overrun: Overrun,
    pub(crate) begin: Box<Begin>,
}

/// What a keeper keeps.
pub(crate) enum Kept {
    Only(Arc<dyn Lease>),
    Shards(Pool),
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("name", &self.name)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Service for Keeper {
    type Flavour = Thread;

    fn flavour(&self) -> Thread {
        Thread
    }

    fn settings(&self) -> Settings {
        // A second is kept for the release, as the group has all else: see row G2.
        let ends = self.rules.stop_time + MARGIN;
        Settings::new().name(self.name.clone()).stop_time(ends)
    }

    fn run(&self) -> impl Run<Subroutine> {
        Loop::new(self).run()
    }
}

struct Loop<'a> {
    keeper: &'a Keeper,
    office: Office<'a>,
    seats: BTreeMap<u64, Seat>,
    last_key: u64,
    parker: Parker,
    waker: Waker,
    letters: Receiver<Letter>,
    shutdown: Shutdown,
    /// Which shards are to be had, where there are any.
    planner: Option<crate::planner::Planner>,
    is_held: bool,
}

impl<'a> Loop<'a> {
    fn new(keeper: &'a Keeper) -> Self {
        let (parker, unparker) = parking::pair();
        let waker = Waker::from(unparker.clone());
        let (sender, letters) = channel();
        let office = Office {
            time: Time::of(&keeper.clock),
            rules: keeper.rules,
            overrun: keeper.overrun,
            begin: &*keeper.begin,
            home: Group::current(),
            standing: Standing::current(),
            post: Post {
                letters: sender,
                unparker,
            },
        };
        Self {
            keeper,
            office,
            seats: BTreeMap::new(),
            last_key: 0,
            parker,
            waker,
            letters,
            shutdown: Shutdown::current(),
            planner: None,
            is_held: false,
        }
    }

    fn run(mut self) -> Result<(), BoxError> {
        self.office.standing.standby();
        let now = self.office.time.now();
        match &self.keeper.kept {
            Kept::Only(lease) => self.sit(Purpose::Only, Arc::clone(lease), false),
            Kept::Shards(pool) => {
                self.planner = Some(pool.planner(now));
                self.sit(Purpose::Member, pool.member(), false);
            }
        }
        let mut requested = Box::pin(self.shutdown.requested());
        let mut is_requested = false;
        loop {
            let now = self.office.time.now();
            let is_new = !is_requested && is_ready(requested.as_mut(), &self.waker);
            is_requested |= is_new;
            let mut has_acted = self.take_in(now)?;
            has_acted |= self.plan(now, is_requested)?;
            has_acted |= self.look(now, is_new)?;
            self.seats.retain(|_, seat| !seat.is_finished);
            if self.is_done(is_requested) {
                return Ok(());
            }
            self.stand();
            if !has_acted {
                self.sleep();
            }
        }
    }

    /// Of one lease as soon as that is over; of shards at the end, as others of them may come.
    fn is_done(&self, is_requested: bool) -> bool {
        match self.planner {
            None => self.seats.is_empty(),
            Some(_) => is_requested && self.seats.is_empty(),
        }
    }

    /// Keeps one more lease; for one turn at most, or for as many as it gets.
    fn sit(&mut self, purpose: Purpose, lease: Arc<dyn Lease>, is_once: bool) {
        self.last_key += 1;
        let tenure = Tenure::new(self.keeper.rules, fastrand::u64(..), is_once);
        let seat = Seat::new(self.last_key, purpose, lease, tenure);
        self.seats.insert(self.last_key, seat);
    }

    /// Takes in what has come. Returns whether anything was to be done for that.
    fn take_in(&mut self, now: At) -> Result<bool, BoxError> {
        let (mut effects, mut has_acted) = (Vec::new(), false);
        while let Ok(letter) = self.letters.try_recv() {
            has_acted = true;
            match letter {
                Letter::Lease(key, event) => {
                    if let Some(seat) = self.seats.get_mut(&key) {
                        seat.take_in(now, event, &mut effects);
                        perform(seat, &self.office, &mut effects)?;
                    }
                }
                Letter::Listed(answer) => {
                    if let Some(planner) = &mut self.planner {
                        planner.listed(now, answer.ok());
                    }
                }
            }
        }
        Ok(has_acted)
    }

    /// Does what the plan says of shards.
    fn plan(&mut self, now: At, is_requested: bool) -> Result<bool, BoxError> {
        let (Some(planner), Kept::Shards(pool)) = (&mut self.planner, &self.keeper.kept) else {
            return Ok(false);
        };
        if is_requested {
            return Ok(false);
        }
        let (mut mine, mut leave) = (BTreeSet::new(), BTreeSet::new());
        for seat in self.seats.values() {
            if let Purpose::Shard(shard) = seat.purpose {
                let set = if seat.is_leaving {
                    &mut leave
                } else {
                    &mut mine
                };
                set.insert(shard);
            }
        }
        let wishes = planner.tick(now, &mine, &leave);
        let has_wishes = !wishes.is_empty();
        for wish in wishes {
            match wish {
                Wish::List => {
                    let post = self.office.post.clone();
                    let answer = Answer::new(move |answer| post.put(Letter::Listed(answer)));
                    contained(|| pool.all().members(answer));
                }
                Wish::Try(shard) => self.sit(Purpose::Shard(shard), pool.shard(shard), true),
                Wish::Cede(shard) => {
                    let is_it = |seat: &&mut Seat| seat.purpose == Purpose::Shard(shard);
                    if let Some(seat) = self.seats.values_mut().find(is_it) {
                        let mut effects = Vec::new();
                        seat.stop(now, &mut effects);
                        perform(seat, &self.office, &mut effects)?;
                    }
                }
            }
        }
        Ok(has_wishes)
    }

    fn look(&mut self, now: At, is_new_request: bool) -> Result<bool, BoxError> {
        let (mut effects, mut has_acted) = (Vec::new(), false);
        for seat in self.seats.values_mut() {
            if is_new_request {
                seat.stop(now, &mut effects);
            }
            seat.look(now, &self.waker, &mut effects);
            has_acted |= !effects.is_empty();
            perform(seat, &self.office, &mut effects)?;
        }
        Ok(has_acted)
    }

    /// Says whether anything is held.
    fn stand(&mut self) {
        let is_held = self.seats.values().any(Seat::has_turn);
        if std::mem::replace(&mut self.is_held, is_held) != is_held {
            match is_held {
                true => self.office.standing.held(),
                false => self.office.standing.standby(),
            }
        }
    }

    fn sleep(&self) {
        let dues = self.seats.values().filter_map(Seat::next_due);
        let planned = self.planner.as_ref().and_then(|planner| planner.next_due());
        let due = dues.chain(planned).min();
        let is_look = self.seats.values().any(Seat::waits_for_what_is_left);
        let look = is_look.then_some(LOOK);
        let time = &self.office.time;
        let longest = match time {
            // A turn must not outlast a suspension, in which sleeps stand still.
            Time::System if self.is_held => due.map(|due| time.longest_sleep(due)),
            Time::System => due.map(|due| due.saturating_sub(time.now())),
            Time::Manual { .. } => None,
        };
        let mut alarm = match &self.office.time {
            Time::System => None,
            Time::Manual { clock, origin } => {
                due.map(|due| Box::pin(clock.sleep_until(*origin + due)))
            }
        };
        if let Some(alarm) = &mut alarm {
            if is_ready(alarm.as_mut(), &self.waker) {
                return;
            }
        }
        match longest.into_iter().chain(look).min() {
            Some(time) => drop(self.parker.park_timeout(time)),
            None => self.parker.park(),
        }
    }
}

fn perform(
    seat: &mut Seat,
    office: &Office<'_>,
    effects: &mut Vec<Effect>,
) -> Result<(), BoxError> {
    for effect in effects.drain(..) {
        seat.perform(office, effect)?;
    }
    Ok(())
}
