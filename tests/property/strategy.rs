//! Random programs. `proptest` makes them, and makes those that fail shorter.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::program::{Act, End, Finish, On, Payload, Program, Start};

/// Which payloads may come up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// They end by themselves, and whoever executes one is sure to go on.
    Executable,
    /// They end by themselves.
    Brief,
    /// They end when the runtime does, and block nobody.
    Tame,
    /// Anything: they block their flavours, or do not end when asked.
    Wild,
}

/// Programs of all kinds.
pub fn programs() -> BoxedStrategy<Program> {
    programs_of(3)
}

/// Programs in which one or two signals come, wherever it may be.
pub fn programs_with_signals() -> BoxedStrategy<Program> {
    let signal = || select(vec![SIGTERM, SIGINT, SIGHUP]).prop_map(Act::Signal);
    let places = vec((any::<prop::sample::Index>(), any::<bool>(), signal()), 1..=2);
    let with_signals = |(mut program, places): (Program, Vec<_>)| {
        for (index, is_left, signal) in places {
            let index: prop::sample::Index = index;
            let hand = &mut program.hands[usize::from(is_left)];
            hand.insert(index.index(hand.len() + 1), signal);
        }
        // Before the start a signal ends the process, as it would without Foster.
        program.start = Start::ByStart;
        program
    };
    (programs(), places).prop_map(with_signals).boxed()
}

fn programs_of(depth: u32) -> BoxedStrategy<Program> {
    prop_oneof![
        4 => programs_with(Kind::Tame, depth),
        1 => programs_with(Kind::Wild, depth),
        // These end when they are idle, more often than not.
        1 => programs_with(Kind::Brief, depth),
    ]
    .boxed()
}

fn programs_with(kind: Kind, depth: u32) -> BoxedStrategy<Program> {
    let before = vec(outside_act(kind, depth, true), 0..4);
    let hand = || vec(outside_act(kind, depth, false), 0..6);
    let start = prop_oneof![
        8 => Just(Start::ByStart),
        6 => Just(Start::ByRun),
        1 => Just(Start::Never),
    ];
    let finish = prop_oneof![3 => Just(Finish::ByShutdown), 1 => Just(Finish::ByDrop)];
    let until_idle = match kind {
        Kind::Brief => 0.8,
        _ => 0.2,
    };
    let parts = (proptest::bool::weighted(until_idle), before, start, [hand(), hand()], finish);
    parts
        .prop_map(|(until_idle, before, start, hands, finish)| Program {
            until_idle,
            before,
            start,
            hands,
            finish,
        })
        .boxed()
}

/// What a thread outside does.
fn outside_act(kind: Kind, depth: u32, is_before: bool) -> BoxedStrategy<Act> {
    let again = match is_before {
        true => Just(Act::Yield(1)),
        false => Just(Act::StartAgain),
    };
    // What a hand waits for by itself, and what it leaves to a thread aside.
    let waited = prop_oneof![3 => payload(Kind::Brief, depth), 1 => payload(kind, depth)].boxed();
    prop_oneof![
        12 => payload(kind, depth).prop_map(Act::Adopt),
        2 => (2..6_u8, payload(kind, 1)).prop_map(|(times, payload)| Act::Flood(times, payload)),
        1 => (60..90_u8, payload(Kind::Brief, 0)).prop_map(|(times, payload)| Act::Flood(times, payload)),
        3 => waited.clone().prop_map(Act::Execute),
        3 => waited.prop_map(Act::Call),
        3 => (0..4_u8, payload(kind, depth)).prop_map(|(polls, payload)| Act::DropCall(polls, payload)),
        2 => (0..3_usize).prop_map(Act::Open),
        3 => (1..5_u8).prop_map(Act::Yield),
        1 => Just(Act::Nap),
        1 => Just(Act::Shutdown),
        1 => again,
    ]
    .boxed()
}

fn payload(kind: Kind, depth: u32) -> BoxedStrategy<Payload> {
    let acts = match depth {
        0 => Just(Vec::new()).boxed(),
        _ => vec(inside_act(kind, depth - 1), 0..4).boxed(),
    };
    let dropping = match depth {
        0 => Just(Vec::new()).boxed(),
        _ => vec(dropping_act(depth - 1), 0..3).boxed(),
    };
    let parts = (select(On::ALL.to_vec()), acts, end(kind), dropping);
    parts
        .prop_map(move |(on, acts, end, dropping)| Payload {
            on,
            acts,
            end,
            dropping,
        })
        .prop_map(move |payload| fit(kind, payload))
        .boxed()
}

