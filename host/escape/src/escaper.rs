//! How a character that is not shown is written, and how text that is too long is cut, for all destinations.

use std::fmt::{self, Display, Write};

use crate::chars::is_shown;

/// A value with its text escaped, on one line and of bounded length: `\\`, `\n`, `\r`, `\t`, `\u{1b}`.
/// Where text is cut off, its length is written.
pub struct Escaped<T> {
    value: T,
    bytes_max: usize,
}

impl<T: Display> Escaped<T> {
    /// At most `bytes_max` bytes are written, and after them how many of the text were left out.
    pub fn new(value: T, bytes_max: usize) -> Self {
        Self { value, bytes_max }
    }
}

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaper = Escaper {
            out: f,
            room: self.bytes_max,
            left_out: 0,
        };
        write!(escaper, "{}", self.value)?;
        match escaper.left_out {
            0 => Ok(()),
            1 => f.write_str("… (1 more byte)"),
            bytes => write!(f, "… ({bytes} more bytes)"),
        }
    }
}

/// Escapes what is written to it.
struct Escaper<'o, W> {
    out: &'o mut W,
    /// Bytes that may still be written.
    room: usize,
    /// Bytes of the text that were left out.
    left_out: usize,
}

impl<W: Write> Escaper<'_, W> {
    fn put(&mut self, text: &str, of: usize) -> fmt::Result {
        if text.len() > self.room {
            self.left_out += of;
            return Ok(());
        }
        self.room -= text.len();
        self.out.write_str(text)
    }
}

impl<W: Write> Write for Escaper<'_, W> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        while let Some(char) = text.chars().next() {
            if self.left_out > 0 {
                self.left_out += text.len();
                return Ok(());
            }
            // What is shown is written in one piece, as far as there is room.
            let plain = text
                .find(|char| char == '\\' || !is_shown(char))
                .unwrap_or(text.len());
            let fits = text.floor_char_boundary(plain.min(self.room));
            let taken = match fits {
                0 => {
                    self.put(&escape(char), char.len_utf8())?;
                    char.len_utf8()
                }
                _ => {
                    self.put(&text[..fits], fits)?;
                    fits
                }
            };
            text = &text[taken..];
        }
        Ok(())
    }
}

/// A character as it is, or as its escape.
fn escape(char: char) -> String {
    match char {
        '\\' => "\\\\".into(),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        shown if is_shown(shown) => shown.into(),
        other => format!("\\u{{{:x}}}", u32::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_cut_between_characters_and_says_by_how_much() {
        let cut = |text: &str, bytes_max| Escaped::new(text, bytes_max).to_string();
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc… (1 more byte)");
        assert_eq!(
            cut("ab\ncd", 3),
            "ab… (3 more bytes)",
            "no half of an escape"
        );
        assert_eq!(
            cut("aéé", 4),
            "aé… (2 more bytes)",
            "no half of a character"
        );
        assert_eq!(
            cut("éa", 1),
            "… (3 more bytes)",
            "nothing behind what was left out"
        );
        let pieces = Escaped::new(format_args!("{}{}", "ab", "cdef"), 3).to_string();
        assert_eq!(pieces, "abc… (3 more bytes)");
    }

    #[test]
    fn a_very_long_text_takes_time_by_its_length() {
        // Of each of these a second look at the rest for every character would take hours.
        for text in [
            "é".repeat(8 << 20),
            "\n".repeat(8 << 20),
            "a\n".repeat(8 << 20),
        ] {
            let shown = Escaped::new(&text, 100).to_string();
            assert!(shown.ends_with(" more bytes)"), "{shown}");
            assert!(Escaped::new(&text, usize::MAX).to_string().len() >= text.len());
        }
    }
}
