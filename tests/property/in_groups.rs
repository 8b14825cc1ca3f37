//! What is done with groups and with places in them.

use std::thread;
use std::time::{Duration, Instant};

use foster::{Group, Place};
use futures_lite::future::{or, yield_now};

use crate::hand_in::Target;
use crate::lives::lives;
use crate::log::{Answer, Scope, What};
use crate::play::SOON;
use crate::player::Player;
use crate::program::{Payload, Site};
use crate::report::GroupAtEnd;
use crate::world::World;

/// How long a hand waits for a place.
const SHORTLY: Duration = Duration::from_millis(2);

/// Where something is done.
enum Where {
    Runtime,
    Group(Group, Scope),
    /// No handle is left.
    Gone,
}

impl Player {
    fn find(&self, site: Site) -> Where {
        match site {
            Site::In(group) if self.world.groups() > 0 => {
                let group = group % self.world.groups();
                match self.world.group(group) {
                    Some(found) => Where::Group(found, Scope::Group(group)),
                    None => Where::Gone,
                }
            }
            Site::Own => match (self.parent, Group::try_current()) {
                (None, _) => Where::Runtime,
                (Some(parent), Some(found)) => Where::Group(found, Scope::Children(parent)),
                (Some(_), None) => {
                    // Where the runtime is gone nobody has one.
                    if self.world.runtime().is_some() {
                        self.log(What::NoGroup);
                    }
                    Where::Gone
                }
            },
            Site::Runtime | Site::In(_) => Where::Runtime,
        }
    }

    /// What a payload is handed to; `None` once no handle is left.
    pub fn target(&self, site: Site) -> Option<(Target, Scope)> {
        match self.find(site) {
            Where::Runtime => Some((Target::Runtime(self.world.runtime()?), Scope::Runtime)),
            Where::Group(group, scope) => Some((Target::Group(group), scope)),
            Where::Gone => None,
        }
    }

    pub fn end_group(&self, site: Site, is_cancel: bool) {
        if let Where::Group(group, scope) = self.find(site) {
            self.log(What::StopBegun(scope, is_cancel));
            match is_cancel {
                true => group.cancel(),
                false => group.shutdown(),
            }
            self.log(What::StopEnded(scope));
        }
    }

    pub fn drop_group(&self, index: usize) {
        if let Some(index) = index.checked_rem(self.world.groups()) {
            let group = self.world.take_group(index);
            if group.is_some() {
                self.log(What::Released(index));
            }
        }
    }

    pub async fn hold_place(&self, site: Site) {
        if let Where::Group(group, scope) = self.find(site) {
            let place = self.place(group, scope).await;
            thread::yield_now();
            yield_now().await;
            drop(place);
        }
    }

    pub async fn adopt_in_place(&self, payload: &Payload) {
        match self.find(payload.site) {
            Where::Group(group, scope) => {
                let held = self.place(group, scope).await;
                let Some(place) = held.into_inner() else {
                    return;
                };
                let target = Target::Place(place);
                if self.adopt_into(target, scope, payload).0 == Answer::Full {
                    self.world.wrong("G5: a place is full".to_owned());
                }
            }
            _ => drop(self.adopt(payload)),
        }
    }

    async fn place(&self, group: Group, scope: Scope) -> Held<'_> {
        let mut held = Held {
            player: self,
            number: self.world.next_place(),
            place: None,
        };
        self.log(What::PlaceWanted(held.number, scope));
        let taken = match self.me {
            Some(_) => {
                let gives_up = async {
                    self.world.closing.wait().await;
                    None
                };
                or(async { Some(group.place().await) }, gives_up).await
            }
            None => Some(group.wait_place(SHORTLY)),
        };
        match taken {
            Some(Ok(place)) => {
                self.log(What::PlaceTaken(held.number));
                held.place = Some(place);
            }
            Some(Err(error)) => self.log(What::NoPlace(held.number, error.kind())),
            None => {}
        }
        held
    }
}

/// A place, or a wait for one, whose end is noted.
struct Held<'a> {
    player: &'a Player,
    number: usize,
    place: Option<Place>,
}

impl Held<'_> {
    fn into_inner(mut self) -> Option<Place> {
        let place = self.place.take();
        drop(self);
        place
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.player.log(What::PlaceLeft(self.number));
    }
}

/// Waits for the ends of the groups that were asked to end: nothing holds them up.
pub fn wait_for_the_stopped(world: &World) {
    for event in world.log.read() {
        let What::StopEnded(Scope::Group(index)) = event.what else {
            continue;
        };
        let Some(group) = world.group(index) else {
            continue;
        };
        if !group.wait_stopped(SOON) {
            let wrong = format!("G1: {group:?} was asked to end, and does not");
            world.wrong(wrong);
        }
    }
}

/// Waits for the children of payloads that have failed: nothing holds them up either.
pub fn wait_for_children_of_the_failed(world: &World) {
    let by = Instant::now() + SOON;
    let lives = lives(&world.log.read());
    for child in &lives {
        let Scope::Children(parent) = child.scope else {
            continue;
        };
        let failed = lives[parent].failure();
        let is_its = failed.is_some_and(|(at, _)| child.handed < at);
        // A thread without a token goes on.
        let ends = is_its && child.payload.on.is_async() && !child.is_refused();
        if ends && !world.log.wait_for_drop(child.id, by) {
            let id = child.id;
            world.wrong(format!("G2: p{id} goes on, and p{parent} has failed"));
        }
    }
}

/// How the groups are once all in them is over; what was left behind may be a little later.
pub fn at_the_end(world: &World) -> Vec<Option<GroupAtEnd>> {
    let by = Instant::now() + SOON;
    let of = |index| {
        let group = world.group(index)?;
        let mut at_end = GroupAtEnd::of(&group);
        while !at_end.is_empty() && Instant::now() < by {
            thread::sleep(Duration::from_millis(1));
            at_end = GroupAtEnd::of(&group);
        }
        Some(at_end)
    };
    (0..world.groups()).map(of).collect()
}
