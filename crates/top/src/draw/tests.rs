use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use serde_json::json;

use super::*;
use crate::app::keys::{Action, Step, Verb};
use crate::fixture::{app, status, status_with, stop, value};
use crate::link::News;

fn buffer(app: &mut App, width: u16, height: u16, now: Instant, palette: Palette) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| draw(frame, app, now, palette))
        .unwrap();
    terminal.backend().buffer().clone()
}

/// The screen as lines of text.
fn screen(app: &mut App, width: u16, height: u16) -> Vec<String> {
    later(app, width, height, Duration::ZERO)
}

fn later(app: &mut App, width: u16, height: u16, time: Duration) -> Vec<String> {
    let buffer = buffer(app, width, height, Instant::now() + time, Palette::Colours);
    let line = |y| {
        (0..width)
            .map(|x| buffer[(x, y)].symbol())
            .collect::<String>()
    };
    (0..height).map(|y| line(y).trim_end().to_owned()).collect()
}

#[track_caller]
fn assert_has(screen: &[String], parts: &[&str]) {
    for part in parts {
        assert!(
            screen.iter().any(|line| line.contains(part)),
            "{part} in\n{}",
            screen.join("\n")
        );
    }
}

#[test]
fn a_screen_of_80_by_24_shows_what_matters() {
    let mut app = app(status());
    (0..5).for_each(|_| drop(app.act(Action::Move(Step::Down))));
    let expected = "\
foster-top  /run/demo.sock                                                  live
running 1m01s  not ready  2 failures  1 failed  1 delayed  1 waiting
! smol stalled for 4.2s by digest
 1 Units 8   2 Flavours 3   3 Payloads 47                             sort: tree
NAME           STATE          FOR    STARTED NOTE
database       running      1m01s
listener       running      1m01s
├ connections/ running      1m01s            6 of 6 places, 3 waiting
│ └ audit      ended        1m01s
└ metrics      running      1m01s
feed           delayed       1.5s    +3 4/15 starts in 6.5s · failed: the feed …
reports        waiting      1m01s            waits for import
import         failed       1m01s            panicked: \\u{1b}[31mred · second l…




 feed ──────────────────────────────────────────────────────────────────────────
service on smol · delayed for 1.5s · next start in 6.5s
started again 3 times · 4 of 15 starts in the last 2m00s
Last failure
  service `feed` on smol failed: the feed has ended: cannot reach
  quotes.example.org:7000: connection refused (os error 111)
q quit  ? keys  ⏎ more  tab lists  s sort  / filter  S start  x stop  r restart";
    let screen = screen(&mut app, 80, 24).join("\n");
    assert_eq!(screen, expected, "\n{screen}");
}

#[test]
fn the_other_lists_and_a_wide_screen() {
    let mut app = app(status());
    app.act(Action::Show(View::Flavours));
    assert_has(
        &screen(&mut app, 80, 24),
        &["smol ", "all 4.2s   digest", "asleep in clock_nanosleep"],
    );
    app.act(Action::Show(View::Payloads));
    assert_has(
        &screen(&mut app, 80, 24),
        &["40  1m00s session", "?", "listener/connect"],
    );
    app.act(Action::Show(View::Units));
    let wide = screen(&mut app, 200, 50);
    assert_has(
        &wide,
        &[
            "FLAVOUR",
            "PAYLOADS",
            "std::thread",
            "connection refused (os error 111)",
        ],
    );
    assert_has(&wide, &["S start  x stop  r restart  R reload"]);
}

#[test]
fn no_size_and_no_state_is_too_much_for_it() {
    let long = "name/".repeat(60);
    let mut units = value()["units"].clone();
    units[2]["name"] = json!(long);
    units[2]["waits_for"] = json!(vec![long; 4]);
    let status = status_with("units", units);
    let windows: [&[Action]; 7] = [
        &[],
        &[
            Action::Move(Step::Down),
            Action::Move(Step::Down),
            Action::Open,
            Action::Move(Step::Last),
        ],
        &[Action::Runtime],
        &[Action::Help, Action::Move(Step::Last)],
        &[Action::Filter, Action::Type('名'), Action::Type('x')],
        &[
            Action::Move(Step::Down),
            Action::Move(Step::Down),
            Action::Ask(Verb::Stop),
        ],
        &[Action::Show(View::Payloads), Action::Move(Step::Last)],
    ];
    for actions in windows {
        for gone in [false, true] {
            let mut app = app(status.clone());
            actions.iter().for_each(|action| drop(app.act(*action)));
            if gone {
                app.hear(
                    News::Unreachable("connection refused".to_owned()),
                    Instant::now(),
                );
            }
            for width in [0, 1, 2, 3, 5, 8, 13, 21, 34, 48] {
                for height in [0, 1, 2, 3, 4, 5, 7, 9, 12] {
                    screen(&mut app, width, height);
                }
            }
            for (width, height) in [(80, 1), (1, 50), (300, 3), (47, 16), (50, 16), (200, 50)] {
                screen(&mut app, width, height);
            }
        }
    }
    let mut empty = App::new("a".repeat(300), true, Duration::from_secs(1));
    (1..40).for_each(|size| drop(screen(&mut empty, size * 2, size)));
}

#[test]
fn the_connection_is_told_as_it_is() {
    let mut app = App::new("/run/a".to_owned(), false, Duration::from_secs(1));
    assert_has(&screen(&mut app, 80, 24), &["connecting", "Connecting …"]);
    app.hear(News::Unreachable("no such file".to_owned()), Instant::now());
    let parts = [
        "GONE 2.",
        "Cannot reach a daemon at /run/a: no such file.",
        "Still trying.",
    ];
    assert_has(
        &later(&mut app, 80, 24, Duration::from_millis(2500)),
        &parts,
    );

    app.hear(News::Status(Box::new(status())), Instant::now());
    assert_has(&screen(&mut app, 80, 24), &["live"]);
    let silent = later(&mut app, 80, 24, Duration::from_millis(4500));
    assert_has(&silent, &["no answer for 4."]);
    // Also while what is shown stays.
    app.act(Action::Pause);
    assert_has(
        &later(&mut app, 80, 24, Duration::from_millis(4500)),
        &["no answer for 4."],
    );
    let news = News::Status(Box::new(status()));
    app.hear(news, Instant::now() + Duration::from_secs(12));
    assert_has(
        &later(&mut app, 80, 24, Duration::from_secs(12)),
        &["PAUSED 12s", "p go on  i runtime"],
    );
    app.hear(
        News::Unreachable("connection refused".to_owned()),
        Instant::now(),
    );
    let gone = later(&mut app, 80, 24, Duration::from_millis(70_500));
    assert_has(
        &gone,
        &[
            "GONE 58s",
            "! gone, what stands here is 1m10s old; still trying: connection",
        ],
    );
}

#[test]
fn a_stop_says_what_it_waits_for() {
    let mut app = app(status_with("stop", stop()));
    let parts = [
        "! stopping for 3.0s, 7.0s of grace left: payload `poller`",
        "! it waits for database",
    ];
    assert_has(&screen(&mut app, 80, 24), &parts);
}

#[test]
fn a_question_names_what_it_is_about() {
    let mut app = app(status());
    app.act(Action::Ask(Verb::Stop));
    assert_has(&screen(&mut app, 80, 24), &["stop `database`?", "y  yes"]);
    // The answer is more needed than the question.
    assert_has(&screen(&mut app, 40, 3), &["y  yes"]);
}

#[test]
fn a_long_failure_can_be_scrolled_to_its_end() {
    let lines: Vec<_> = (0..100).map(|nth| format!("cause {nth}")).collect();
    let mut units = value()["units"].clone();
    units[0]["last_failure"] = json!(lines.join("\n"));
    let mut app = app(status_with("units", units));
    app.act(Action::Open);
    let first = screen(&mut app, 80, 24);
    assert_has(&first, &["Last failure", "cause 0", "more"]);
    app.act(Action::Move(Step::Last));
    assert_has(&screen(&mut app, 80, 24), &["cause 99"]);
    app.act(Action::Move(Step::Up));
    assert_has(&screen(&mut app, 80, 24), &["cause 98", "1 more"]);
}

#[test]
fn colours_are_the_few_that_can_be_read_anywhere_or_none() {
    let all = |palette| {
        let mut app = app(status_with("stop", stop()));
        let buffer = buffer(&mut app, 120, 30, Instant::now(), palette);
        buffer
            .content
            .iter()
            .map(|cell| (cell.fg, cell.bg))
            .collect::<Vec<_>>()
    };
    let readable = [Color::Reset, Color::Green, Color::Magenta, Color::Red];
    let coloured = all(Palette::Colours);
    assert!(
        coloured
            .iter()
            .all(|(fg, bg)| readable.contains(fg) && *bg == Color::Reset)
    );
    assert!(
        readable
            .iter()
            .all(|colour| coloured.iter().any(|(fg, _)| fg == colour))
    );
    assert!(
        all(Palette::Plain)
            .iter()
            .all(|colours| *colours == (Color::Reset, Color::Reset))
    );
}
