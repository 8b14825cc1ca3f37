//! A program: what is done with one runtime, as data that reads, and is printed, like code.

use std::fmt;

/// The flavour of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Smol,
    Tokio,
    Multi,
    Thread,
}

impl On {
    pub const ALL: [Self; 4] = [Self::Smol, Self::Tokio, Self::Multi, Self::Thread];

    /// The flavour's identifier.
    pub fn identifier(self) -> &'static str {
        match self {
            Self::Smol => "smol",
            Self::Tokio => "tokio",
            Self::Multi => "tokio::multi_thread",
            Self::Thread => "std::thread",
        }
    }

    /// Whether its payloads run in turn, on one thread.
    pub fn is_in_turn(self) -> bool {
        matches!(self, Self::Smol | Self::Tokio)
    }

    pub fn is_async(self) -> bool {
        self != Self::Thread
    }
}

/// What a hand (a thread outside the runtime), a payload or a destructor does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Lets others go on, so many times.
    Yield(u8),
    /// Sleeps for a millisecond, by its flavour's own timer.
    Nap,
    /// Takes a token and drops it.
    Token,
    /// Waits until somebody opens the gate, at the latest before the runtime is asked to end.
    Gate(usize),
    Open(usize),
    Adopt(Payload),
    /// Adopts so many of the same.
    Flood(u8, Payload),
    Execute(Payload),
    /// Calls and awaits.
    Call(Payload),
    /// Calls, polls so many times and drops the call.
    DropCall(u8, Payload),
    Shutdown,
    /// Starts the runtime once more.
    StartAgain,
    /// Waits for the end of the runtime that it is part of.
    WaitInside,
    /// Plays a program of its own, on a runtime of its own.
    Run(Program),
    /// Sends this process a signal.
    Signal(i32),
    /// Panics; for destructors, as a payload ends in one.
    Panic,
}

/// How a payload ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    FailsWithText,
    FailsWithIo,
    FailsWithAnyhow,
    PanicsWithText,
    PanicsWithValue,
    ReturnsAnOrphan,
    /// Never: a coroutine is dropped, a subroutine left behind.
    Pending,
    /// Takes a token and ends when it is asked to.
    WhenAsked,
    FailsWhenAsked,
    /// Takes a token, is asked, and adopts until it is refused; passes the refusal on.
    PassesRefusal,
    /// Takes a token, is asked, and never ends.
    Stubborn,
}

impl End {
    /// Whether a payload comes to it without being asked.
    pub fn is_own(self) -> bool {
        !self.is_asked() && self != Self::Pending
    }

    /// Whether it comes after the payload was asked to end.
    pub fn is_asked(self) -> bool {
        use End::*;
        matches!(self, WhenAsked | FailsWhenAsked | PassesRefusal | Stubborn)
    }
}

#[derive(Clone)]
pub struct Payload {
    pub on: On,
    pub acts: Vec<Act>,
    pub end: End,
    /// What its destructor does if it is dropped before its end.
    pub dropping: Vec<Act>,
}

/// A payload that is done at once.
pub fn on(on: On) -> Payload {
    Payload {
        on,
        acts: Vec::new(),
        end: End::Done,
        dropping: Vec::new(),
    }
}

impl Payload {
    pub fn does(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }

