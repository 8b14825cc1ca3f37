//! Looks at one host for stalls, while its threads work.
//!
//! The first wake of a sleeping executor has the runner look at it some time later. At each look the host is seen as `stalls`
//! wants it, what is news is told, a probe is sent, and the next look is set; until the executor is found asleep. So nothing
//! wakes up while all executors sleep, and no thread is there for this. While the runner joins the flavours nobody looks.

use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use crate::base::clock::Alarm;
use crate::base::event::Event;
use crate::base::moment::Moment;
use crate::base::sync::atomic::Ordering::Relaxed;
use crate::base::sync::{Arc, Weak};
use crate::contract::probe::{Asked, Probe};
use crate::contract::waking::Watcher;
use crate::errors::failure::Origin;
use crate::lifetime::Watched;
use crate::lifetime::telling::{Line, is_heard};
use crate::scheduler::host::Host;
use crate::scheduler::stalls::{Answer, Found, News, Next, Stalls};
use crate::scheduler::watch::Named;
use crate::task::Task;

/// How many payloads are named, at most, as those that hold an executor up.
const NAMED: usize = 8;

/// What holds a host up.
pub(crate) struct Stall {
    pub(crate) is_whole: bool,
    pub(crate) age: Duration,
    pub(crate) payloads: Vec<Origin>,
    pub(crate) threads: Vec<String>,
}

/// Looks when a manual clock comes to that.
struct Looker(Weak<Host>);

impl Wake for Looker {
    fn wake(self: Arc<Self>) {
        let Some(host) = self.0.upgrade() else { return };
        if let Some(next) = host.look() {
            host.look_at(next);
        }
        // The last reference drops code of the user's.
        let lifetime = Arc::clone(&host.lifetime);
        if let Some(host) = Arc::into_inner(host) {
            lifetime.aside(move || drop(host));
        }
    }
}

impl Watcher for Host {
    fn begin_watch(&self) {
        let Some(limit) = self.stall_limit() else {
            return;
        };
        let next = {
            let mut state = self.watch.lock();
            let stalls = state.stalls.get_or_insert_with(|| Stalls::new(limit));
            self.next_look(stalls, self.lifetime.now())
        };
        self.look_at(next);
    }
}

impl Watched for Host {
    fn look(&self) -> Option<Instant> {
        let mut state = self.watch.lock();
        let alarm = state.alarm.take();
        let mut stalls = state.stalls.take()?;
        self.watch.waking.look();
        let now = self.lifetime.now();
        if self.lifetime.settings.clock.is_manual() && stalls.told_since().is_none() {
            state.wait_for_answer();
        }
        let (found, tasks) = self.find(state.asked.as_deref());
        let (news, next) = stalls.look(now, &found);
        let blamed = stalls.lasting();
        let blamed = tasks.iter().filter(|(key, _)| blamed.contains(key));
        let named = blamed.map(|(key, task)| (*key, task.origin())).collect();
        let before = std::mem::replace(&mut state.named, named);
        for news in news {
            self.tell(&state.named, &before, news);
        }
        let next_look = self.next_look(&stalls, now);
        state.stalls = Some(stalls);
        let rests = next == Next::Rest && self.watch.waking.rest();
        let asks = !rests && found.answer != Answer::Open;
        if rests || asks {
            state.asked = None;
        }
        // Nothing of this with the lock: the flavour is somebody else's code, and the last one who has a task drops it.
        drop(state);
        drop(tasks);
        if asks {
            let asked = self.ask();
            self.watch.lock().asked = Some(asked);
        }
        // The clock that woke this is to know that it was heard.
        drop(alarm);
        (!rests).then_some(next_look)
    }
}

impl Host {
    /// How long a stall lasts until it is told, if stalls are looked for.
    fn stall_limit(&self) -> Option<Duration> {
        let settings = &self.lifetime.settings;
        let limit = settings.stall_after;
        // Code under test may well block while time is moved by an hour.
        let default = || (!settings.clock.is_manual()).then_some(DEFAULT_LIMIT);
        let limit = limit.or_else(default)?;
        let is_watched = limit < Duration::MAX && !self.is_blocking() && !cfg!(foster_model);
        is_watched.then_some(limit)
    }

    /// When to look again.
    fn next_look(&self, stalls: &Stalls, now: Moment) -> Instant {
        self.watch.seconds.store(second_of(now), Relaxed);
        self.lifetime.instant(now.plus(stalls.pause()))
    }

    /// Has it looked at at this moment: by the runner, or as a manual clock comes to it.
    fn look_at(&self, at: Instant) {
        let clock = &self.lifetime.settings.clock;
        if !clock.is_manual() {
            let me = Weak::clone(&self.me) as Weak<dyn Watched>;
            return self.lifetime.watch_from(me, at);
        }
        let looker = Waker::from(Arc::new(Looker(Weak::clone(&self.me))));
        let mut alarm = Alarm::new(clock.clone(), at);
        match alarm.has_come(&looker) {
            // It was moved meanwhile.
            true => looker.wake(),
            false => self.watch.lock().alarm = Some(alarm),
        }
    }

    /// The second of the watch that it is now.
    pub(super) fn present_second(&self) -> u32 {
        second_of(self.lifetime.now())
    }

