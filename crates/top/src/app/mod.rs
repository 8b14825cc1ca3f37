//! The state of the program: what it knows of the daemon, and what the person has chosen to see of it.

pub(crate) mod keys;
mod list;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use foster::status::Status;

use self::keys::{Action, Doing, Step, Verb};
pub(crate) use self::list::List;
use crate::client::Command;
use crate::link::News;
use crate::look::{self, Toned, View};

/// What is known, and what is shown of it.
#[derive(Debug)]
pub(crate) struct App {
    /// Where the daemon is, as it was given.
    pub(crate) address: String,
    /// The time between two looks.
    pub(crate) interval: Duration,
    pub(crate) connection: Connection,
    /// The last look at the daemon, or that at which the pause began.
    pub(crate) status: Option<Status>,
    /// When that was taken.
    pub(crate) taken: Option<Instant>,
    /// When the daemon has last answered.
    pub(crate) answered: Option<Instant>,
    pub(crate) is_paused: bool,
    has_token: bool,
    view: View,
    lists: [List; 3],
    pub(crate) window: Window,
    /// What came of the last command, or why there is none.
    pub(crate) said: Option<Said>,
}

/// Whether the daemon answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Connection {
    /// It has not been asked for long enough.
    Connecting,
    Live,
    /// It does not, since its last answer or the first try, and why.
    Lost(Instant, String),
}

/// What lies over the list, or beneath it.
#[derive(Debug, PartialEq)]
pub(crate) enum Window {
    None,
    Text {
        title: String,
        lines: Vec<Toned>,
        scroll: usize,
    },
    Help {
        scroll: usize,
    },
    /// The filter is being typed.
    Filter,
    Question(Command),
}

/// A line for the person.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) is_error: bool,
}

/// What the program has to do for an action.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Quit,
    Send(Command),
}

impl App {
    pub(crate) fn new(address: String, has_token: bool, interval: Duration) -> Self {
        Self {
            address: crate::text::line(&address),
            interval,
            connection: Connection::Connecting,
            status: None,
            taken: None,
            answered: None,
            is_paused: false,
            has_token,
            view: View::Units,
            lists: View::ALL.map(List::new),
            window: Window::None,
            said: None,
        }
    }

    pub(crate) fn has_token(&self) -> bool {
        self.has_token
    }

    pub(crate) fn view(&self) -> View {
        self.view
    }

    pub(crate) fn list(&self) -> &List {
        &self.lists[self.view as usize]
    }

    fn list_mut(&mut self) -> &mut List {
        &mut self.lists[self.view as usize]
    }

    /// Says how many lines there are for the list.
    pub(crate) fn set_page(&mut self, lines: usize) {
        self.list_mut().set_page(lines);
    }

    /// Says how far the open window can be scrolled.
    pub(crate) fn set_last_scroll(&mut self, last: usize) {
        if let Window::Text { scroll, .. } | Window::Help { scroll } = &mut self.window {
            *scroll = (*scroll).min(last);
        }
    }

    pub(crate) fn doing(&self) -> Doing {
        match self.window {
            Window::None => Doing::Looking,
            Window::Text { .. } | Window::Help { .. } => Doing::Reading,
            Window::Filter => Doing::Typing,
            Window::Question(_) => Doing::Answering,
        }
    }

    /// Takes what has been heard of the daemon at `now`.
    pub(crate) fn hear(&mut self, news: News, now: Instant) {
        match news {
            News::Status(status) => {
                self.connection = Connection::Live;
                self.answered = Some(now);
                if !self.is_paused || self.status.is_none() {
                    self.status = Some(*status);
                    self.taken = Some(now);
                    self.refresh();
                }
            }
            News::Unreachable(why) => {
                let since = match self.connection {
                    Connection::Lost(since, _) => since,
                    _ => self.answered.unwrap_or(now),
                };
                self.connection = Connection::Lost(since, why);
            }
            News::Told(command, Ok(says)) if says.is_empty() => {
                self.say(format!("{command}: done"))
            }
            News::Told(command, Ok(says)) => self.say(format!("{command}: {says}")),
            News::Told(command, Err(error)) => self.complain(format!("{command}: {error}")),
        }
    }

    fn refresh(&mut self) {
        if let Some(status) = &self.status {
            self.lists[self.view as usize].fill(status);
        }
    }

