//! Random programs. `proptest` makes them, and makes those that fail shorter.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::program::{
    Act, End, Finish, GroupPlan, On, Payload, Policy, Program, Reply, ServicePlan, Site, Start,
};

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

impl Kind {
    const ALL: [Self; 4] = [Self::Executable, Self::Brief, Self::Tame, Self::Wild];
}

/// How deep payloads hand in payloads.
const DEPTH: usize = 3;

/// The payloads, and the programs inside of payloads, of one depth. Each depth is made of the one
/// below, once: made anew wherever they come up they would be very many.
struct Layer {
    payloads: Payloads,
    programs: BoxedStrategy<Program>,
}

impl Layer {
    fn payload(&self, kind: Kind) -> BoxedStrategy<Payload> {
        self.payloads[kind as usize].clone()
    }
}

/// Programs of all kinds.
pub fn programs() -> BoxedStrategy<Program> {
    let mut layers: Vec<Layer> = Vec::new();
    for _ in 0..=DEPTH {
        let payloads = Kind::ALL.map(|kind| payload(kind, layers.last()));
        let bottom = layers.first().map_or(&payloads, |layer| &layer.payloads);
        let programs = programs_of(&payloads, bottom);
        layers.push(Layer { payloads, programs });
    }
    let top = layers.pop().expect("there is more than one");
    top.programs
}

/// Programs in which one or two signals come, wherever it may be.
#[cfg(unix)]
pub fn programs_with_signals() -> BoxedStrategy<Program> {
    let signal = || select(vec![SIGTERM, SIGINT, SIGHUP]).prop_map(Act::Signal);
    let places = vec(
        (any::<prop::sample::Index>(), any::<bool>(), signal()),
        1..=2,
    );
    let with_signals = |(mut program, places): (Program, Vec<_>)| {
        for (index, is_left, signal) in places {
            let index: prop::sample::Index = index;
            let hand = &mut program.hands[usize::from(is_left)];
            hand.insert(index.index(hand.len() + 1), signal);
        }
        // Before the start a signal ends the process, as it would without Foster.
        program.start = Start::Parted;
        program
    };
    (programs(), places).prop_map(with_signals).boxed()
}

type Payloads = [BoxedStrategy<Payload>; 4];

/// Programs with payloads of `all`, and floods of those of `simple`.
fn programs_of(all: &Payloads, simple: &Payloads) -> BoxedStrategy<Program> {
    let programs = |kind| programs_with(kind, all, simple);
    prop_oneof![
        4 => programs(Kind::Tame),
        1 => programs(Kind::Wild),
        // These end when they are idle, more often than not.
        1 => programs(Kind::Brief),
    ]
    .prop_map(|program| match program.may_hold_itself_up() {
        true => program.executing_in_turn(),
        false => program,
    })
    .boxed()
}

fn programs_with(kind: Kind, all: &Payloads, simple: &Payloads) -> BoxedStrategy<Program> {
    let act = |is_before| outside_act(kind, all, simple, is_before);
    let before = vec(act(true), 0..4);
    let hand = || vec(act(false), 0..6);
    let start = prop_oneof![
        8 => Just(Start::Parted),
        6 => Just(Start::Whole),
        1 => Just(Start::Never),
    ];
    let finish = prop_oneof![3 => Just(Finish::ByShutdown), 1 => Just(Finish::ByDrop)];
    let until_idle = match kind {
        Kind::Brief => 0.8,
        _ => 0.2,
    };
    let parts = (
        proptest::bool::weighted(until_idle),
        (groups(), services()),
        before,
        start,
        [hand(), hand()],
        finish,
    );
    parts
        .prop_map(
            |(until_idle, (groups, services), before, start, hands, finish)| Program {
                until_idle,
                groups,
                services,
                before,
                start,
                hands,
                finish,
            },
        )
        .boxed()
}

fn groups() -> BoxedStrategy<Vec<GroupPlan>> {
    let policy = select(vec![Policy::Passes, Policy::MayFail, Policy::EachMayFail]);
    let limit = proptest::option::weighted(0.6, 1..=4_usize);
    let within = proptest::option::weighted(0.5, 0..3_usize);
    let group = (policy, limit, within).prop_map(|(policy, limit, within)| GroupPlan {
        policy,
        limit,
        within,
    });
    // Fewer than there are numbers: many payloads are in one group, and some in none.
    prop_oneof![1 => Just(Vec::new()), 2 => vec(group, 1..=4)].boxed()
}

fn services() -> BoxedStrategy<Vec<ServicePlan>> {
    use Reply::*;
    // One that never answers leaves little time to the others.
    let reply = prop_oneof![
        8 => select(vec![Reloads, Reloads, Refuses, Drops, Leaves, Restarts]),
        1 => Just(Keeps),
    ];
    let parts = (select(On::ALL.to_vec()), reply, any::<bool>());
    let service = parts.prop_map(|(on, reply, is_after)| ServicePlan {
        on,
        reply,
        is_after,
    });
    prop_oneof![3 => Just(Vec::new()), 1 => vec(service, 1..=3)].boxed()
}

fn site() -> BoxedStrategy<Site> {
    prop_oneof![
        4 => Just(Site::Runtime),
        4 => (0..4_usize).prop_map(Site::In),
        2 => Just(Site::Own),
    ]
    .boxed()
}

/// What is done with groups, and waits for nobody.
fn group_act() -> BoxedStrategy<Act> {
    prop_oneof![
        2 => site().prop_map(Act::StopGroup),
        1 => site().prop_map(Act::CancelGroup),
        1 => (0..4_usize).prop_map(Act::DropGroup),
    ]
    .boxed()
}

