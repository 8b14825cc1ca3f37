//! Refuses executes that could never end: a thread must not wait for a payload that waits for the
//! thread.
//!
//! One table for the whole process has an entry for every thread that is in an execute and that
//! others may wait for: the payloads whose code it runs, and the payload it waits for. A new wait
//! that closes a ring of such waits is refused before it begins.

use std::collections::{HashMap, HashSet};

use crate::base::sync::thread::ThreadId;
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError, lazy_static};
use crate::base::threads::current_thread;
use crate::scheduler::{self, Scheduler};
use crate::task;
use crate::task::Task;

lazy_static! {
    static ref TABLE: Mutex<Table> = Mutex::default();
}

/// The executes of each thread, the innermost last.
#[derive(Default)]
struct Table(HashMap<ThreadId, Vec<Execute>>);

struct Execute {
    /// The payload that executes; `None` outside of all payloads.
    by: Option<Arc<Task>>,
    /// The payload that the thread waits for; `None` if the executed payload runs on this very
    /// thread.
    waits_for: Option<Arc<Task>>,
}

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The calling thread's newest entry in the table. Dropping it removes the entry.
pub(crate) struct Executing(ThreadId);

/// Enters that the calling thread is about to execute `payload`: to wait for it, or to run it if it
/// is blocking code. Returns `None` if nothing can wait for the calling thread, as it is then in no
/// ring.
///
/// # Errors
///
/// The ring that the wait would close, in words.
pub(crate) fn enter(payload: Arc<Task>) -> Result<Option<Executing>, String> {
    let waits_for = (!payload.state().is_blocking()).then_some(payload);
    enter_as(waits_for)
}

/// As [`enter`], for a payload that was handed in before: its flavour runs it, blocking code too.
pub(crate) fn enter_wait(payload: Arc<Task>) -> Result<Option<Executing>, String> {
    enter_as(Some(payload))
}

fn enter_as(waits_for: Option<Arc<Task>>) -> Result<Option<Executing>, String> {
    let by = task::current();
    if by.is_none() && !scheduler::is_thread_noted() {
        return Ok(None);
    }
    let thread = current_thread();
    if let Some(by) = by.as_ref().filter(|by| !by.state().is_blocking()) {
        // This thread may not be that of the first poll, if the flavour has several threads.
        Scheduler::of(&**by).host.note_thread();
    }
    let execute = Execute { by, waits_for };
    let ring = {
        let mut table = table();
        table.0.entry(thread).or_default().push(execute);
        table.ring(thread)
    };
    // Removes the entry again, also if it is refused.
    let executing = Executing(thread);
    match ring {
        Some(ring) => Err(ring),
        None => Ok(Some(executing)),
    }
}

impl Drop for Executing {
    fn drop(&mut self) {
        let mut table = table();
        let execute = table.0.get_mut(&self.0).and_then(Vec::pop);
        if table.0.get(&self.0).is_some_and(Vec::is_empty) {
            table.0.remove(&self.0);
        }
        // The entry holds payloads, and the last reference to one must not be dropped under the
        // lock.
        drop(table);
        drop(execute);
    }
}

impl Table {
    /// The ring that the newest wait of `thread` closes, in words.
    fn ring(&self, thread: ThreadId) -> Option<String> {
        let (execute, payload) = self.wait_of(thread)?;
        if Scheduler::of(payload).host.threads().contains(&thread) {
            return Some(format!("{}, whose thread this is", execute.words()));
        }
        let stuck = self.stuck(thread);
        stuck.contains(&thread).then(|| self.words(thread, &stuck))
    }

    /// Those threads behind the wait of `thread` that none of the others can release.
    ///
    /// All waiting threads count as stuck at first. Then every thread that waits for something
    /// possible is taken out, until there are no more.
    fn stuck(&self, thread: ThreadId) -> HashSet<ThreadId> {
        let mut stuck = HashSet::new();
        let mut open = vec![thread];
        while let Some(one) = open.pop() {
            if self.wait_of(one).is_some() && stuck.insert(one) {
                open.extend(self.needed(one));
            }
        }
        loop {
            let before = stuck.len();
            let waiting = stuck.clone();
            stuck.retain(|one| self.is_stuck(*one, &waiting));
            if stuck.len() == before {
                return stuck;
            }
        }
    }

