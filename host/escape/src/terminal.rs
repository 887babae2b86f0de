//! A terminal, or whatever standard output and standard error are, line by line.

use std::fmt::Display;

use crate::escaper::Escaped;

/// Longest line, in bytes: more than anybody reads, and enough for the details of a hundred checks.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// One line without its end. Whatever the text has, it stays one line.
pub fn line<T: Display>(text: T) -> Escaped<T> {
    Escaped::new(text, LINE_BYTES_MAX)
}

/// A text of several lines, each escaped when it is added: no text of foreign origin ends a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page(String);

impl Page {
    /// Adds a line.
    pub fn line(&mut self, text: impl Display) {
        self.0.push_str(&line(text).to_string());
        self.0.push('\n');
    }

    /// The whole text, with the ends of lines.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
