//! A program: what is done with one runtime, as data that reads, and is printed, like code.

use std::fmt;

pub use crate::parts::*;
pub use crate::payload::*;

/// How the runtime of a program is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// By `run`, on a thread of its own.
    Whole,
    /// By `start`, and then `wait`.
    Parted,
    /// Not at all: it is dropped before it ran.
    Never,
}

/// How it is asked to end, if it does not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    ByShutdown,
    /// All handles are dropped.
    ByDrop,
}

#[derive(Clone)]
pub struct Program {
    pub until_idle: bool,
    pub groups: Vec<GroupPlan>,
    pub services: Vec<ServicePlan>,
    /// Done before the start.
    pub before: Vec<Act>,
    pub start: Start,
    /// Done by two threads at the same time, after the start or, with `run`, around it.
    pub hands: [Vec<Act>; 2],
    pub finish: Finish,
}

/// A program that starts its runtime and shuts it down.
pub fn program() -> Program {
    Program {
        until_idle: false,
        groups: Vec::new(),
        services: Vec::new(),
        before: Vec::new(),
        start: Start::Parted,
        hands: [Vec::new(), Vec::new()],
        finish: Finish::ByShutdown,
    }
}

impl Program {
    pub fn until_idle(mut self) -> Self {
        self.until_idle = true;
        self
    }

    pub fn group(mut self, group: GroupPlan) -> Self {
        self.groups.push(group);
        self
    }

    pub fn service(mut self, service: ServicePlan) -> Self {
        self.services.push(service);
        self
    }

    pub fn before(mut self, act: Act) -> Self {
        self.before.push(act);
        self
    }

    pub fn started(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    pub fn left(mut self, act: Act) -> Self {
        self.hands[0].push(act);
        self
    }

    pub fn right(mut self, act: Act) -> Self {
        self.hands[1].push(act);
        self
    }

    pub fn finished(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }

    /// Moves what is executed on a flavour of several threads to one of a single thread.
    pub fn executing_in_turn(mut self) -> Self {
        let acts = self
            .before
            .iter_mut()
            .chain(self.hands.iter_mut().flatten());
        acts.for_each(Act::execute_in_turn);
        self
    }

    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        self.before.iter().chain(self.hands.iter().flatten())
    }

    /// Whether payloads may block their flavours, or not end when asked: the runtime then gets no
    /// grace time, and the model expects less.
    pub fn is_hasty(&self) -> bool {
        let is_slow = |payload: &Payload| payload.is_blocking() || payload.is_stubborn();
        self.has(&is_slow)
    }

    /// Whether executes may wait for each other for ever, which nobody can see: tokio may keep a payload in the
    /// queue of a worker that blocks, while another worker sleeps.
    pub fn may_hold_itself_up(&self) -> bool {
        let blocks = |payload: &Payload| payload.on == On::Multi && payload.executes(On::is_async);
        let needs = |payload: &Payload| payload.executes(|on| on == On::Multi);
        self.has(&blocks) && self.has(&needs)
    }

    /// The group that this one is in, if any.
    pub fn parent_of(&self, group: usize) -> Option<usize> {
        self.groups[group].within.filter(|other| *other < group)
    }

    /// Whether services have little time to answer a reload, as one never does.
    pub fn is_short_of_time(&self) -> bool {
        let mut services = self.services.iter();
        services.any(|service| service.reply == Reply::Keeps)
    }

    /// Whether `is` holds for a payload of it.
    fn has(&self, is: &dyn Fn(&Payload) -> bool) -> bool {
        self.acts().any(|act| act.any(is))
    }

    /// Whether a flavour may be stuck until the runtime stops: who has to stop it must not wait.
    pub fn keeps_threads(&self) -> bool {
        let keeps = |payload: &Payload| payload.keeps_its_thread() || payload.is_stubborn();
        self.has(&keeps)
    }

    /// Whether nothing keeps a handle for ever once the lasting one is dropped: who executes holds one.
    pub fn can_be_abandoned(&self) -> bool {
        let keeps = |act: &Act| matches!(act, Act::Execute(payload) if !payload.is_brief());
        let is_inside = |payload: &Payload| payload.acts.iter().any(keeps);
        self.start == Start::Parted
            && !self.is_hasty()
            && !self.acts().any(|act| keeps(act) || act.any(&is_inside))
    }

    /// Whether the runtime ends without being asked to, once all gates are open.
    pub fn ends_by_itself(&self) -> bool {
        self.until_idle
            && self.services.is_empty()
            && !self.is_hasty()
            && self.acts().all(Act::ends_by_itself)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("program()")?;
        if self.until_idle {
            f.write_str("\n    .until_idle()")?;
        }
        for group in &self.groups {
            write!(f, "\n    .group({group:?})")?;
        }
        for service in &self.services {
            write!(f, "\n    .service({service:?})")?;
        }
        for act in &self.before {
            write!(f, "\n    .before({act:?})")?;
        }
        if self.start != Start::Parted {
            write!(f, "\n    .started({:?})", self.start)?;
        }
        for (hand, acts) in ["left", "right"].iter().zip(&self.hands) {
            for act in acts {
                write!(f, "\n    .{hand}({act:?})")?;
            }
        }
        if self.finish != Finish::ByShutdown {
            write!(f, "\n    .finished({:?})", self.finish)?;
        }
        Ok(())
    }
}
