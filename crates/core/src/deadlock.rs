//! Executes that could never end: a thread must not wait for a flavour that waits for it.
//!
//! Every thread that blocks in an execute stands in one table for the whole process, with the
//! slot it waits for. A new wait that closes a ring of such waits is refused before it begins.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::bound::current_thread;
use crate::context;
use crate::slot::Slot;
use crate::sync::thread::ThreadId;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError, lazy_static};

lazy_static! {
    static ref WAITS: Mutex<HashMap<ThreadId, Wait>> = Mutex::default();
}

struct Wait {
    slot: Arc<Slot>,
    /// The payload that blocks the thread, in words.
    waiter: String,
}

fn waits() -> MutexGuard<'static, HashMap<ThreadId, Wait>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The calling thread's entry in the table; dropping it takes the entry out.
pub(crate) struct Waiting {
    thread: ThreadId,
    outer: Option<Wait>,
}

/// Says that the calling thread is about to wait for a payload on `slot`.
///
/// # Errors
///
/// The ring that this would close, in words.
pub(crate) fn wait_for(slot: &Arc<Slot>) -> Result<Waiting, String> {
    let thread = current_thread();
    let waiter = match context::current() {
        Some(record) => record.origin().to_string(),
        None => "this thread".to_owned(),
    };
    let mut waits = waits();
    if let Some(ring) = ring(&waits, slot, thread, &waiter) {
        return Err(ring);
    }
    let wait = Wait {
        slot: Arc::clone(slot),
        waiter,
    };
    let outer = waits.insert(thread, wait);
    Ok(Waiting { thread, outer })
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waits = waits();
        let _this = match self.outer.take() {
            Some(outer) => waits.insert(self.thread, outer),
            None => waits.remove(&self.thread),
        };
        // The wait holds a slot, whose last drop must not happen under the lock.
        drop(waits);
    }
}

/// Follows the waits from `slot` on; the path in words if it leads back to `thread`.
///
/// A slot is blocked only when all of its threads wait. From a flavour with one thread there is one
/// way on, and with several each of them must lead back.
fn ring(
    waits: &HashMap<ThreadId, Wait>,
    slot: &Arc<Slot>,
    thread: ThreadId,
    waiter: &str,
) -> Option<String> {
    let mut path = format!("{waiter} → {}", slot.identifier());
    leads_back(waits, slot, thread, &mut path, &mut Vec::new()).then_some(path)
}

fn leads_back(
    waits: &HashMap<ThreadId, Wait>,
    slot: &Arc<Slot>,
    thread: ThreadId,
    path: &mut String,
    on_the_way: &mut Vec<*const Slot>,
) -> bool {
    let threads = slot.threads();
    if threads.contains(&thread) {
        let _ = write!(path, ", whose thread this is");
        return true;
    }
    if on_the_way.contains(&Arc::as_ptr(slot)) {
        return false;
    }
    on_the_way.push(Arc::as_ptr(slot));
    let blocked = threads
        .iter()
        .filter(|one| {
            waits.get(one).is_some_and(|wait| {
                let mut on = format!(", where {} → {}", wait.waiter, wait.slot.identifier());
                let back = leads_back(waits, &wait.slot, thread, &mut on, on_the_way);
                if back {
                    path.push_str(&on);
                }
                back
            })
        })
        .count();
    on_the_way.pop();
    blocked >= slot.width()
}
