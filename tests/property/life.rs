//! The code of a payload.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use foster::AdoptError;

use crate::log::{Ended, How, Id, Scope, What};
use crate::player::Player;
use crate::program::{Act, End, On, Payload, Site, on};

/// The value of a panic that is no text.
struct NoText;

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
    /// The payload that `by` is about to hand in.
    pub fn new(by: &Player, how: How, scope: Scope, payload: &Payload) -> Self {
        let world = &by.world;
        let id = world.log.hand_in(by.me, how, scope, payload);
        let parent = match how {
            How::Adopt => Some(id),
            // It acts for whoever submitted it.
            How::Execute | How::Call => by.parent,
        };
        Self {
            player: Player::inside(world, id, payload.on, parent),
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
                // Where it is itself, if it knows, as that is what has asked it.
                let site = match self.payload.site {
                    Site::In(group) => Site::In(group),
                    Site::Runtime | Site::Own => Site::Runtime,
                };
                refusal = self.player.adopt(&on(On::Smol).inside(site));
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
        // Whose code this is part of is not known: what never ran is dropped by anybody.
        self.player.parent = None;
        futures_lite::future::block_on(self.player.acts(&acts));
        let panics = acts.iter().any(|act| matches!(act, Act::Panic));
        // What never ran may be dropped anywhere, where its panic would be somebody else's.
        if panics && self.is_started {
            self.player.log(What::DropPanics(self.id));
            panic!("{}", text_of(self.id));
        }
    }
}
