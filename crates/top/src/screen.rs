//! The service that has the terminal: it reads keys, and draws.

use std::io::{self, Stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flume::{Receiver, Sender};
use foster::{Exit, Shutdown};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use crate::app::keys::action;
use crate::app::{App, Task};
use crate::client::Command;
use crate::draw::{Palette, draw};
use crate::link::News;

/// How long it waits for a key before it looks for news, and whether it is to end.
const TURN: Duration = Duration::from_millis(50);

/// Shows `app` until the person quits, or the program is asked to end.
///
/// # Errors
///
/// A terminal that is gone, or none.
pub(crate) fn screen(
    mut app: App,
    news: &Receiver<News>,
    commands: &Sender<Command>,
) -> io::Result<Exit> {
    let shutdown = Shutdown::current();
    let mut terminal = Restored::new()?;
    let palette = Palette::of_environment();
    // Ages grow, so something changes each second.
    let mut drawn: Option<Instant> = None;
    while !shutdown.is_requested() {
        let now = Instant::now();
        let mut has_changed = drawn.is_none_or(|drawn| now - drawn >= Duration::from_secs(1));
        for news in news.try_iter() {
            app.hear(news, now);
            has_changed = true;
        }
        if has_changed {
            terminal
                .0
                .draw(|frame| draw(frame, &mut app, now, palette))?;
            drawn = Some(now);
        }
        wait_for_key()?;
        if !event::poll(Duration::ZERO)? {
            continue;
        }
        // All keys that wait, so that one that is held down never lags.
        while event::poll(Duration::ZERO)? {
            let Event::Key(key) = event::read()? else {
                continue;
            };
            match action(app.doing(), key).and_then(|action| app.act(action)) {
                Some(Task::Quit) => return Ok(Exit::Shutdown),
                Some(Task::Send(command)) => {
                    if let Err(error) = commands.try_send(command) {
                        let why = "too many others wait for their answers".to_owned();
                        app.hear(News::Told(error.into_inner(), Err(why)), now);
                    }
                }
                None => {}
            }
        }
        drawn = None;
    }
    Ok(Exit::Done)
}

/// Waits for a turn, or until something can be read.
///
/// # Errors
///
/// A terminal that has hung up. crossterm would read the end of it again and again, and never return.
#[cfg(unix)]
fn wait_for_key() -> io::Result<()> {
    use std::os::fd::AsFd as _;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let stdin = io::stdin();
    let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    match poll(
        &mut fds,
        PollTimeout::try_from(TURN).unwrap_or(PollTimeout::ZERO),
    ) {
        // A signal: the size may have changed.
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    match fds[0].revents() {
        Some(found) if found.intersects(gone) => Err(io::Error::other("the terminal has hung up")),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn wait_for_key() -> io::Result<()> {
    event::poll(TURN).map(drop)
}

/// Whether the terminal is to be given back. Leaving the other screen twice would move the cursor into what a panic has
/// printed meanwhile.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal; it is restored when this is dropped, and at a panic before its message is printed.
///
/// ratatui's own destructor and `ratatui::restore` print their errors, which is a panic where there is nothing to print to:
/// so neither is called.
struct Restored(ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>);

impl Restored {
    fn new() -> io::Result<Self> {
        static PREPARED: Once = Once::new();
        PREPARED.call_once(|| {
            restore_at_deadly_signals();
            let tell = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                restore();
                tell(info);
            }));
        });
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        IS_TAKEN.store(true, Ordering::Relaxed);
        let restored = Self(ManuallyDrop::new(terminal));
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen)?;
        Ok(restored)
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was; one that has hung up has nothing to restore.
fn restore() {
    if IS_TAKEN.swap(false, Ordering::Relaxed) {
        let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// SIGINT, SIGTERM and SIGHUP end the runtime, and this service with it. The others that end a process, and can be heard,
/// restore the terminal and do what they always do.
#[cfg(unix)]
fn restore_at_deadly_signals() {
    use signal_hook::consts::{SIGALRM, SIGQUIT, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let deadly = [SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU];
    // Without a thread of their own they do what they always do, and leave the terminal as it is.
    let Ok(mut signals) = Signals::new(deadly) else {
        return;
    };
    let listen = move || {
        for signal in signals.forever() {
            restore();
            let _ = emulate_default_handler(signal);
        }
    };
    let _ = std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen);
}

#[cfg(not(unix))]
fn restore_at_deadly_signals() {}
