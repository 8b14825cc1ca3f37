//! Whoever does the acts of a program: a hand outside, a payload, a destructor.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use foster::{
    AdoptError, AdoptErrorKind, Call, ExecuteError, ExecuteErrorKind, RunErrorKind, Shutdown,
    Signals,
};
use futures_lite::future::yield_now;

use crate::hand_in::{self, Target};
use crate::life::Life;
use crate::log::{Answer, How, Id, Scope, What};
use crate::play::{note_start, play};
use crate::program::{Act, On, Payload};
use crate::world::World;

/// How long the destructor of a dropped call's payload may be waited for.
const SOON: Duration = Duration::from_secs(15);

pub struct Player {
    pub world: Arc<World>,
    pub me: Option<Id>,
    pub on: On,
    /// Whose children it adopts into its own group; `None` where there is no such group, or it is not known.
    pub parent: Option<Id>,
}

impl Player {
    /// A hand.
    pub fn outside(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
            me: None,
            on: On::Thread,
            parent: None,
        }
    }

    /// Payload `me`.
    pub fn inside(world: &Arc<World>, me: Id, on: On, parent: Option<Id>) -> Self {
        Self {
            world: Arc::clone(world),
            me: Some(me),
            on,
            parent,
        }
    }

    pub fn log(&self, what: What) {
        self.world.log.write(self.me, what);
    }

    pub async fn acts(&self, acts: &[Act]) {
        for act in acts {
            // A hand must come to its end, whatever becomes of its payloads.
            let waits = match act {
                Act::Execute(_) | Act::Call(_) => self.world.keeps_threads || !act.is_brief(),
                // It may be refused, and dropped here.
                act => self.world.keeps_threads && act.is_slow_to_drop(),
            };
            if self.me.is_none() && waits {
                self.world.aside(act);
            } else {
                self.act(act).await;
            }
        }
    }

    /// Boxed, as an act may contain acts.
    pub fn act<'a>(&'a self, act: &'a Act) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.do_act(act))
    }

    async fn do_act(&self, act: &Act) {
        match act {
            Act::Yield(times) => {
                for _ in 0..*times {
                    thread::yield_now();
                    yield_now().await;
                }
            }
            Act::Nap => self.nap().await,
            Act::Token => drop(self.token()),
            Act::Gate(gate) => self.world.gates[*gate].wait().await,
            Act::Open(gate) => self.world.gates[*gate].open(),
            Act::Adopt(payload) => drop(self.adopt(payload)),
            Act::Flood(times, payload) => {
                for _ in 0..*times {
                    let _ = self.adopt(payload);
                }
            }
            Act::Execute(payload) => self.execute(payload),
            Act::Call(payload) => {
                if let Some(call) = self.call(payload) {
                    call.await;
                }
            }
            Act::DropCall(polls, payload) => self.drop_call(*polls, payload).await,
            Act::Place(payload) => self.adopt_in_place(payload).await,
            Act::HoldPlace(site) => self.hold_place(*site).await,
            Act::StopGroup(site) => self.end_group(*site, false),
            Act::CancelGroup(site) => self.end_group(*site, true),
            Act::DropGroup(group) => self.drop_group(*group),
            Act::Reload => self.ask_for_reload(),
            Act::AwaitReload => self.await_reload().await,
            Act::Shutdown => {
                if let Some(runtime) = self.world.runtime() {
                    self.log(What::ShutdownBegun);
                    runtime.shutdown();
                    self.log(What::ShutdownEnded);
                }
            }
            Act::StartAgain => {
                if let Some(runtime) = self.world.runtime() {
                    note_start(&self.world, &runtime.start());
                }
            }
            Act::WaitInside => {
                let result = self.world.runtime().map(|runtime| runtime.wait());
                let kind = result.map(|result| result.map_err(|error| error.kind()));
                if !matches!(kind, None | Some(Err(RunErrorKind::InsideItself))) {
                    self.world.wrong(format!("a wait inside gave {kind:?}"));
                }
            }
            Act::Run(program) => {
                if let Err(wrong) = play(program, Signals::Leave, &Arc::default()) {
                    self.world.wrong(format!("in a runtime inside: {wrong}"));
                }
            }
            Act::Signal(number) => {
                self.log(What::Signalled);
                if let Err(error) = signal_hook::low_level::raise(*number) {
                    self.world
                        .wrong(format!("no signal could be sent: {error}"));
                }
            }
            Act::Panic => {}
        }
    }

    async fn nap(&self) {
        const TIME: Duration = Duration::from_millis(1);
        match self.on {
            On::Smol => drop(async_io::Timer::after(TIME).await),
            On::Tokio | On::Multi => tokio::time::sleep(TIME).await,
            On::Thread => thread::sleep(TIME),
        }
    }

    pub fn token(&self) -> Option<Shutdown> {
        let token = Shutdown::try_current();
        match (&token, self.me) {
            (Some(_), Some(me)) => self.log(What::Held(me)),
            _ => self.world.wrong("no token in a payload".to_owned()),
        }
        token
    }

    /// Adopts `payload`; returns why not, unless a limit is reached or no handle is left.
    pub fn adopt(&self, payload: &Payload) -> Option<AdoptError> {
        let (target, scope) = self.target(payload.site)?;
        self.adopt_into(target, scope, payload).1
    }

    pub fn adopt_into(
        &self,
        target: Target,
        scope: Scope,
        payload: &Payload,
    ) -> (Answer, Option<AdoptError>) {
        let life = Life::new(self, How::Adopt, scope, payload);
        let id = life.id;
        let mut refused = hand_in::adopt(target, life).err();
        let answer = match refused.as_ref().map(AdoptError::kind) {
            None => Answer::Accepted,
            Some(AdoptErrorKind::Stopping) => Answer::Stopping,
            Some(AdoptErrorKind::Full) => {
                self.is_given_back(id);
                refused = None;
                Answer::Full
            }
            Some(_) => Answer::Other,
        };
        self.log(What::Answered(id, answer));
        (answer, refused)
    }

    /// A limit is reached, and the error has the payload.
    fn is_given_back(&self, id: Id) {
        if self.world.log.is_dropped(id) {
            self.world.wrong(format!("G5: p{id} is not given back"));
        }
    }

    fn execute(&self, payload: &Payload) {
        let Some((target, scope)) = self.target(payload.site) else {
            return;
        };
        let life = Life::new(self, How::Execute, scope, payload);
        let id = life.id;
        let result = catch_unwind(AssertUnwindSafe(|| hand_in::execute(&target, life)));
        self.log(What::Answered(id, self.answer(id, result)));
    }

    fn call(&self, payload: &Payload) -> Option<Calling<'_>> {
        let (target, scope) = self.target(payload.site)?;
        let life = Life::new(self, How::Call, scope, payload);
        Some(Calling {
            player: self,
            id: life.id,
            call: hand_in::call(&target, life),
            is_over: false,
        })
    }

    async fn drop_call(&self, polls: u8, payload: &Payload) {
        let Some(mut call) = self.call(payload) else {
            return;
        };
        let id = call.id;
        for _ in 0..polls {
            let poll = poll_fn(|context| Poll::Ready(Pin::new(&mut call).poll(context)));
            if poll.await.is_ready() {
                return;
            }
            yield_now().await;
        }
        drop(call);
        if self.me.is_none() && !self.world.keeps_threads && payload.on.is_async() {
            // E6: dropping the call is what cancels it, and not the end of the runtime.
            if !self.world.log.wait_for_drop(id, Instant::now() + SOON) {
                self.world.wrong(format!("p{id} outlives its dropped call"));
            }
        }
    }

    fn answer(&self, id: Id, result: thread::Result<Result<Id, ExecuteError>>) -> Answer {
        match result {
            Ok(Ok(value)) if value == id => Answer::Value,
            Ok(Ok(_)) => Answer::Other,
            Ok(Err(error)) => match error.kind() {
                ExecuteErrorKind::Stopping => Answer::Stopping,
                ExecuteErrorKind::NotRunning => Answer::NotRunning,
                ExecuteErrorKind::Cancelled => Answer::Cancelled,
                ExecuteErrorKind::Deadlock => Answer::Deadlock,
                ExecuteErrorKind::Full => {
                    self.is_given_back(id);
                    Answer::Full
                }
                _ => Answer::Other,
            },
            Err(_) => Answer::Panicked,
        }
    }
}

/// A call under way, whose drop is noted.
struct Calling<'a> {
    player: &'a Player,
    id: Id,
    call: Call<Id>,
    is_over: bool,
}

impl Future for Calling<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let call = &mut self.call;
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(call).poll(context)));
        let result = match polled {
            Ok(poll) => Ok(ready!(poll)),
            Err(panic) => Err(panic),
        };
        self.is_over = true;
        let answer = self.player.answer(self.id, result);
        self.player.log(What::Answered(self.id, answer));
        Poll::Ready(())
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.player.log(What::CallDropped(self.id));
        }
    }
}
