//! Colours: those of the terminal's own sixteen that can be read on dark and on light, and never without words.

use ratatui::style::{Color, Modifier, Style};

use crate::look::Tone;

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    Colours,
    /// Attributes alone.
    Plain,
}

impl Palette {
    /// As the environment wants it: <https://no-color.org>.
    pub(crate) fn of_environment() -> Self {
        match std::env::var_os("NO_COLOR") {
            Some(value) if !value.is_empty() => Self::Plain,
            _ => Self::Colours,
        }
    }

    /// Yellow and cyan cannot be read on white, nor blue on black, so these stand for nothing.
    pub(super) fn style(self, tone: Tone) -> Style {
        let style = match tone {
            Tone::Plain => Style::new(),
            Tone::Good => Style::new().fg(Color::Green),
            Tone::Changing => Style::new().fg(Color::Magenta),
            Tone::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Faint => Style::new().add_modifier(Modifier::DIM),
        };
        match self {
            Self::Colours => style,
            Self::Plain => Style { fg: None, ..style },
        }
    }
}
