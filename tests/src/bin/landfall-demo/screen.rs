//! The output while the day goes by: a line for each thing that happens, and on a terminal one line of
//! progress, which is overwritten again and again.

#![expect(
    clippy::disallowed_methods,
    reason = "a screen of the demo: what it shows is its own"
)]

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

/// Columns of the bar.
const BAR_COLUMNS: usize = 20;

/// The screen; shared by all parts that print.
pub struct Screen {
    terminal: bool,
    colour: bool,
    /// Held while something is written.
    turn: Mutex<()>,
}

/// How a word is shown, where colours are.
#[derive(Clone, Copy)]
pub enum Tone {
    Good,
    Bad,
    Strong,
}

impl Screen {
    pub fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            terminal,
            colour: terminal && std::env::var_os("NO_COLOR").is_none(),
            turn: Mutex::new(()),
        }
    }

    /// A line that stays.
    pub fn print_line(&self, line: &str) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = if self.terminal { "\r\x1b[2K" } else { "" };
        // Nobody reads it, so there is nothing to do.
        let _ = writeln!(io::stdout(), "{clear}{line}");
    }

    /// The progress; only on a terminal.
    pub fn status(&self, share: f64, text: &str) {
        if !self.terminal {
            return;
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let done = (share * BAR_COLUMNS as f64) as usize;
        let bar = "█".repeat(done) + &"░".repeat(BAR_COLUMNS.saturating_sub(done));
        let mut out = io::stdout();
        let _ = write!(out, "\r\x1b[2K{bar} {text}");
        let _ = out.flush();
    }

    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