/// What a thread outside does.
fn outside_act(
    kind: Kind,
    all: &Payloads,
    simple: &Payloads,
    is_before: bool,
) -> BoxedStrategy<Act> {
    let payload = |kind: Kind| all[kind as usize].clone();
    let simple = |kind: Kind| simple[kind as usize].clone();
    let again = match is_before {
        true => Just(Act::Yield(1)),
        false => Just(Act::StartAgain),
    };
    // What a hand waits for by itself, and what it leaves to a thread aside.
    let waited = prop_oneof![3 => payload(Kind::Brief), 1 => payload(kind)].boxed();
    prop_oneof![
        12 => payload(kind).prop_map(Act::Adopt),
        2 => (2..6_u8, payload(kind)).prop_map(flood),
        1 => (60..90_u8, simple(Kind::Brief)).prop_map(flood),
        3 => waited.clone().prop_map(Act::Execute),
        3 => waited.prop_map(Act::Call),
        3 => (0..4_u8, payload(kind)).prop_map(drop_call),
        2 => (0..3_usize).prop_map(Act::Open),
        3 => (1..5_u8).prop_map(Act::Yield),
        1 => Just(Act::Nap),
        1 => Just(Act::Shutdown),
        1 => again,
        2 => group_act(),
        2 => payload(kind).prop_map(placed),
        1 => site().prop_map(Act::HoldPlace),
        1 => Just(Act::Reload),
        1 => Just(Act::AwaitReload),
    ]
    .boxed()
}

fn flood((times, payload): (u8, Payload)) -> Act {
    Act::Flood(times, payload)
}

/// In a place it can have no name, and is known by what it says.
fn placed(mut payload: Payload) -> Act {
    if payload.on == On::Thread {
        payload.on = On::Tokio;
    }
    if payload.end == End::PanicsWithValue {
        payload.end = End::PanicsWithText;
    }
    Act::Place(payload)
}

fn drop_call((polls, payload): (u8, Payload)) -> Act {
    Act::DropCall(polls, payload)
}

fn payload(kind: Kind, below: Option<&Layer>) -> BoxedStrategy<Payload> {
    let nothing = || Just(Vec::new()).boxed();
    let acts = below.map_or_else(nothing, |below| vec(inside_act(kind, below), 0..4).boxed());
    let dropping = below.map_or_else(nothing, |below| vec(dropping_act(below), 0..3).boxed());
    let parts = (select(On::ALL.to_vec()), site(), acts, end(kind), dropping);
    parts
        .prop_map(move |(on, site, acts, end, dropping)| Payload {
            on,
            site,
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
    let asked = select(vec![
        End::WhenAsked,
        End::WhenAsked,
        End::FailsWhenAsked,
        End::PassesRefusal,
    ]);
    match kind {
        Kind::Executable | Kind::Brief => own.boxed(),
        Kind::Tame => prop_oneof![4 => own, 3 => Just(End::Pending), 2 => asked].boxed(),
        Kind::Wild => {
            prop_oneof![3 => own, 3 => Just(End::Pending), 1 => asked, 1 => Just(End::Stubborn)]
                .boxed()
        }
    }
}

/// What a payload does.
fn inside_act(kind: Kind, below: &Layer) -> BoxedStrategy<Act> {
    let (executed, called) = match kind {
        Kind::Wild => (Kind::Wild, Kind::Wild),
        _ => (Kind::Executable, Kind::Brief),
    };
    let adopted = if kind == Kind::Executable {
        Kind::Brief
    } else {
        kind
    };
    let simple = prop_oneof![
        4 => (1..4_u8).prop_map(Act::Yield),
        1 => Just(Act::Nap),
        2 => Just(Act::Token),
        1 => (0..3_usize).prop_map(Act::Open),
        1 => Just(Act::Shutdown),
        1 => Just(Act::StartAgain),
        1 => Just(Act::WaitInside),
        2 => group_act(),
        1 => Just(Act::Reload),
    ];
    let adopt = below.payload(adopted).prop_map(Act::Adopt);
    let execute = below.payload(executed).prop_map(Act::Execute);
    let drop_call = (0..4_u8, below.payload(adopted)).prop_map(drop_call);
    if kind == Kind::Executable {
        return prop_oneof![6 => simple, 3 => adopt, 2 => execute, 1 => drop_call].boxed();
    }
    let call = below.payload(called).prop_map(Act::Call);
    // A brief payload waits for no gate, and a runtime inside takes a while.
    let gate = match kind {
        Kind::Brief => Just(Act::Yield(3)).boxed(),
        _ => prop_oneof![
            3 => (0..3_usize).prop_map(Act::Gate),
            3 => below.payload(adopted).prop_map(placed),
            1 => site().prop_map(Act::HoldPlace),
            1 => Just(Act::AwaitReload),
        ]
        .boxed(),
    };
    let inner = below.programs.clone().prop_map(Act::Run);
    prop_oneof![
        20 => simple,
        12 => adopt,
        5 => execute,
        6 => call,
        4 => drop_call,
        5 => gate,
        1 => inner,
    ]
    .boxed()
}

/// What a destructor does.
fn dropping_act(below: &Layer) -> BoxedStrategy<Act> {
    prop_oneof![
        3 => Just(Act::Panic),
        2 => below.payload(Kind::Brief).prop_map(Act::Adopt),
        1 => below.payload(Kind::Executable).prop_map(Act::Execute),
        1 => (0..3_u8, below.payload(Kind::Brief)).prop_map(drop_call),
        1 => Just(Act::Shutdown),
        1 => group_act(),
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
        if let Act::Execute(executed) = act
            && executed.on == On::Thread
            && !(executed.is_brief() && executed.is_executable())
        {
            executed.on = On::Smol;
        }
    }
    payload
}