    pub fn ends(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    pub fn dropping(mut self, act: Act) -> Self {
        self.dropping.push(act);
        self
    }

    /// Whether it takes a token.
    pub fn holds(&self) -> bool {
        self.end.is_asked() || self.acts.iter().any(|act| matches!(act, Act::Token))
    }

    /// Whether it ends by itself, and needs nobody for it but healthy flavours.
    pub fn is_brief(&self) -> bool {
        self.end.is_own() && self.acts.iter().all(Act::is_brief)
    }

    /// Whether it ends by itself once all gates are open, and all that it hands in as well.
    fn ends_by_itself(&self) -> bool {
        self.end.is_own() && self.hands_in_what_ends()
    }

    fn hands_in_what_ends(&self) -> bool {
        let mut acts = self.acts.iter().chain(&self.dropping);
        acts.all(Act::ends_by_itself)
    }

    /// Whether it may not end, for all that it was asked to.
    fn is_stubborn(&self) -> bool {
        let ends = matches!(self.end, End::Pending | End::Stubborn);
        let waits = |act: &Act| !matches!(act, Act::Gate(_)) && !act.is_brief();
        self.holds() && (ends || self.acts.iter().any(waits))
    }

    /// Whether it may keep its flavour's thread until the runtime stops, or longer.
    fn keeps_its_thread(&self) -> bool {
        let keeps = |act: &Act| matches!(act, Act::Execute(payload) if !payload.is_brief());
        self.is_blocking() || self.acts.iter().chain(&self.dropping).any(keeps)
    }

    /// Whether whoever drops it may have to wait.
    pub fn is_slow_to_drop(&self) -> bool {
        self.dropping.iter().any(|act| match act {
            Act::Execute(_) => true,
            Act::DropCall(_, payload) => payload.is_slow_to_drop(),
            _ => false,
        })
    }

    /// Whether it executes something on such a flavour.
    fn executes(&self, is: impl Fn(On) -> bool) -> bool {
        let mut acts = self.acts.iter().chain(&self.dropping);
        acts.any(|act| matches!(act, Act::Execute(payload) if is(payload.on)))
    }

    /// Whether it may block its flavour's thread for long.
    fn is_blocking(&self) -> bool {
        let blocks = |act: &Act| matches!(act, Act::Execute(payload) if !payload.is_executable());
        self.acts.iter().chain(&self.dropping).any(blocks)
    }

    /// Whether a payload that executes this one is sure to go on: what an executed payload awaits
    /// may be in need of the very thread that the execute blocks, which Foster cannot see.
    pub fn is_executable(&self) -> bool {
        let awaits = |act: &Act| match act {
            Act::Execute(payload) => !payload.is_executable(),
            act => matches!(act, Act::Call(_) | Act::Gate(_)),
        };
        self.end.is_own() && !self.acts.iter().any(awaits)
    }
}

impl Act {
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Self::Adopt(payload)
            | Self::Flood(_, payload)
            | Self::Execute(payload)
            | Self::Call(payload)
            | Self::DropCall(_, payload) => Some(payload),
            _ => None,
        }
    }

    /// Whether it is over soon, whatever others do.
    pub fn is_brief(&self) -> bool {
        match self {
            Self::Execute(payload) | Self::Call(payload) => payload.is_brief(),
            act => !matches!(act, Self::Gate(_)),
        }
    }

    fn ends_by_itself(&self) -> bool {
        match self {
            // It is dropped with its call, but what it has handed in by then is not.
            Self::DropCall(_, payload) if payload.on.is_async() => payload.hands_in_what_ends(),
            act => act.payload().is_none_or(Payload::ends_by_itself),
        }
    }

    /// Whether `is` holds for a payload in here, however deep, of the same runtime.
    fn any(&self, is: &dyn Fn(&Payload) -> bool) -> bool {
        self.payload().is_some_and(|payload| {
            let mut acts = payload.acts.iter().chain(&payload.dropping);
            is(payload) || acts.any(|act| act.any(is))
        })
    }
}

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

    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        self.before.iter().chain(self.hands.iter().flatten())
    }

    /// Whether payloads may block their flavours, or not end when asked: the runtime then gets no
    /// grace time, and the model expects less.
    pub fn is_hasty(&self) -> bool {
        let is_slow = |payload: &Payload| payload.is_blocking() || payload.is_stubborn();
        self.has(&is_slow) || self.may_hold_itself_up()
    }

    /// Whether executes may wait for each other for ever, which nobody can see: tokio may keep a payload in the
    /// queue of a worker that blocks, while another worker sleeps.
    fn may_hold_itself_up(&self) -> bool {
        let blocks = |payload: &Payload| payload.on == On::Multi && payload.executes(On::is_async);
        let needs = |payload: &Payload| payload.executes(|on| on == On::Multi);
        self.has(&blocks) && self.has(&needs)
    }

    /// Whether `is` holds for a payload of it.
    fn has(&self, is: &dyn Fn(&Payload) -> bool) -> bool {
        self.acts().any(|act| act.any(is))
    }

    /// Whether a flavour may be stuck until the runtime stops: who has to stop it must not wait.
    pub fn keeps_threads(&self) -> bool {
        let keeps = |payload: &Payload| payload.keeps_its_thread() || payload.is_stubborn();
        self.has(&keeps) || self.may_hold_itself_up()
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
        self.until_idle && !self.is_hasty() && self.acts().all(Act::ends_by_itself)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on({:?})", self.on)?;
        for act in &self.acts {
            write!(f, ".does({act:?})")?;
        }
        if self.end != End::Done {
            write!(f, ".ends({:?})", self.end)?;
        }
        for act in &self.dropping {
            write!(f, ".dropping({act:?})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("program()")?;
        if self.until_idle {
            f.write_str("\n    .until_idle()")?;
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
