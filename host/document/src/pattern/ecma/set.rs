//! Parses classes of characters in brackets.

use super::EcmaParser;
use crate::pattern::chars::{self, CharSet, ClassAtom};
use crate::pattern::error::{PatternError, at};

impl EcmaParser {
    /// Reads a class behind its `[`, which stands at `begins`.
    pub(super) fn set(&mut self, begins: usize) -> Result<CharSet, PatternError> {
        let is_negated = self.take("^");
        let mut set = CharSet::empty();
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
                    ClassAtom::Code(code) => set.union(&chars::code_point(code)),
                    ClassAtom::Class(class) => set.union(&class),
                }
                continue;
            }
            self.position += 1;
            match (first, self.member(begins)?) {
                (ClassAtom::Code(first), ClassAtom::Code(last)) if first <= last => {
                    set.union(&chars::range(first, last));
                }
                (ClassAtom::Code(_), ClassAtom::Code(_)) => {
                    return at(position, "this range ends before it begins");
                }
                _ => return at(position, "a class such as `\\d` is no bound of a range"),
            }
        }
        Ok(if is_negated { chars::negated(set) } else { set })
    }

    fn member(&mut self, begins: usize) -> Result<ClassAtom, PatternError> {
        let position = self.position;
        let Some(character) = self.peek() else {
            return at(begins, "these brackets are not closed");
        };
        self.position += 1;
        if character == '\\' {
            return self.escape_in_set(position);
        }
        Ok(ClassAtom::Code(u32::from(character)))
    }
}
