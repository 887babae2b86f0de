//! Describes where the lines of a file come from, and what to do if they cannot be read: as text,
//! with the command that makes them readable. Pure.

use std::sync::{Arc, Mutex, PoisonError};

use landfall_document::{Format, UTF8_MARK};

use super::framing::{Framing, HEAD_BYTES, LENGTH_BYTES};
use super::looks::{self, BEGINNING_BYTES, FormatGuess};
use super::packing::Packing;
use crate::sources::SourceError;

/// The name of standard input in messages.
pub(super) const STANDARD_INPUT: &str = "standard input";

/// Bytes of an unreadable line that are shown.
const SHOWN_BYTES: usize = 120;

/// A file as messages name it.
#[derive(Clone, Debug)]
pub struct FileOrigin {
    pub(super) name: String,
    pub(super) packing: Packing,
    /// The command that would read the text from a pipe: `landfall audit --raw -`.
    pub(super) remedy: String,
    /// The first bytes of what was read, unpacked.
    beginning: Arc<Mutex<Vec<u8>>>,
}

impl FileOrigin {
    pub(super) fn new(name: &str, packing: Packing, remedy: &str) -> Self {
        Self {
            name: name.to_owned(),
            packing,
            remedy: remedy.to_owned(),
            beginning: Arc::default(),
        }
    }

    /// Keeps the beginning of the bytes that pass. False once there is no room for more.
    pub(super) fn keep(&self, bytes: &[u8]) -> bool {
        let mut beginning = self
            .beginning
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let room = BEGINNING_BYTES - beginning.len();
        beginning.extend(&bytes[..bytes.len().min(room)]);
        beginning.len() < BEGINNING_BYTES
    }