fn end(kind: Kind) -> BoxedStrategy<End> {
    let own = prop_oneof![
        6 => Just(End::Done),
        1 => select(vec![End::FailsWithText, End::FailsWithIo, End::FailsWithAnyhow]),
        1 => select(vec![End::PanicsWithText, End::PanicsWithValue, End::ReturnsAnOrphan]),
    ];
    let asked = select(vec![End::WhenAsked, End::WhenAsked, End::FailsWhenAsked, End::PassesRefusal]);
    match kind {
        Kind::Executable | Kind::Brief => own.boxed(),
        Kind::Tame => prop_oneof![4 => own, 3 => Just(End::Pending), 2 => asked].boxed(),
        Kind::Wild => {
            prop_oneof![3 => own, 3 => Just(End::Pending), 1 => asked, 1 => Just(End::Stubborn)].boxed()
        }
    }
}

/// What a payload does.
fn inside_act(kind: Kind, depth: u32) -> BoxedStrategy<Act> {
    let (executed, called) = match kind {
        Kind::Wild => (Kind::Wild, Kind::Wild),
        _ => (Kind::Executable, Kind::Brief),
    };
    let adopted = if kind == Kind::Executable { Kind::Brief } else { kind };
    let simple = prop_oneof![
        4 => (1..4_u8).prop_map(Act::Yield),
        1 => Just(Act::Nap),
        2 => Just(Act::Token),
        1 => (0..3_usize).prop_map(Act::Open),
        1 => Just(Act::Shutdown),
        1 => Just(Act::StartAgain),
        1 => Just(Act::WaitInside),
    ];
    let adopt = payload(adopted, depth).prop_map(Act::Adopt);
    let execute = payload(executed, depth).prop_map(Act::Execute);
    let drop_call = (0..4_u8, payload(adopted, depth));
    let drop_call = drop_call.prop_map(|(polls, payload)| Act::DropCall(polls, payload));
    if kind == Kind::Executable {
        return prop_oneof![6 => simple, 3 => adopt, 2 => execute, 1 => drop_call].boxed();
    }
    let call = payload(called, depth).prop_map(Act::Call);
    // A brief payload waits for no gate, and a runtime inside takes a while.
    let gate = match kind {
        Kind::Brief => Just(Act::Yield(3)).boxed(),
        _ => (0..3_usize).prop_map(Act::Gate).boxed(),
    };
    let inner = match depth {
        0 => Just(Act::Nap).boxed(),
        _ => programs_of(depth - 1).prop_map(Act::Run).boxed(),
    };
    prop_oneof![
        20 => simple,
        12 => adopt,
        5 => execute,
        6 => call,
        4 => drop_call,
        4 => gate,
        1 => inner,
    ]
    .boxed()
}

/// What a destructor does.
fn dropping_act(depth: u32) -> BoxedStrategy<Act> {
    let polls = 0..3_u8;
    prop_oneof![
        3 => Just(Act::Panic),
        2 => payload(Kind::Brief, depth).prop_map(Act::Adopt),
        1 => payload(Kind::Executable, depth).prop_map(Act::Execute),
        1 => (polls, payload(Kind::Brief, depth)).prop_map(|(polls, payload)| Act::DropCall(polls, payload)),
        1 => Just(Act::Shutdown),
    ]
    .boxed()
}

/// Takes out of a payload what does not go together.
fn fit(kind: Kind, mut payload: Payload) -> Payload {
    if kind != Kind::Wild && payload.end == End::Pending {
        // It would keep its runtime waiting for all of the grace time.
        payload.acts.retain(|act| !matches!(act, Act::Token));
    }
    // Blocking code that is executed runs on its caller's thread, for which others may wait.
    for act in payload.acts.iter_mut().chain(&mut payload.dropping) {
        if let Act::Execute(executed) = act {
            if executed.on == On::Thread && !(executed.is_brief() && executed.is_executable()) {
                executed.on = On::Smol;
            }
        }
    }
    payload
}
