//! Characters in brackets.

use super::Parser;
use super::escapes::Escaped;
use crate::pattern::chars::{self, Set};
use crate::pattern::error::{PatternError, at};

impl Parser {
    /// Behind the bracket that opens.
    pub(super) fn set(&mut self, begins: usize) -> Result<Set, PatternError> {
        let is_negated = self.take("^");
        let mut set = Set::empty();
        loop {
            if self.take("]") {
                break;
            }
            let position = self.position;
            let first = self.member(begins)?;
            let is_range = self.peek() == Some('-')
                && self
                    .characters
                    .get(self.position + 1)
                    .is_some_and(|next| *next != ']');
            if !is_range {
                match first {
                    Escaped::Code(code) => set.union(&chars::code_point(code)),
                    Escaped::Class(class) => set.union(&class),
                }
                continue;
            }
            self.position += 1;
            match (first, self.member(begins)?) {
                (Escaped::Code(first), Escaped::Code(last)) if first <= last => {
                    set.union(&chars::range(first, last));
                }
                (Escaped::Code(_), Escaped::Code(_)) => {
                    return at(position, "this range ends before it begins");
                }
                _ => return at(position, "a class such as `\\d` is no bound of a range"),
            }
        }
        Ok(if is_negated { chars::negated(set) } else { set })
    }

    fn member(&mut self, begins: usize) -> Result<Escaped, PatternError> {
        let position = self.position;
        let Some(character) = self.peek() else {
            return at(begins, "these brackets are not closed");
        };
        self.position += 1;
        if character == '\\' {
            return self.escape_in_set(position);
        }
        Ok(Escaped::Code(u32::from(character)))
    }
}
