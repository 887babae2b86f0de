//! Characters in brackets.

use super::Parser;
use super::escapes::Escaped;
use super::flags::Flags;
use super::source::Token;
use crate::pattern::chars::{self, Set};
use crate::pattern::error::{PatternError, at};

impl Parser {
    /// Behind the bracket that opens, which stands at `begins`.
    pub(super) fn set(&mut self, begins: usize, flags: Flags) -> Result<Set, PatternError> {
        let is_negated = self.source.take('^');
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut rest = Set::empty();
        let mut is_empty = true;
        let unterminated = || at(begins, "these brackets are not closed");
        loop {
            let position = self.source.position();
            let Some(token) = self.source.next() else {
                return unterminated();
            };
            if token.is(']') && !is_empty {
                break;
            }
            is_empty = false;
            let first = self.member(token, position, flags)?;
            let mut range = None;
            let mut is_closed = false;
            if self.source.take('-') {
                let position = self.source.position();
                match self.source.next() {
                    None => return unterminated(),
                    Some(token) if token.is(']') => is_closed = true,
                    Some(token) => range = Some(self.member(token, position, flags)?),
                }
            }
            match (first, range) {
                (Escaped::Code(first), None) => ranges.push((first, first)),
                (Escaped::Class(class), None) => rest.union(&class),
                (Escaped::Code(first), Some(Escaped::Code(last))) if first <= last => {
                    ranges.push((first, last));
                }
                (Escaped::Code(_), Some(Escaped::Code(_))) => {
                    return at(position, "this range ends before it begins");
                }
                (Escaped::Class(_), Some(_)) | (_, Some(Escaped::Class(_))) => {
                    return at(position, "a class such as `\\d` is no bound of a range");
                }
            }
            if is_closed {
                ranges.push((u32::from('-'), u32::from('-')));
                break;
            }
        }
        // A set of one character is that character.
        let is_single = matches!(ranges.as_slice(), [(first, last), more @ ..]
            if first == last && more.iter().all(|other| other == &(*first, *last)))
            && rest.ranges().is_empty();
        let set = match (flags.case(), ranges.first().copied()) {
            (Some(case), Some((code, _))) if is_single => {
                char::from_u32(code).map_or_else(Set::empty, |character| case.literal(character))
            }
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
    ) -> Result<Escaped, PatternError> {
        match token {
            Token::Plain(character) => Ok(Escaped::Code(u32::from(character))),
            Token::Escape(escaped) => self.escape_in_set(escaped, position, flags),
        }
    }
}
