//! What each key means.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::look::View;

/// Something that a person asks of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Quit,
    Move(Step),
    Show(View),
    Next,
    Previous,
    Sort,
    Pause,
    /// All about the selected entry.
    Open,
    /// All about the runtime.
    Runtime,
    Help,
    /// What is open, or else the filter.
    Close,
    Filter,
    Type(char),
    Erase,
    Accept,
    Ask(Verb),
    Yes,
}

/// What a unit, or the runtime, can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Start,
    Stop,
    Restart,
    Reload,
}

/// By how much the selection moves, or a window scrolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

/// What is being done, which decides what keys mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Looking,
    /// A window with text is open.
    Reading,
    /// The filter is being typed.
    Typing,
    /// A question is to be answered.
    Answering,
}

/// The meaning of `key`, if it has one.
pub(crate) fn action(doing: Doing, key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    if is_control && matches!(key.code, KeyCode::Char('c' | 'q')) {
        return Some(Action::Quit);
    }
    match doing {
        Doing::Looking => looking(key.code, is_control),
        Doing::Reading => reading(key.code, is_control),
        Doing::Typing => typing(key.code, is_control),
        Doing::Answering => Some(match key.code {
            KeyCode::Char('y' | 'Y') => Action::Yes,
            _ => Action::Close,
        }),
    }
}

fn looking(code: KeyCode, is_control: bool) -> Option<Action> {
    if let Some(step) = step(code, is_control) {
        return Some(Action::Move(step));
    }
    let KeyCode::Char(char) = code else {
        return match code {
            KeyCode::Tab => Some(Action::Next),
            KeyCode::BackTab => Some(Action::Previous),
            KeyCode::Enter => Some(Action::Open),
            KeyCode::Esc => Some(Action::Close),
            KeyCode::F(1) => Some(Action::Help),
            _ => None,
        };
    };
    if is_control {
        return None;
    }
    match char {
        'q' => Some(Action::Quit),
        '1'..='3' => Some(Action::Show(View::ALL[char as usize - '1' as usize])),
        's' => Some(Action::Sort),
        'p' => Some(Action::Pause),
        'i' => Some(Action::Runtime),
        '?' | 'h' => Some(Action::Help),
        '/' => Some(Action::Filter),
        'S' => Some(Action::Ask(Verb::Start)),
        'x' => Some(Action::Ask(Verb::Stop)),
        'r' => Some(Action::Ask(Verb::Restart)),
        'R' => Some(Action::Ask(Verb::Reload)),
        _ => None,
    }
}

fn reading(code: KeyCode, is_control: bool) -> Option<Action> {
    match code {
        KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | 'i' | '?') => Some(Action::Close),
        KeyCode::Char(' ') => Some(Action::Move(Step::PageDown)),
        _ => step(code, is_control).map(Action::Move),
    }
}

fn typing(code: KeyCode, is_control: bool) -> Option<Action> {
    match code {
        KeyCode::Enter => Some(Action::Accept),
        KeyCode::Esc => Some(Action::Close),
        KeyCode::Backspace => Some(Action::Erase),
        KeyCode::Char(char) if !is_control => Some(Action::Type(char)),
        KeyCode::Up => Some(Action::Move(Step::Up)),
        KeyCode::Down => Some(Action::Move(Step::Down)),
        _ => None,
    }
}

fn step(code: KeyCode, is_control: bool) -> Option<Step> {
    match (code, is_control) {
        (KeyCode::Up | KeyCode::Char('k'), false) => Some(Step::Up),
        (KeyCode::Down | KeyCode::Char('j'), false) => Some(Step::Down),
        (KeyCode::PageUp, _) | (KeyCode::Char('b' | 'u'), true) => Some(Step::PageUp),
        (KeyCode::PageDown, _) | (KeyCode::Char('f' | 'd'), true) => Some(Step::PageDown),
        (KeyCode::Home, _) | (KeyCode::Char('g'), false) => Some(Step::First),
        (KeyCode::End, _) | (KeyCode::Char('G'), false) => Some(Step::Last),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_means_something_by_what_is_being_done() {
        use Doing::{Answering, Looking, Reading, Typing};
        let table = [
            (Looking, KeyCode::Char('q'), Some(Action::Quit)),
            (Reading, KeyCode::Char('q'), Some(Action::Close)),
            (Typing, KeyCode::Char('q'), Some(Action::Type('q'))),
            (Answering, KeyCode::Char('q'), Some(Action::Close)),
            (
                Looking,
                KeyCode::Char('3'),
                Some(Action::Show(View::Payloads)),
            ),
            (Looking, KeyCode::Char('4'), None),
            (Looking, KeyCode::Tab, Some(Action::Next)),
            (Looking, KeyCode::BackTab, Some(Action::Previous)),
            (Looking, KeyCode::Char('S'), Some(Action::Ask(Verb::Start))),
            (Looking, KeyCode::Char('x'), Some(Action::Ask(Verb::Stop))),
            (
                Looking,
                KeyCode::Char('r'),
                Some(Action::Ask(Verb::Restart)),
            ),
            (Looking, KeyCode::Char('R'), Some(Action::Ask(Verb::Reload))),
            (Reading, KeyCode::Char('x'), None),
            (
                Reading,
                KeyCode::Char(' '),
                Some(Action::Move(Step::PageDown)),
            ),
            (Reading, KeyCode::Char('G'), Some(Action::Move(Step::Last))),
            (Typing, KeyCode::Char('G'), Some(Action::Type('G'))),
            (Typing, KeyCode::Enter, Some(Action::Accept)),
            (Answering, KeyCode::Char('y'), Some(Action::Yes)),
            (Answering, KeyCode::Enter, Some(Action::Close)),
        ];
        for (doing, code, meaning) in table {
            assert_eq!(action(doing, code.into()), meaning, "{doing:?} {code:?}");
        }
        let quits = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for doing in [Looking, Reading, Typing, Answering] {
            assert_eq!(action(doing, quits), Some(Action::Quit));
        }
        let stops = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::CONTROL);
        assert_eq!(action(Looking, stops), None);
        let mut released = KeyEvent::from(KeyCode::Char('q'));
        released.kind = KeyEventKind::Release;
        assert_eq!(action(Looking, released), None);
    }
}