    fn beginning(&self) -> Vec<u8> {
        let beginning = self.beginning.lock();
        beginning.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this is no file of lines. `lines` is the number of lines that are not blank,
    /// `readable` those that can be read, and `useless` those that are documents without a key. If
    /// all are such documents, the file is a recording, unless it looks like something else.
    pub fn is_unreadable(&self, lines: u64, readable: u64, useless: u64) -> bool {
        match readable {
            0 if lines > 0 && lines == useless => {
                let beginning = self.beginning();
                let head = &beginning[..beginning.len().min(HEAD_BYTES)];
                matches!(Framing::of(head), Framing::Lines) && FormatGuess::of(&beginning).is_some()
            }
            0 => lines > 0,
            // In an array, the last member has no comma after it.
            1 => lines > 2 && looks::is_over_lines(&self.beginning()),
            _ => false,
        }
    }

    /// The error for a file of which not one line could be read. `found` is the number of lines and
    /// what they lack. `hint` is shown if the file looks like nothing in particular.
    pub fn unreadable(&self, found: &str, hint: &str) -> SourceError {
        let beginning = self.beginning();
        let framing = Framing::of(&beginning[..beginning.len().min(HEAD_BYTES)]);
        let (unit, first, guess) = match framing {
            Framing::Lines => ("line", first_line(&beginning), FormatGuess::of(&beginning)),
            // It is known where its frames end, so the format of the file is right.
            Framing::Lengths => {
                let frames = beginning.get(HEAD_BYTES + LENGTH_BYTES..);
                ("frame", frames.unwrap_or_default(), None)
            }
        };
        let advice = guess.map_or_else(|| hint.to_owned(), |guess| self.advice(&guess));
        SourceError::Unreadable {
            path: self.name.clone(),
            unit,
            found: found.to_owned(),
            advice,
            first: shown(first),
        }
    }

    /// What the file looks like so far, and what to do; None if it looks like lines.
    pub fn guess(&self) -> Option<String> {
        FormatGuess::of(&self.beginning()).map(|guess| self.advice(&guess))
    }

    fn advice(&self, guess: &FormatGuess) -> String {
        let FormatGuess { what, filter } = guess;
        let Some(filter) = filter else {
            return format!("it looks like {what}: write its events to a file of lines first");
        };
        let steps = match self.packed() {
            None => format!("{filter} {}", quoted(&self.name)),
            Some(packed) => format!("{packed} | {filter}"),
        };
        format!(
            "it looks like {what}: make lines of it on the way: {steps} | {}",
            self.remedy
        )
    }

    /// The command that unpacks it; None if it is a plain file.
    fn packed(&self) -> Option<String> {
        match (self.packing, self.name.as_str()) {
            (Packing::Plain, STANDARD_INPUT) => Some("...".to_owned()),
            (Packing::Plain, _) => None,
            (packing, STANDARD_INPUT) => Some(format!("... | {} -dc", packing.as_str())),
            (packing, name) => Some(format!("{} -dc {}", packing.as_str(), quoted(name))),
        }
    }

    /// The error for a file of another format, with the way to get its text here.
    pub(super) fn foreign(&self, format: Format) -> SourceError {
        let found = match self.packing {
            Packing::Plain => format.name.to_owned(),
            packing => format!("{} within {}", format.name, packing.as_str()),
        };
        let steps = match self.packed() {
            None => format
                .unpack
                .map(|unpack| format!("{unpack} {}", quoted(&self.name))),
            // The rest is unpacked here.
            Some(packed) if self.packing != Packing::Plain && Packing::is_read(format) => {
                Some(packed)
            }
            Some(packed) => from_pipe(format).map(|unpack| format!("{packed} | {unpack}")),
        };
        let remedy = steps.map_or_else(
            || "write its events to a file of lines first".to_owned(),
            |steps| format!("unpack it on the way: {steps} | {}", self.remedy),
        );
        SourceError::Foreign {
            path: self.name.clone(),
            found,
            remedy,
        }
    }
}

/// The first line that is not blank.
fn first_line(beginning: &[u8]) -> &[u8] {
    let text = beginning.strip_prefix(UTF8_MARK).unwrap_or(beginning);
    let mut lines = text.split(|byte| *byte == b'\n');
    let filled = lines.find(|line| !line.trim_ascii().is_empty());
    filled.unwrap_or_default()
}

/// The beginning of a line as text. The place that writes it out escapes it.
fn shown(line: &[u8]) -> String {
    let Some(cut) = line.get(..SHOWN_BYTES) else {
        return String::from_utf8_lossy(line).into_owned();
    };
    let text = String::from_utf8_lossy(cut);
    format!("{}…", text.trim_end_matches(char::REPLACEMENT_CHARACTER))
}

/// The command that unpacks what comes through a pipe, if the format allows that.
fn from_pipe(format: Format) -> Option<String> {
    match format.name {
        "zip" | "7z" | "rar" => None,
        "tar" => Some("tar -xOf -".to_owned()),
        _ => format.unpack.map(str::to_owned),
    }
}

/// A file's name quoted for a shell. Without a backslash if possible, because a terminal shows a
/// backslash as two.
fn quoted(name: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "_-./+,:@".contains(char);
    match () {
        () if name.chars().all(is_plain) => name.to_owned(),
        () if !name.contains('\'') => format!("'{name}'"),
        () if !name.contains(['"', '$', '`', '\\', '!']) => format!("\"{name}\""),
        () => format!("'{}'", name.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_as_a_shell_takes_it() {
        for (name, expected) in [
            ("raw-1.log", "raw-1.log"),
            ("a b", "'a b'"),
            ("$x", "'$x'"),
            ("it's", "\"it's\""),
            ("it's $x", "'it'\\''s $x'"),
        ] {
            assert_eq!(quoted(name), expected);
        }
    }

    #[test]
    fn a_line_is_shown_up_to_a_bound_and_its_cut_is_marked() {
        assert_eq!(shown(b"a\xff"), "a\u{fffd}");
        let long = "é".repeat(SHOWN_BYTES);
        assert_eq!(
            shown(long.as_bytes()),
            format!("{}…", "é".repeat(SHOWN_BYTES / 2))
        );
        assert_eq!(
            shown(&long.as_bytes()[1..]),
            format!("\u{fffd}{}…", "é".repeat(SHOWN_BYTES / 2 - 1))
        );
        assert_eq!(first_line(b"\xef\xbb\xbf\n \r\nx\ny"), b"x");
        assert_eq!(first_line(b""), b"");
    }
}
