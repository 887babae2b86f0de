//! Parses sets of characters in brackets.

use super::PythonParser;
use super::flags::Flags;
use super::tokenizer::Token;
use crate::pattern::chars::{self, CharSet, ClassAtom};
use crate::pattern::error::{PatternError, at};

impl PythonParser {
    /// Reads a set behind its `[`, which stands at `begins`.
    pub(super) fn set(&mut self, begins: usize, flags: Flags) -> Result<CharSet, PatternError> {
        let is_negated = self.tokens.take('^');
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut rest = CharSet::empty();
        let mut is_empty = true;
        let unterminated = || at(begins, "these brackets are not closed");
        loop {
            let position = self.tokens.position();
            let Some(token) = self.tokens.next() else {
                return unterminated();
            };
            if token.is(']') && !is_empty {
                break;
            }
            is_empty = false;
            let first = self.member(token, position, flags)?;
            let mut range = None;
            let mut is_closed = false;
            if self.tokens.take('-') {
                let position = self.tokens.position();
                match self.tokens.next() {
                    None => return unterminated(),
                    Some(token) if token.is(']') => is_closed = true,
                    Some(token) => range = Some(self.member(token, position, flags)?),
                }
            }
            match (first, range) {
                (ClassAtom::Code(first), None) => ranges.push((first, first)),
                (ClassAtom::Class(class), None) => rest.union(&class),
                (ClassAtom::Code(first), Some(ClassAtom::Code(last))) if first <= last => {
                    ranges.push((first, last));
                }
                (ClassAtom::Code(_), Some(ClassAtom::Code(_))) => {
                    return at(position, "this range ends before it begins");
                }
                (ClassAtom::Class(_), Some(_)) | (_, Some(ClassAtom::Class(_))) => {
                    return at(position, "a class such as `\\d` is no bound of a range");
                }
            }
            if is_closed {
                ranges.push((u32::from('-'), u32::from('-')));
                break;
            }
        }
        // CPython reads a set of one character as that character.
        let is_single = matches!(ranges.as_slice(), [(first, last), more @ ..]
            if first == last && more.iter().all(|other| other == &(*first, *last)))
            && rest.ranges().is_empty();
        let set = match (flags.case(), ranges.first().copied()) {
            (Some(case), Some((code, _))) if is_single => char::from_u32(code)
                .map_or_else(CharSet::empty, |character| case.literal(character)),
            (Some(case), _) => case.class(&ranges, &rest),
            (None, _) => {
                for (first, last) in ranges {
                    rest.union(&chars::range(first, last));
                }
                rest
            }
        };
        Ok(if is_negated { chars::negated(set) } else { set })
    }

    fn member(
        &mut self,
        token: Token,
        position: usize,
        flags: Flags,
    ) -> Result<ClassAtom, PatternError> {
        match token {
            Token::Plain(character) => Ok(ClassAtom::Code(u32::from(character))),
            Token::Escape(escaped) => self.escape_in_set(escaped, position, flags),
        }
    }
}
