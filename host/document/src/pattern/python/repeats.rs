//! Parses quantifiers.

use super::flags::Flags;
use super::{LastItem, PythonParser, PythonVersion, Sequence};
use crate::pattern::error::{PatternError, at};
use crate::pattern::tree::{Greed, PatternNode};

/// CPython's MAXREPEAT: the first count that is too large.
const COUNT_MAX: u64 = u32::MAX as u64;

impl PythonParser {
    /// Reads a quantifier behind its first character, which stands at `begins`.
    pub(super) fn repeat(
        &mut self,
        quantifier: char,
        begins: usize,
        flags: Flags,
        items: &mut Sequence,
    ) -> Result<(), PatternError> {
        let (min, max) = match quantifier {
            '?' => (0, Some(1)),
            '*' => (0, None),
            '+' => (1, None),
            _ => match self.counts(begins)? {
                Some(counts) => counts,
                None => {
                    Self::literal(u32::from(quantifier), flags, items);
                    return Ok(());
                }
            },
        };
        let node = match (items.last, items.nodes.pop()) {
            (LastItem::Nothing | LastItem::Assertion, _) | (_, None) => {
                return at(begins, "there is nothing to repeat before this quantifier");
            }
            (LastItem::Repeat, _) => {
                return at(
                    begins,
                    "this quantifier follows another one: put the first into a group",
                );
            }
            (LastItem::CapitalBeyondBmp | LastItem::Other, Some(node)) => node,
        };
        let greed = if self.tokens.take('?') {
            Greed::Lazy
        } else if self.version == PythonVersion::Three && self.tokens.take('+') {
            Greed::Possessive
        } else {
            Greed::Greedy
        };
        items.push(PatternNode::Repeat {
            node: Box::new(node),
            min,
            max,
            greed,
        });
        items.last = LastItem::Repeat;
        Ok(())
    }

    /// Reads the counts behind `{`. `None` if the brace is a character like others; then nothing is read.
    fn counts(&mut self, begins: usize) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        let here = self.tokens.position();
        if self.tokens.peek().is_some_and(|token| token.is('}')) {
            return Ok(None);
        }
        let low = self.tokens.digits(usize::MAX, 10);
        let high = if self.tokens.take(',') {
            self.tokens.digits(usize::MAX, 10)
        } else {
            low.clone()
        };
        if !self.tokens.take('}') {
            self.tokens.seek(here);
            return Ok(None);
        }
        let count = |digits: &str| {
            let count = digits
                .parse::<u64>()
                .ok()
                .filter(|count| *count < COUNT_MAX);
            match count.and_then(|count| u32::try_from(count).ok()) {
                Some(count) => Ok(count),
                None => at(
                    begins,
                    format!(
                        "more than {} repetitions are too many, in Python too",
                        COUNT_MAX - 1
                    ),
                ),
            }
        };
        let min = if low.is_empty() { 0 } else { count(&low)? };
        let max = if high.is_empty() {
            None
        } else {
            Some(count(&high)?)
        };
        if max.is_some_and(|max| max < min) {
            return at(
                begins,
                "the maximum of this count is smaller than its minimum",
            );
        }
        Ok(Some((min, max)))
    }
}
