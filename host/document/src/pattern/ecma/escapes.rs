//! Parses escapes, outside of brackets and inside.

use super::EcmaParser;
use crate::pattern::chars::{self, ClassAtom};
use crate::pattern::error::{PatternError, at};
use crate::pattern::tree::{Assertion, PatternNode};

/// The first high surrogate, the first low one, and the last low one.
const SURROGATES: [u32; 3] = [0xD800, 0xDC00, 0xDFFF];

impl EcmaParser {
    /// Reads an escape behind a backslash outside of brackets. Answers the term, and whether it may be
    /// repeated.
    pub(super) fn escape(&mut self, begins: usize) -> Result<(PatternNode, bool), PatternError> {
        match self.peek() {
            Some('b') => {
                self.position += 1;
                return Ok((
                    PatternNode::Assert(Assertion::Boundary(Self::word_characters())),
                    false,
                ));
            }
            Some('B') => {
                self.position += 1;
                return Ok((
                    PatternNode::Assert(Assertion::NoBoundary(Self::word_characters())),
                    false,
                ));
            }
            Some('k') => {
                self.position += 1;
                return Ok((self.refer_by_name(begins)?, true));
            }
            Some('1'..='9') => {
                let number = self.decimal(begins)?.unwrap_or(0);
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                return Ok((self.refer(number, begins)?, true));
            }
            _ => {}
        }
        let set = match self.character_or_class(begins)? {
            ClassAtom::Code(code) => chars::code_point(code),
            ClassAtom::Class(class) => class,
        };
        Ok((PatternNode::Chars(set), true))
    }

    /// Reads an escape behind a backslash in brackets.
    pub(super) fn escape_in_set(&mut self, begins: usize) -> Result<ClassAtom, PatternError> {
        match self.peek() {
            Some('b') => {
                self.position += 1;
                Ok(ClassAtom::Code(0x08))
            }
            Some('-') => {
                self.position += 1;
                Ok(ClassAtom::Code(u32::from('-')))
            }
            _ => self.character_or_class(begins),
        }
    }

    fn character_or_class(&mut self, begins: usize) -> Result<ClassAtom, PatternError> {
        let Some(escaped) = self.peek() else {
            return at(
                begins,
                "a backslash at the end of the pattern stands for nothing",
            );
        };
        self.position += 1;
        let class = match escaped.to_ascii_lowercase() {
            'd' => Some(chars::ascii_digits()),
            's' => Some(chars::ecma_spaces()),
            'w' => Some(Self::word_characters()),
            'p' => Some(self.property(begins)?),
            _ => None,
        };
        if let Some(class) = class {
            return Ok(ClassAtom::Class(if escaped.is_ascii_uppercase() {
                chars::negated(class)
            } else {
                class
            }));
        }
        Ok(ClassAtom::Code(match escaped {
            'f' => 0x0C,
            'n' => 0x0A,
            'r' => 0x0D,
            't' => 0x09,
            'v' => 0x0B,
            '0' if !self.peek().is_some_and(|digit| digit.is_ascii_digit()) => 0,
            'c' => match self.peek() {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    self.position += 1;
                    u32::from(letter) % 32
                }
                _ => return at(begins, "`\\c` needs a letter of ASCII behind it"),
            },
            'x' => self.hexadecimal(2, begins)?,
            'u' => self.unicode(begins)?,
            '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|'
            | '/' => u32::from(escaped),
            other => {
                return at(begins, format!("ECMA-262 has no escape `\\{}` here", other));
            }
        }))
    }

    fn hexadecimal(&mut self, count: usize, begins: usize) -> Result<u32, PatternError> {
        let digits = self.characters.iter().skip(self.position).take(count);
        let digits: String = digits.collect();
        let is_whole =
            digits.len() == count && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let code = u32::from_str_radix(&digits, 16).ok().filter(|_| is_whole);
        match code {
            Some(code) => {
                self.position += count;
                Ok(code)
            }
            None => at(
                begins,
                format!("this escape needs {count} hexadecimal digits"),
            ),
        }
    }

    /// Reads a code point behind `\u`. Two escapes of a surrogate pair are one code point.
    fn unicode(&mut self, begins: usize) -> Result<u32, PatternError> {
        if self.take("{") {
            let first = self.position;
            while self.peek().is_some_and(|digit| digit.is_ascii_hexdigit()) {
                self.position += 1;
            }
            let digits: String = self.characters[first..self.position].iter().collect();
            let digits = digits.trim_start_matches('0');
            let code = if digits.is_empty() && self.position > first {
                Some(0)
            } else {
                u32::from_str_radix(digits, 16).ok()
            };
            return match code.filter(|code| *code <= u32::from(char::MAX)) {
                Some(code) if self.take("}") => Ok(code),
                _ => at(
                    begins,
                    "`\\u{...}` needs hexadecimal digits of a code point, up to 10FFFF",
                ),
            };
        }
        let code = self.hexadecimal(4, begins)?;
        let [high, low, last] = SURROGATES;
        let here = self.position;
        if (high..low).contains(&code) && self.take("\\u") {
            match self.hexadecimal(4, begins) {
                Ok(second) if (low..=last).contains(&second) => {
                    return Ok(0x1_0000 + ((code - high) << 10) + (second - low));
                }
                _ => self.position = here,
            }
        }
        Ok(code)
    }
}