    /// Does what a person asks for.
    pub(crate) fn act(&mut self, action: Action) -> Option<Task> {
        self.said = None;
        match action {
            Action::Quit => return Some(Task::Quit),
            Action::Move(step) => self.step(step),
            Action::Show(view) => self.show(view),
            Action::Next => self.show(View::ALL[(self.view as usize + 1) % 3]),
            Action::Previous => self.show(View::ALL[(self.view as usize + 2) % 3]),
            Action::Sort => {
                self.list_mut().sort();
                self.refresh();
            }
            Action::Pause => self.is_paused = !self.is_paused,
            Action::Open => self.open(),
            Action::Runtime => self.open_runtime(),
            Action::Help => self.window = Window::Help { scroll: 0 },
            Action::Close => self.close(),
            Action::Accept => self.window = Window::None,
            Action::Filter => self.window = Window::Filter,
            Action::Type(char) => self.change_filter(|filter| filter.push(char)),
            Action::Erase => self.change_filter(|filter| {
                filter.pop();
            }),
            Action::Ask(verb) => return self.ask(verb),
            Action::Yes => {
                if let Window::Question(command) = std::mem::replace(&mut self.window, Window::None)
                {
                    return Some(self.send(command));
                }
            }
        }
        None
    }

    fn show(&mut self, view: View) {
        self.view = view;
        self.refresh();
    }

    fn step(&mut self, step: Step) {
        let page = self.list().page();
        match &mut self.window {
            Window::Text { scroll, .. } | Window::Help { scroll } => {
                *scroll = match step {
                    Step::Up => scroll.saturating_sub(1),
                    Step::Down => scroll.saturating_add(1),
                    Step::PageUp => scroll.saturating_sub(page),
                    Step::PageDown => scroll.saturating_add(page),
                    Step::First => 0,
                    Step::Last => usize::MAX,
                };
            }
            _ => self.list_mut().step(step),
        }
    }

    fn open(&mut self) {
        if let Some(row) = self.list().selected() {
            let (title, lines) = (row.title.clone(), row.details.clone());
            self.window = Window::Text {
                title,
                lines,
                scroll: 0,
            };
        }
    }

    fn open_runtime(&mut self) {
        if let Some(status) = &self.status {
            let (title, lines) = ("The runtime".to_owned(), look::runtime(status));
            self.window = Window::Text {
                title,
                lines,
                scroll: 0,
            };
        }
    }

    /// Closes what is open; the filter goes with its line, and by itself when nothing is open.
    fn close(&mut self) {
        match std::mem::replace(&mut self.window, Window::None) {
            Window::None | Window::Filter => self.change_filter(String::clear),
            Window::Question(command) => self.say(format!("{command}: left undone")),
            Window::Text { .. } | Window::Help { .. } => {}
        }
    }

    fn change_filter(&mut self, change: impl FnOnce(&mut String)) {
        self.list_mut().change_filter(change);
        self.refresh();
    }

    /// A command for the selected unit, if there may be one. What ends a run is asked back first.
    fn ask(&mut self, verb: Verb) -> Option<Task> {
        if !self.has_token {
            self.complain("no token: give the daemon's with --token-file, see --help".to_owned());
            return None;
        }
        if matches!(self.connection, Connection::Lost(..)) {
            self.complain("the daemon does not answer".to_owned());
            return None;
        }
        let unit = self.list().selected().and_then(|row| row.unit.clone());
        let command = match (verb, unit) {
            (Verb::Reload, _) => Command::Reload,
            (_, None) => {
                self.complain("services alone can be: choose one in the list of units".to_owned());
                return None;
            }
            (Verb::Start, Some(unit)) => Command::Start(unit),
            (Verb::Stop, Some(unit)) => Command::Stop(unit),
            (Verb::Restart, Some(unit)) => Command::Restart(unit),
        };
        if matches!(verb, Verb::Stop | Verb::Restart) {
            self.window = Window::Question(command);
            return None;
        }
        Some(self.send(command))
    }

    fn send(&mut self, command: Command) -> Task {
        self.say(format!("{command} …"));
        Task::Send(command)
    }

    fn say(&mut self, text: String) {
        self.said = Some(Said {
            text,
            is_error: false,
        });
    }

    fn complain(&mut self, text: String) {
        self.said = Some(Said {
            text,
            is_error: true,
        });
    }
}
