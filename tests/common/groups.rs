//! Groups, and what is handed into them, on every flavour alike.

use std::future::Future;

use foster::{AdoptError, Group, Outcome, Shutdown, Smol, Thread, Tokio, TokioMultiThread};
use futures_lite::future::{Boxed, block_on};

use super::services::Host;
use super::{Event, OnDrop};

/// A flavour that runs code which is written as a future, in a group: a thread blocks on it.
pub trait Member: Host + Sync {
    #[track_caller]
    fn adopt_in<R>(
        self,
        group: &Group,
        run: impl FnOnce() -> R + Send + 'static,
    ) -> Result<(), AdoptError>
    where
        R: Future<Output: Outcome> + Send + 'static;

    #[track_caller]
    fn adopt_in_as<R>(
        self,
        group: &Group,
        name: &'static str,
        run: impl FnOnce() -> R + Send + 'static,
    ) -> Result<(), AdoptError>
    where
        R: Future<Output: Outcome> + Send + 'static;

    /// Adopts a payload that holds a token, and ends when it is told to; returns when it runs.
    #[track_caller]
    fn holder(self, group: &Group) -> Holder {
        let (held, asked, go, over) = (Event::new(), Event::new(), Event::new(), Event::new());
        let holder = Holder {
            asked: asked.clone(),
            go: go.clone(),
            over: over.clone(),
        };
        let is_held = held.clone();
        let run = move || async move {
            let _over = OnDrop(|| over.happen());
            let token = Shutdown::current();
            is_held.happen();
            token.requested().await;
            asked.happen();
            while !go.has_happened() {
                futures_lite::future::yield_now().await;
            }
        };
        self.adopt_in(group, run).unwrap();
        held.expect("it holds its token");
        holder
    }
}

/// A payload that holds a token.
pub struct Holder {
    pub asked: Event,
    /// Lets it end.
    pub go: Event,
    pub over: Event,
}

/// One type for all code with the same answer, as what is compiled for each type takes long.
fn boxed_once<R>(
    run: impl FnOnce() -> R + Send + 'static,
) -> Box<dyn FnOnce() -> Boxed<R::Output> + Send>
where
    R: Future + Send + 'static,
{
    Box::new(move || Box::pin(run()))
}

macro_rules! member {
    ($key:ty, |$run:ident| $code:expr) => {
        impl Member for $key {
            fn adopt_in<R>(
                self,
                group: &Group,
                $run: impl FnOnce() -> R + Send + 'static,
            ) -> Result<(), AdoptError>
            where
                R: Future<Output: Outcome> + Send + 'static,
            {
                let $run = boxed_once($run);
                group.adopt(self, $code)
            }

            fn adopt_in_as<R>(
                self,
                group: &Group,
                name: &'static str,
                $run: impl FnOnce() -> R + Send + 'static,
            ) -> Result<(), AdoptError>
            where
                R: Future<Output: Outcome> + Send + 'static,
            {
                let $run = boxed_once($run);
                group.named(name).adopt(self, $code)
            }
        }
    };
}

member!(Smol, |run| run);
member!(Tokio, |run| run);
member!(TokioMultiThread, |run| run);
member!(Thread, |run| move || block_on(run()));
