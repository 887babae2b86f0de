//! Parses escapes, outside of brackets and inside.

use super::flags::Flags;
use super::tokenizer::Token;
use super::{PythonParser, PythonVersion, Sequence};
use crate::pattern::chars::{self, CharSet, ClassAtom};
use crate::pattern::error::{PatternError, at};
use crate::pattern::tree::{Assertion, PatternNode};

/// The last character that an octal escape can be.
const OCTAL_LAST: u32 = 0o377;

impl PythonParser {
    /// Adds an escape outside of brackets to a sequence.
    pub(super) fn escape(
        &mut self,
        escaped: char,
        position: usize,
        flags: Flags,
        items: &mut Sequence,
    ) -> Result<(), PatternError> {
        if let Some(class) = category(escaped, flags) {
            items.push(PatternNode::Chars(class));
            return Ok(());
        }
        let word = || category('w', flags).unwrap_or_else(CharSet::empty);
        let assertion = match escaped {
            'A' => Some(Assertion::TextStart),
            'Z' => Some(Assertion::TextEnd),
            'b' => Some(Assertion::Boundary(word())),
            'B' => Some(Assertion::NoBoundaryOfSome(word())),
            _ => None,
        };
        if let Some(assertion) = assertion {
            items.push(PatternNode::Assert(assertion));
            return Ok(());
        }
        let code = match escaped {
            '0' => {
                let digits = self.tokens.digits(2, 8);
                octal(&digits)
            }
            '1'..='9' => match self.three_octal_digits(escaped, position)? {
                Some(code) => code,
                None => return self.reference(escaped, position, flags, items),
            },
            _ => self.code_of(escaped, position, false)?,
        };
        Self::literal(code, flags, items);
        Ok(())
    }

    /// An escape in brackets.
    pub(super) fn escape_in_set(
        &mut self,
        escaped: char,
        position: usize,
        flags: Flags,
    ) -> Result<ClassAtom, PatternError> {
        if let Some(class) = category(escaped, flags) {
            return Ok(ClassAtom::Class(class));
        }
        let code = match escaped {
            'b' => 0x08,
            '0'..='7' => {
                let digits = format!("{escaped}{}", self.tokens.digits(2, 8));
                self.bounded_octal(&digits, position)?
            }
            '8' | '9' => {
                return at(position, format!("`\\{escaped}` is no escape in brackets"));
            }
            _ => self.code_of(escaped, position, true)?,
        };
        Ok(ClassAtom::Code(code))
    }

    /// The code point of an escape that does not begin with a digit.
    fn code_of(
        &mut self,
        escaped: char,
        position: usize,
        is_in_set: bool,
    ) -> Result<u32, PatternError> {
        let is_three = self.version == PythonVersion::Three;
        Ok(match escaped {
            'a' => 0x07,
            'f' => 0x0C,
            'n' => 0x0A,
            'r' => 0x0D,
            't' => 0x09,
            'v' => 0x0B,
            'x' => self.hexadecimal('x', 2, position)?,
            'u' if is_three => self.hexadecimal('u', 4, position)?,
            'U' if is_three => {
                let code = self.hexadecimal('U', 8, position)?;
                if code > u32::from(char::MAX) {
                    return at(position, "this escape stands for no character");
                }
                code
            }
            'N' if is_three => {
                return at(
                    position,
                    "names of characters (`\\N{...}`) are not known to Landfall: write `\\u` and the digits",
                );
            }
            letter if letter.is_ascii_alphabetic() && is_three => {
                let place = if is_in_set { " in brackets" } else { "" };
                return at(
                    position,
                    format!("Python has no escape `\\{letter}`{place}"),
                );
            }
            other => u32::from(other),
        })
    }

    fn hexadecimal(
        &mut self,
        letter: char,
        count: usize,
        position: usize,
    ) -> Result<u32, PatternError> {
        let digits = self.tokens.digits(count, 16);
        if digits.len() != count {
            return at(
                position,
                format!("`\\{letter}` needs {count} hexadecimal digits behind it"),
            );
        }
        u32::from_str_radix(&digits, 16)
            .or_else(|_| at(position, "this escape stands for no character"))
    }

    fn bounded_octal(&self, digits: &str, position: usize) -> Result<u32, PatternError> {
        let code = octal(digits);
        if code <= OCTAL_LAST {
            return Ok(code);
        }
        if self.version == PythonVersion::Two {
            return Ok(code & OCTAL_LAST);
        }
        at(
            position,
            format!("the octal escape `\\{digits}` is beyond `\\377`"),
        )
    }

    /// The character that three octal digits stand for. `None` if there are fewer: the escape is a reference
    /// then, and nothing is taken but its first digit.
    fn three_octal_digits(
        &mut self,
        first: char,
        position: usize,
    ) -> Result<Option<u32>, PatternError> {
        let begins = self.tokens.position();
        let digits = format!("{first}{}", self.tokens.digits(2, 8));
        if digits.len() == 3 && first.is_digit(8) {
            return Ok(Some(self.bounded_octal(&digits, position)?));
        }
        self.tokens.seek(begins);
        Ok(None)
    }

    fn reference(
        &mut self,
        first: char,
        position: usize,
        flags: Flags,
        items: &mut Sequence,
    ) -> Result<(), PatternError> {
        let mut number = first.to_digit(10).unwrap_or(0) as usize;
        if let Some(Token::Plain(digit)) = self.tokens.peek()
            && let Some(digit) = digit.to_digit(10)
        {
            self.tokens.next();
            number = number * 10 + digit as usize;
        }
        self.refer(number, position, flags, items)
    }
}

fn octal(digits: &str) -> u32 {
    digits
        .chars()
        .filter_map(|digit| digit.to_digit(8))
        .fold(0, |code, digit| code * 8 + digit)
}

/// The set of `\d`, `\s` and `\w`, and of their negations.
fn category(letter: char, flags: Flags) -> Option<CharSet> {
    let class = match letter.to_ascii_lowercase() {
        'd' if flags.ascii => chars::ascii_digits(),
        'd' => chars::digits(),
        's' if flags.ascii => chars::ascii_spaces(),
        's' => chars::spaces(),
        'w' if flags.ascii => chars::ascii_word_characters(),
        'w' => chars::word_characters(),
        _ => return None,
    };
    Some(if letter.is_ascii_uppercase() {
        chars::negated(class)
    } else {
        class
    })
}
