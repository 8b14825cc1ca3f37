use std::time::{Duration, Instant};

use serde_json::json;

use super::keys::{Action, Step, Verb};
use super::*;
use crate::fixture::{app, status, status_with, value};
use crate::look::Order;

fn selected(app: &App) -> &str {
    app.list().selected().map_or("", |row| &row.title)
}

/// Plays `actions`, and returns what the last one asks of the program.
fn play(app: &mut App, actions: &[Action]) -> Option<Task> {
    actions
        .iter()
        .map(|action| app.act(*action))
        .last()
        .flatten()
}

#[test]
fn the_selection_moves_and_stays_in_the_list() {
    let mut app = app(status());
    app.set_page(3);
    let table = [
        (Step::Up, "database", 0),
        (Step::Down, "listener", 0),
        (Step::PageDown, "listener/metrics", 2),
        (Step::Last, "import", 5),
        (Step::Down, "import", 5),
        (Step::Up, "reports", 5),
        (Step::PageUp, "listener/connections/audit", 3),
        (Step::First, "database", 0),
        (Step::PageUp, "database", 0),
    ];
    for (step, expected, above) in table {
        app.act(Action::Move(step));
        assert_eq!(
            (selected(&app), app.list().hidden().0),
            (expected, above),
            "{step:?}"
        );
        assert!(app.list().visible().any(|(_, is_selected)| is_selected));
    }
}

#[test]
fn what_is_selected_stays_so_wherever_it_goes() {
    let mut app = app(status());
    play(&mut app, &[Action::Move(Step::Last)]);
    assert_eq!(selected(&app), "import");
    app.act(Action::Sort);
    assert_eq!(
        (app.list().order(), selected(&app)),
        (Order::Worst, "import")
    );
    let mut units = value()["units"].clone();
    units.as_array_mut().unwrap().rotate_right(3);
    let news = News::Status(Box::new(status_with("units", units)));
    app.hear(news, Instant::now());
    assert_eq!(selected(&app), "import");
    // It is gone, and everything else as well.
    app.hear(
        News::Status(Box::new(status_with("units", json!([])))),
        Instant::now(),
    );
    assert_eq!(selected(&app), "");
    let all = [
        Action::Open,
        Action::Move(Step::Down),
        Action::Move(Step::Last),
        Action::Sort,
    ];
    play(&mut app, &all);
}

#[test]
fn each_list_has_its_own_order_and_filter() {
    let mut app = app(status());
    play(
        &mut app,
        &[
            Action::Filter,
            Action::Type('f'),
            Action::Type('e'),
            Action::Accept,
        ],
    );
    assert_eq!((app.list().len(), app.doing()), (1, Doing::Looking));
    app.act(Action::Next);
    assert_eq!((app.view(), app.list().len()), (View::Flavours, 3));
    play(
        &mut app,
        &[
            Action::Previous,
            Action::Filter,
            Action::Erase,
            Action::Erase,
        ],
    );
    assert_eq!(app.list().len(), 8);
    play(
        &mut app,
        &[Action::Type('x'), Action::Type('x'), Action::Close],
    );
    assert_eq!(
        (app.list().len(), app.list().filter(), app.doing()),
        (8, "", Doing::Looking)
    );
    for view in [View::Units, View::Flavours, View::Payloads] {
        app.act(Action::Show(view));
        for _ in view.orders() {
            app.act(Action::Sort);
        }
        assert_eq!(app.list().order(), view.orders()[0]);
    }
}

#[test]
fn what_ends_a_run_is_asked_back_first() {
    let table = [
        (Verb::Start, Command::Start("database".to_owned()), false),
        (Verb::Stop, Command::Stop("database".to_owned()), true),
        (Verb::Restart, Command::Restart("database".to_owned()), true),
        (Verb::Reload, Command::Reload, false),
    ];
    for (verb, command, is_asked) in table {
        let mut app = app(status());
        let task = app.act(Action::Ask(verb));
        if !is_asked {
            assert_eq!(task, Some(Task::Send(command)));
            continue;
        }
        assert_eq!((task, app.doing()), (None, Doing::Answering));
        assert_eq!(app.act(Action::Close), None);
        assert_eq!(app.doing(), Doing::Looking);
        let task = play(&mut app, &[Action::Ask(verb), Action::Yes]);
        assert_eq!(
            (task, app.doing()),
            (Some(Task::Send(command)), Doing::Looking)
        );
    }
}

#[test]
fn a_question_is_about_what_was_selected_when_it_was_asked() {
    let mut app = app(status());
    app.act(Action::Ask(Verb::Stop));
    app.hear(
        News::Status(Box::new(status_with("units", json!([])))),
        Instant::now(),
    );
    let stop = Command::Stop("database".to_owned());
    assert_eq!(app.act(Action::Yes), Some(Task::Send(stop)));
}

#[test]
fn nothing_is_asked_for_in_vain() {
    let complains = |app: &mut App, verb| {
        assert_eq!(app.act(Action::Ask(verb)), None);
        assert_eq!(app.doing(), Doing::Looking);
        assert!(
            app.said.as_ref().is_some_and(|said| said.is_error),
            "{verb:?}"
        );
    };
    let mut without = App::new("a".to_owned(), false, Duration::from_secs(1));
    without.hear(News::Status(Box::new(status())), Instant::now());
    complains(&mut without, Verb::Stop);
    let mut gone = app(status());
    gone.hear(News::Unreachable("refused".to_owned()), Instant::now());
    complains(&mut gone, Verb::Reload);
    let mut group = app(status());
    play(
        &mut group,
        &[Action::Move(Step::Down), Action::Move(Step::Down)],
    );
    complains(&mut group, Verb::Restart);
    let mut elsewhere = app(status());
    elsewhere.act(Action::Show(View::Payloads));
    complains(&mut elsewhere, Verb::Start);
}

#[test]
fn what_came_of_a_command_is_said_until_the_next_key() {
    let mut app = app(status());
    let mut told = |result: Result<&str, &str>| {
        let result = result.map(str::to_owned).map_err(str::to_owned);
        app.hear(
            News::Told(Command::Stop("a".to_owned()), result),
            Instant::now(),
        );
        app.said.clone().map(|said| (said.text, said.is_error))
    };
    assert_eq!(
        told(Ok("it stops")),
        Some(("stop `a`: it stops".to_owned(), false))
    );
    assert_eq!(told(Err("no")), Some(("stop `a`: no".to_owned(), true)));
    app.act(Action::Move(Step::Down));
    assert_eq!(app.said, None);
}

#[test]
fn a_pause_keeps_what_is_shown_and_still_tells_of_the_connection() {
    let mut app = app(status());
    app.act(Action::Pause);
    app.hear(
        News::Status(Box::new(status_with("failures", json!(9)))),
        Instant::now(),
    );
    assert_eq!(app.status.as_ref().map(|status| status.failures), Some(2));
    let answered = Instant::now();
    app.hear(News::Status(Box::new(status())), answered);
    let gone = answered + Duration::from_secs(5);
    app.hear(News::Unreachable("refused".to_owned()), gone);
    app.hear(
        News::Unreachable("no such file".to_owned()),
        gone + Duration::from_secs(9),
    );
    let lost = Connection::Lost(answered, "no such file".to_owned());
    assert_eq!(app.connection, lost);
    app.act(Action::Pause);
    app.hear(
        News::Status(Box::new(status_with("failures", json!(9)))),
        Instant::now(),
    );
    assert_eq!(app.status.as_ref().map(|status| status.failures), Some(9));
    assert_eq!(app.connection, Connection::Live);
}