    /// The threads of which one must go on before the wait of `one` can end.
    fn needed(&self, one: ThreadId) -> Vec<ThreadId> {
        match self.wait_of(one) {
            Some((_, payload)) => match self.holder_of(payload) {
                // The payload has started, and its own code waits: other free threads of its
                // flavour do not help.
                Some(holder) => vec![holder],
                None => Scheduler::of(payload).host.threads(),
            },
            None => Vec::new(),
        }
    }

    /// Whether the wait of `one` cannot end while none of `stuck` goes on.
    fn is_stuck(&self, one: ThreadId, stuck: &HashSet<ThreadId>) -> bool {
        let Some((_, payload)) = self.wait_of(one) else {
            return false;
        };
        match self.holder_of(payload) {
            Some(holder) => stuck.contains(&holder),
            None => {
                let threads = Scheduler::of(payload).host.threads();
                let blocked = threads.iter().filter(|one| stuck.contains(one)).count();
                blocked >= Scheduler::of(payload).host.width()
            }
        }
    }

    /// The path from `thread` through stuck threads back to it, in words.
    fn words(&self, thread: ThreadId, stuck: &HashSet<ThreadId>) -> String {
        let mut words = String::new();
        let mut seen = Vec::new();
        let mut next = Some(thread);
        while let Some(one) = next.filter(|one| !seen.contains(one)) {
            if let Some((execute, _)) = self.wait_of(one) {
                let link = if seen.is_empty() { "" } else { ", where " };
                words.push_str(link);
                words.push_str(&execute.words());
            }
            seen.push(one);
            let mut needed = self.needed(one);
            needed.retain(|one| stuck.contains(one));
            // Back to the beginning as soon as there is a path.
            let back = needed.contains(&thread);
            next = if back {
                Some(thread)
            } else {
                needed.first().copied()
            };
        }
        words.push_str(", which waits for this");
        words
    }

    /// The execute and the payload that `thread` waits in and for, if it waits.
    fn wait_of(&self, thread: ThreadId) -> Option<(&Execute, &Task)> {
        let execute = self.0.get(&thread)?.last()?;
        Some((execute, execute.waits_for.as_deref()?))
    }

    /// The thread that runs the code of `payload` and is in an execute there.
    fn holder_of(&self, payload: &Task) -> Option<ThreadId> {
        let holds = |execute: &Execute| {
            let by = execute.by.as_deref();
            by.is_some_and(|by| std::ptr::addr_eq(by, payload))
        };
        self.0
            .iter()
            .find(|(_, executes)| executes.iter().any(holds))
            .map(|(thread, _)| *thread)
    }
}

impl Execute {
    /// Names the waiting payload and the flavour that it waits for.
    fn words(&self) -> String {
        let by = match &self.by {
            Some(task) => task.origin().to_string(),
            None => "this thread".to_owned(),
        };
        match &self.waits_for {
            Some(payload) => format!("{by} → {}", Scheduler::of(&**payload).identifier()),
            None => by,
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;
    use crate::{Manual, Runtime, Signals};

    /// The process would keep something of each thread.
    #[test]
    fn executes_that_are_over_leave_nothing_in_the_table() {
        let [runtime, other] = [(); 2].map(|()| {
            let runtime = Runtime::builder().signals(Signals::Leave).build();
            runtime.start().unwrap();
            runtime
        });
        let is_listed = || table().0.contains_key(&current_thread());
        let (here, there) = (Manual::new(), Manual::new());
        let executes = {
            let (runtime, other) = (runtime.clone(), other.clone());
            let (here, there) = (here.clone(), there.clone());
            move || async move {
                assert!(runtime.execute(here, || async {}).is_err(), "refused");
                assert!(!is_listed());
                other.execute(there, || async {}).unwrap();
                assert!(!is_listed());
            }
        };
        runtime.adopt(here.clone(), executes).unwrap();
        std::thread::scope(|scope| {
            let stepping = scope.spawn(|| here.step());
            while !stepping.is_finished() {
                there.step();
                std::thread::yield_now();
            }
            assert!(stepping.join().unwrap());
        });
        for runtime in [runtime, other] {
            runtime.shutdown();
            runtime.wait().unwrap();
        }
    }
}
