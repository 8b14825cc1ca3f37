//! Whoever does the acts of a program: a hand outside, a payload, a destructor.

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use foster::{AdoptError, Call, ExecuteError, ExecuteErrorKind, RunErrorKind, Shutdown, Signals};
use futures_lite::future::yield_now;

use crate::hand_in;
use crate::log::{Answer, Ended, How, Id, What};
use crate::play::{World, note_start, play};
use crate::program::{Act, End, On, Payload, on};

/// How long the destructor of a dropped call's payload may be waited for.
const SOON: Duration = Duration::from_secs(15);

/// The value of a panic that is no text.
struct NoText;

pub struct Player {
    pub world: Arc<World>,
    me: Option<Id>,
    on: On,
}

impl Player {
    /// A hand.
    pub fn outside(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
            me: None,
            on: On::Thread,
        }
    }

    /// Payload `me`.
    pub fn inside(world: &Arc<World>, me: Id, on: On) -> Self {
        Self {
            world: Arc::clone(world),
            me: Some(me),
            on,
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
                Act::DropCall(_, payload) => self.world.keeps_threads && payload.is_slow_to_drop(),
                _ => false,
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

    fn token(&self) -> Option<Shutdown> {
        let token = Shutdown::try_current();
        match (&token, self.me) {
            (Some(_), Some(me)) => self.log(What::Held(me)),
            _ => self.world.wrong("no token in a payload".to_owned()),
        }
        token
    }

    /// Adopts `payload`; `None` once no handle is left.
    fn adopt(&self, payload: &Payload) -> Option<Result<(), AdoptError>> {
        let runtime = self.world.runtime()?;
        let life = Life::new(&self.world, self.me, How::Adopt, payload);
        let id = life.id;
        let result = hand_in::adopt(&runtime, life);
        let answer = match result.as_ref().map_err(AdoptError::kind) {
            Ok(()) => Answer::Accepted,
            Err(foster::AdoptErrorKind::Stopping) => Answer::Stopping,
            Err(_) => Answer::Other,
        };
        self.log(What::Answered(id, answer));
        Some(result)
    }

    fn execute(&self, payload: &Payload) {
        let Some(runtime) = self.world.runtime() else {
            return;
        };
        let life = Life::new(&self.world, self.me, How::Execute, payload);
        let id = life.id;
        let result = catch_unwind(AssertUnwindSafe(|| hand_in::execute(&runtime, life)));
        self.log(What::Answered(id, self.answer(id, result)));
    }

    fn call(&self, payload: &Payload) -> Option<Calling<'_>> {
        let runtime = self.world.runtime()?;
        let life = Life::new(&self.world, self.me, How::Call, payload);
        Some(Calling {
            player: self,
            id: life.id,
            call: hand_in::call(&runtime, life),
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

/// The code of one payload: owned by its closure, then by what that makes. Its drop is noted.
pub struct Life {
    player: Player,
    pub id: Id,
    pub payload: Payload,
    is_started: bool,
    is_finished: bool,
}

/// The end of a payload that neither panicked nor was dropped.
pub struct Passed {
    pub id: Id,
    pub refusal: Option<AdoptError>,
}

impl Passed {
    /// The text of whatever it returns.
    pub fn text(&self) -> String {
        text_of(self.id)
    }
}

/// How the text of every failure begins that a program asks for.
pub const ASKED: &str = "the failure of p";

/// The text by which a failure of payload `id` is recognised.
pub fn text_of(id: Id) -> String {
    format!("{ASKED}{id}")
}

impl Life {
    fn new(world: &Arc<World>, by: Option<Id>, how: How, payload: &Payload) -> Self {
        let id = world.log.hand_in(by, how, payload);
        Self {
            player: Player::inside(world, id, payload.on),
            id,
            payload: payload.clone(),
            is_started: false,
            is_finished: false,
        }
    }

    /// Lives the payload's life. Boxed and `Send`, so that it fits every flavour.
    pub fn live(mut self) -> Pin<Box<dyn Future<Output = Passed> + Send>> {
        Box::pin(async move {
            self.is_started = true;
            self.player.log(What::Started(self.id));
            self.player.acts(&self.payload.acts).await;
            let refusal = self.end().await;
            Passed {
                id: self.id,
                refusal,
            }
        })
    }

    async fn end(&mut self) -> Option<AdoptError> {
        let end = self.payload.end;
        if end.is_asked() {
            self.wait_until_asked().await;
        }
        let mut refusal = None;
        match end {
            End::Pending | End::Stubborn => match self.payload.on {
                On::Thread => self.player.world.over.wait().await,
                _ => pending().await,
            },
            End::PassesRefusal => {
                let adopted = self.player.adopt(&on(On::Smol));
                refusal = adopted.and_then(Result::err);
            }
            _ => {}
        }
        self.is_finished = true;
        let ended = match end {
            End::PanicsWithText | End::PanicsWithValue => Ended::Panicked,
            End::FailsWithText | End::FailsWithIo | End::FailsWithAnyhow => Ended::Failed,
            End::FailsWhenAsked | End::ReturnsAnOrphan => Ended::Failed,
            _ => Ended::Well,
        };
        self.player.log(What::Finished(self.id, ended));
        match end {
            End::PanicsWithText => panic!("{}", text_of(self.id)),
            End::PanicsWithValue => std::panic::panic_any(NoText),
            _ => refusal,
        }
    }

    async fn wait_until_asked(&self) {
        let Some(token) = self.player.token() else {
            return;
        };
        match self.payload.on {
            On::Thread => while !token.wait_timeout(Duration::from_secs(1)) {},
            _ => token.requested().await,
        }
        self.player.log(What::Asked);
    }

    fn is_in_context(&self) -> bool {
        match self.payload.on {
            On::Tokio | On::Multi => tokio::runtime::Handle::try_current().is_ok(),
            On::Smol | On::Thread => true,
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.player
            .log(What::Dropped(self.id, self.is_in_context()));
        if self.is_finished {
            return;
        }
        let acts = std::mem::take(&mut self.payload.dropping);
        futures_lite::future::block_on(self.player.acts(&acts));
        let panics = acts.iter().any(|act| matches!(act, Act::Panic));
        // What never ran may be dropped anywhere, where its panic would be somebody else's.
        if panics && self.is_started {
            self.player.log(What::DropPanics(self.id));
            panic!("{}", text_of(self.id));
        }
    }
}
