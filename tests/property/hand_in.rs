//! Hands payloads in: each flavour's kind of closure, each type that a payload may return.

use std::error::Error;
use std::io;
use std::rc::Rc;

use foster::{
    AdoptError, Call, ExecuteError, Outcome, Runtime, Smol, Thread, Tokio, TokioMultiThread,
};
use futures_lite::future::block_on;

use crate::log::{Id, name_of};
use crate::player::{Life, Passed};
use crate::program::{End, On};

const MULTI: TokioMultiThread = TokioMultiThread::new().worker_threads(2);

/// `$runtime.$verb` with the payload of `$life`, whose end `$judge` turns into what it returns.
macro_rules! hand_in {
    ($runtime:expr, $verb:ident, $life:ident, $judge:expr) => {{
        let (judge, named) = ($judge, $runtime.named(name_of($life.id)));
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

pub fn adopt(runtime: &Runtime, life: Life) -> Result<(), AdoptError> {
    match life.payload.end {
        End::Done => adopt_as(runtime, life, |_| ()),
        End::FailsWithText => adopt_as(runtime, life, |passed| Err::<(), _>(passed.text())),
        End::FailsWithIo => adopt_as(runtime, life, |passed| {
            Err::<(), _>(io::Error::other(passed.text()))
        }),
        End::FailsWithAnyhow => adopt_as(runtime, life, |passed| {
            let cause = anyhow::anyhow!("the cause of it");
            Err::<(), _>(cause.context(passed.text()))
        }),
        End::FailsWhenAsked => adopt_as(runtime, life, |passed| {
            Err::<(), Box<dyn Error + Send + Sync>>(passed.text().into())
        }),
        End::ReturnsAnOrphan => adopt_as(runtime, life, |passed| Some(passed.text())),
        End::PassesRefusal => adopt_as(runtime, life, |passed| match passed.refusal {
            Some(refusal) => Err(anyhow::Error::new(refusal).context("it could not go on")),
            None => Ok(()),
        }),
        _ => adopt_as(runtime, life, |_| Ok::<(), io::Error>(())),
    }
}

fn adopt_as<T: Outcome>(
    runtime: &Runtime,
    life: Life,
    judge: fn(Passed) -> T,
) -> Result<(), AdoptError> {
    hand_in!(runtime, adopt, life, judge)
}

pub fn execute(runtime: &Runtime, life: Life) -> Result<Id, ExecuteError> {
    hand_in!(runtime, execute, life, |passed: Passed| passed.id)
}

pub fn call(runtime: &Runtime, life: Life) -> Call<Id> {
    hand_in!(runtime, call, life, |passed: Passed| passed.id)
}
