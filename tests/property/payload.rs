//! Payloads, and what they and others do, as data that reads, and is printed, like code.

use std::fmt;

use crate::parts::Site;
use crate::program::Program;

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
    /// Waits for a place where the payload belongs, and adopts it there. A payload gives up when the gates open, and a
    /// hand soon.
    Place(Payload),
    /// Waits for a place in the same way, lets others go on, and gives it back.
    HoldPlace(Site),
    StopGroup(Site),
    CancelGroup(Site),
    /// Drops the lasting handle of a group.
    DropGroup(usize),
    /// Asks for a reload, and goes on.
    Reload,
    /// Asks for a reload, and waits for it as for a place.
    AwaitReload,
    Shutdown,
    /// Starts the runtime once more.
    StartAgain,
    /// Waits for the end of the runtime that it is part of.
    WaitInside,
    /// Plays a program of its own, on a runtime of its own.
    Run(Program),
    /// Sends this process a signal.
    #[cfg_attr(not(unix), allow(dead_code, reason = "there are none"))]
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
    pub site: Site,
    pub acts: Vec<Act>,
    pub end: End,
    /// What its destructor does if it is dropped before its end.
    pub dropping: Vec<Act>,
}

/// A payload that is done at once.
pub fn on(on: On) -> Payload {
    Payload {
        on,
        site: Site::Runtime,
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

    /// Where it is handed in, if not in the runtime itself.
    pub fn inside(mut self, site: Site) -> Self {
        self.site = site;
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
    pub fn ends_by_itself(&self) -> bool {
        self.end.is_own() && self.hands_in_what_ends()
    }

    fn hands_in_what_ends(&self) -> bool {
        let mut acts = self.acts.iter().chain(&self.dropping);
        acts.all(Act::ends_by_itself)
    }

    /// Whether it may not end, for all that it was asked to.
    pub fn is_stubborn(&self) -> bool {
        let ends = matches!(self.end, End::Pending | End::Stubborn);
        let waits = |act: &Act| !act.is_gated() && !act.is_brief();
        self.holds() && (ends || self.acts.iter().any(waits))
    }

    /// Whether it may keep its flavour's thread until the runtime stops, or longer.
    pub fn keeps_its_thread(&self) -> bool {
        let keeps = |act: &Act| matches!(act, Act::Execute(payload) if !payload.is_brief());
        self.is_blocking() || self.acts.iter().chain(&self.dropping).any(keeps)
    }

    /// Whether whoever drops it may have to wait.
    pub fn is_slow_to_drop(&self) -> bool {
        let mut acts = self.dropping.iter();
        acts.any(|act| matches!(act, Act::Execute(_)) || act.is_slow_to_drop())
    }

    /// Whether it executes something on such a flavour.
    pub fn executes(&self, is: impl Fn(On) -> bool) -> bool {
        let mut acts = self.acts.iter().chain(&self.dropping);
        acts.any(|act| act.executes(&is))
    }

    /// Whether it may block its flavour's thread for long.
    pub fn is_blocking(&self) -> bool {
        let blocks = |act: &Act| matches!(act, Act::Execute(payload) if !payload.is_executable());
        self.acts.iter().chain(&self.dropping).any(blocks)
    }

    /// Whether a payload that executes this one is sure to go on: what an executed payload awaits
    /// may be in need of the very thread that the execute blocks, which Foster cannot see.
    pub fn is_executable(&self) -> bool {
        let awaits = |act: &Act| match act {
            Act::Execute(payload) => !payload.is_executable(),
            act => matches!(act, Act::Call(_)) || act.is_gated(),
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
            | Self::DropCall(_, payload)
            | Self::Place(payload) => Some(payload),
            _ => None,
        }
    }

    /// Whether its payload may be dropped here, for which one may have to wait.
    pub fn is_slow_to_drop(&self) -> bool {
        self.payload().is_some_and(Payload::is_slow_to_drop)
    }

    /// Whether something is executed here on such a flavour, by what is dropped here included.
    fn executes(&self, is: &dyn Fn(On) -> bool) -> bool {
        let executed = matches!(self, Self::Execute(payload) if is(payload.on));
        let mut dropping = self
            .payload()
            .into_iter()
            .flat_map(|payload| &payload.dropping);
        executed || dropping.any(|act| act.executes(is))
    }

    fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Self::Adopt(payload)
            | Self::Flood(_, payload)
            | Self::Execute(payload)
            | Self::Call(payload)
            | Self::DropCall(_, payload)
            | Self::Place(payload) => Some(payload),
            _ => None,
        }
    }

    /// See [`Program::executing_in_turn`].
    pub fn execute_in_turn(&mut self) {
        if let Self::Execute(payload) = self
            && payload.on == On::Multi
        {
            payload.on = On::Tokio;
        }
        if let Some(payload) = self.payload_mut() {
            let acts = payload.acts.iter_mut().chain(&mut payload.dropping);
            acts.for_each(Self::execute_in_turn);
        }
    }

    /// Whether it is over soon, whatever others do.
    pub fn is_brief(&self) -> bool {
        match self {
            Self::Execute(payload) | Self::Call(payload) => payload.is_brief(),
            act => !act.is_gated(),
        }
    }

    /// Whether it may go on until the gates open.
    fn is_gated(&self) -> bool {
        matches!(
            self,
            Self::Gate(_) | Self::Place(_) | Self::HoldPlace(_) | Self::AwaitReload
        )
    }

    pub fn ends_by_itself(&self) -> bool {
        match self {
            // It is dropped with its call, but what it has handed in by then is not.
            Self::DropCall(_, payload) if payload.on.is_async() => payload.hands_in_what_ends(),
            act => act.payload().is_none_or(Payload::ends_by_itself),
        }
    }

    /// Whether `is` holds for a payload in here, however deep, of the same runtime.
    pub fn any(&self, is: &dyn Fn(&Payload) -> bool) -> bool {
        self.payload().is_some_and(|payload| {
            let mut acts = payload.acts.iter().chain(&payload.dropping);
            is(payload) || acts.any(|act| act.any(is))
        })
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on({:?})", self.on)?;
        if self.site != Site::Runtime {
            write!(f, ".inside({:?})", self.site)?;
        }
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
