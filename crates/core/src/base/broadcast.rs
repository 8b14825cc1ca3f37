//! What is told to all who listen, in order: each has a mailbox with a bound, and the oldest make room.

use std::collections::VecDeque;

use crate::base::event::{Event, Wakers};
use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::base::sync::{Arc, Mutex, Weak, lock};

/// All mailboxes that somebody holds.
pub(crate) struct Broadcast<T> {
    /// How many there are, so that nobody looks at the list for none.
    count: AtomicUsize,
    list: Mutex<Vec<Weak<Mailbox<T>>>>,
}

/// What waits to be taken out by one of those who listen.
pub(crate) struct Mailbox<T> {
    contents: Mutex<Contents<T>>,
    /// Notified when something was put in, or nothing more comes.
    pub(crate) changed: Event,
}

struct Contents<T> {
    capacity: usize,
    waiting: VecDeque<T>,
    missed: u64,
    is_over: bool,
}

impl<T> Default for Broadcast<T> {
    fn default() -> Self {
        Self {
            count: AtomicUsize::new(0),
            list: Mutex::default(),
        }
    }
}

impl<T: Clone> Broadcast<T> {
    /// A new mailbox for so many, one at least.
    pub(crate) fn add(&self, capacity: usize, is_over: bool) -> Arc<Mailbox<T>> {
        let mailbox = Arc::new(Mailbox {
            contents: Mutex::new(Contents {
                capacity: capacity.max(1),
                waiting: VecDeque::new(),
                missed: 0,
                is_over,
            }),
            changed: Event::new(),
        });
        let mut list = lock(&self.list);
        list.retain(|mailbox| mailbox.strong_count() > 0);
        list.push(Arc::downgrade(&mailbox));
        self.count.store(list.len(), SeqCst);
        mailbox
    }

    /// Whether somebody listens, or did.
    pub(crate) fn is_heard(&self) -> bool {
        self.count.load(SeqCst) > 0
    }

    /// Puts `news` into every mailbox. Those that had to make room are to be dropped where nothing is locked: they may
    /// be the last that hold something of the user's.
    pub(crate) fn publish(&self, news: &T) -> (Wakers, Vec<T>) {
        self.publish_if(|| true, news)
    }

    /// As [`publish`](Self::publish), where `holds` as it is put in: what makes that false is then published behind it.
    pub(crate) fn publish_if(&self, holds: impl Fn() -> bool, news: &T) -> (Wakers, Vec<T>) {
        let mut dropped = Vec::new();
        let wakers = self.alter(|contents| {
            if !holds() {
                return;
            }
            if contents.waiting.len() >= contents.capacity {
                contents.missed += 1;
                dropped.extend(contents.waiting.pop_front());
            }
            contents.waiting.push_back(news.clone());
        });
        (wakers, dropped)
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) -> Wakers {
        self.alter(|contents| contents.is_over = true)
    }

    /// Alters every mailbox. Threads that wait go on; all others are to be woken where nothing is locked.
    fn alter(&self, mut alter: impl FnMut(&mut Contents<T>)) -> Wakers {
        let list = lock(&self.list);
        let mailboxes: Vec<_> = list.iter().filter_map(Weak::upgrade).collect();
        drop(list);
        let mut wakers = Wakers::default();
        for mailbox in mailboxes {
            alter(&mut lock(&mailbox.contents));
            wakers.append(mailbox.changed.notify_threads());
        }
        wakers
    }
}

impl<T> Mailbox<T> {
    /// The next one, if there is one already.
    pub(crate) fn take(&self) -> Option<T> {
        lock(&self.contents).waiting.pop_front()
    }

    /// The next one, or none if nothing is left to tell; `None` if it is to be waited for.
    pub(crate) fn look(&self) -> Option<Option<T>> {
        let mut contents = lock(&self.contents);
        match contents.waiting.pop_front() {
            None if !contents.is_over => None,
            next => Some(next),
        }
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.contents).waiting.len()
    }

    /// How many had to make room until now.
    pub(crate) fn missed(&self) -> u64 {
        lock(&self.contents).missed
    }
}
