//! What all leases of one keeper have in common.

use std::sync::mpsc::Sender;

use foster_core::{Group, Standing};
use parking::Unparker;

use crate::answer::LeaseError;
use crate::overrun::Overrun;
use crate::rules::Rules;
use crate::seat::{Begin, Event};
use crate::time::Time;

/// What the keeper's thread has, for each of its leases.
pub(crate) struct Office<'a> {
    pub(crate) time: Time,
    pub(crate) rules: Rules,
    pub(crate) overrun: Overrun,
    pub(crate) begin: &'a Begin,
    /// The group of the keeper's own run, in which the turns are.
    pub(crate) home: Group,
    pub(crate) standing: Standing,
    pub(crate) post: Post,
}

/// What comes to a keeper.
pub(crate) enum Letter {
    /// About the lease with this key.
    Lease(u64, Event),
    /// The names of the leases that are held.
    Listed(Result<Vec<String>, LeaseError>),
}

/// Where answers go, from any thread.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) letters: Sender<Letter>,
    pub(crate) unparker: Unparker,
}

impl Post {
    pub(crate) fn send(&self, key: u64, event: Event) {
        self.put(Letter::Lease(key, event));
    }

    pub(crate) fn put(&self, letter: Letter) {
        // Nobody listens once the keeper is over.
        let _ = self.letters.send(letter);
        self.unparker.unpark();
    }
}
