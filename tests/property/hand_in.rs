//! Hands payloads in: each flavour's kind of closure, each type that a payload may return.

use std::error::Error;
use std::io;
use std::rc::Rc;

use foster::{
    AdoptError, Call, ExecuteError, Group, Named, Outcome, Place, Runtime, Smol, Thread, Tokio,
    TokioMultiThread,
};
use futures_lite::future::block_on;

use crate::life::{Life, Passed};
use crate::log::{Id, name_of};
use crate::program::{End, On};

pub const MULTI: TokioMultiThread = TokioMultiThread::new().worker_threads(2);

/// What a payload is handed to.
pub enum Target {
    Runtime(Runtime),
    Group(Group),
    /// One payload, which can have no name.
    Place(Place),
}

impl Target {
    fn named(&self, life: &Life) -> Named<'_> {
        match self {
            Self::Runtime(runtime) => runtime.named(name_of(life.id)),
            Self::Group(group) => group.named(name_of(life.id)),
            Self::Place(place) => place.group().named(name_of(life.id)),
        }
    }
}

/// `$named.$verb` with the payload of `$life`, whose end `$judge` turns into what it returns.
macro_rules! hand_in {
    ($named:expr, $verb:ident, $life:ident, $judge:expr) => {{
        let (judge, named) = ($judge, $named);
        match $life.payload.on {
            On::Smol => named.$verb(Smol, move || async move {
                let unsendable = Rc::new(judge);
                unsendable($life.live().await)
            }),
            On::Tokio => named.$verb(Tokio, move || async move {
                let unsendable = Rc::new(judge);
                unsendable($life.live().await)
            }),
            On::Multi => named.$verb(MULTI, move || async move { judge($life.live().await) }),
            On::Thread => named.$verb(Thread, move || judge(block_on($life.live()))),
        }
    }};
}

pub fn adopt(target: Target, life: Life) -> Result<(), AdoptError> {
    match life.payload.end {
        End::Done => adopt_as(target, life, |_| ()),
        End::FailsWithText => adopt_as(target, life, |passed| Err::<(), _>(passed.text())),
        End::FailsWithIo => adopt_as(target, life, |passed| {
            Err::<(), _>(io::Error::other(passed.text()))
        }),
        End::FailsWithAnyhow => adopt_as(target, life, |passed| {
            let cause = anyhow::anyhow!("the cause of it");
            Err::<(), _>(cause.context(passed.text()))
        }),
        End::FailsWhenAsked => adopt_as(target, life, |passed| {
            Err::<(), Box<dyn Error + Send + Sync>>(passed.text().into())
        }),
        End::ReturnsAnOrphan => adopt_as(target, life, |passed| Some(passed.text())),
        End::PassesRefusal => adopt_as(target, life, |passed| match passed.refusal {
            Some(refusal) => Err(anyhow::Error::new(refusal).context("it could not go on")),
            None => Ok(()),
        }),
        _ => adopt_as(target, life, |_| Ok::<(), io::Error>(())),
    }
}

fn adopt_as<T: Outcome>(
    target: Target,
    life: Life,
    judge: fn(Passed) -> T,
) -> Result<(), AdoptError> {
    match target {
        Target::Place(place) => hand_in!(place, adopt, life, judge),
        target => hand_in!(target.named(&life), adopt, life, judge),
    }
}

pub fn execute(target: &Target, life: Life) -> Result<Id, ExecuteError> {
    hand_in!(target.named(&life), execute, life, |passed: Passed| passed
        .id)
}

pub fn call(target: &Target, life: Life) -> Call<Id> {
    hand_in!(target.named(&life), call, life, |passed: Passed| passed.id)
}