    /// How long ago that second was, unless it is 0.
    pub(crate) fn since_second(&self, second: u32) -> Option<Duration> {
        let ago = second_of(self.lifetime.now()).saturating_sub(second);
        (second > 0).then(|| Duration::from_secs(ago.into()))
    }

    /// Sends a probe.
    fn ask(&self) -> Arc<Asked> {
        let (probe, asked) = Probe::new(&Arc::new(Event::new()));
        self.probe(probe);
        asked
    }

    /// Looks at the probe and at the payloads. These also by their keys.
    fn find(&self, asked: Option<&Asked>) -> (Found, Vec<(usize, Arc<Task>)>) {
        let answer = match asked {
            None => Answer::Unasked,
            Some(asked) if asked.is_open() => Answer::Open,
            Some(asked) if asked.is_answered() => Answer::Answered,
            Some(_) => Answer::Unknown,
        };
        let (width, is_driven) = (self.width(), self.queue.get().is_some());
        let (mut turns, mut tasks) = (Vec::new(), Vec::new());
        // One thread that answers has no turn that lasts.
        if width > 1 || answer != Answer::Answered {
            for scheduler in self.schedulers() {
                scheduler.visit(&mut |task, _| {
                    if let Some(is_same) = task.state().mark_turn() {
                        let key = task.header().address();
                        turns.push((key, is_same));
                        tasks.push((key, Arc::clone(task)));
                    }
                });
            }
        }
        let found = Found {
            answer,
            progress: self.steps(),
            width,
            is_asleep: !is_driven || self.queue.get().is_some_and(|queue| queue.is_asleep()),
            turns,
        };
        (found, tasks)
    }

    /// What its threads do.
    fn doings(&self) -> Vec<String> {
        let threads = self.system_threads();
        let doings = threads.into_iter().filter_map(|thread| thread.doing());
        doings.map(|doing| doing.to_string()).collect()
    }

    fn tell(&self, named: &[Named], before: &[Named], news: News) {
        let doings = || match &self.doings()[..] {
            [] => String::new(),
            doings => format!(": thread {}", doings.join(", ")),
        };
        let find = |key: &usize, named: &[Named]| {
            let found = named.iter().find(|(known, _)| known == key);
            found.map(|(_, origin)| origin.clone())
        };
        match news {
            News::Stalled { turns, lasts } => {
                let text = format!("blocks its executor, for {}{}", Rounded(lasts), doings());
                let blamed = turns.iter().filter_map(|key| find(key, named));
                let blamed: Vec<_> = blamed.take(NAMED).collect();
                let is_unknown = blamed.is_empty();
                for origin in blamed {
                    let line = Line::about("stall.began", origin, &*text);
                    self.lifetime.tell_line(line.lasts(lasts));
                }
                if is_unknown {
                    let text = format!(
                        "does not answer, for {}, by something that is no payload{}",
                        Rounded(lasts),
                        doings()
                    );
                    let line = Line::about("stall.began", self.origin(), text);
                    self.lifetime.tell_line(line.lasts(lasts));
                }
            }
            News::Over { lasted } => {
                let text = format!("goes on, after {}", Rounded(lasted));
                let blamed = before.iter().take(NAMED).map(|(_, origin)| origin.clone());
                let mut blamed: Vec<_> = blamed.collect();
                if blamed.is_empty() {
                    blamed.push(self.origin());
                }
                for origin in blamed {
                    let line = Line::about("stall.over", origin, &*text);
                    self.lifetime.tell_line(line.lasts(lasted));
                }
            }
            News::Holds { turn, lasts } => {
                let origin = find(&turn, named).filter(|_| is_heard());
                if let Some(origin) = origin {
                    let text = format!("holds a thread of its executor, for {}", Rounded(lasts));
                    let line = Line::note("turn.long", Some(origin), text);
                    self.lifetime.tell_line(line.lasts(lasts));
                }
            }
            News::Released { turn, lasted } => {
                let origin = find(&turn, before).filter(|_| is_heard());
                if let Some(origin) = origin {
                    let text = format!("gives the thread back, after {}", Rounded(lasted));
                    let line = Line::note("turn.over", Some(origin), text);
                    self.lifetime.tell_line(line.lasts(lasted));
                }
            }
        }
    }

    /// What holds it up, if that was told.
    pub(crate) fn stall(&self) -> Option<Stall> {
        let (is_whole, since, payloads) = {
            let state = self.watch.lock();
            let (is_whole, since) = state.stalls.as_ref()?.told_since()?;
            let named = state.named.iter().take(NAMED);
            let named = named.map(|(_, origin)| origin.clone());
            (is_whole, since, named.collect())
        };
        Some(Stall {
            is_whole,
            age: self.lifetime.now().since(since),
            payloads,
            threads: self.doings(),
        })
    }
}

/// How long a stall lasts until it is told, unless that is set.
const DEFAULT_LIMIT: Duration = Duration::from_secs(2);

/// The seconds until this moment, and one more.
fn second_of(moment: Moment) -> u32 {
    let second = moment.since(Moment::BIRTH).as_secs() + 1;
    u32::try_from(second).unwrap_or(u32::MAX)
}

/// A time to a tenth of a second.
struct Rounded(Duration);

impl std::fmt::Display for Rounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}
