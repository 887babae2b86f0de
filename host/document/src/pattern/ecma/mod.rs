//! Parses patterns of ECMA-262 with the flag `u`, as JSON Schema defines them.

mod escapes;
mod groups;
mod properties;
mod set;

use std::collections::HashMap;

use super::chars::{self, CharSet};
use super::error::{PatternError, at};
use super::tree::{Assertion, Greed, PatternNode};

/// Levels of nested groups. The engines have limits of their own near it.
const GROUPS_DEPTH_MAX: usize = 50;

/// Parses a pattern.
pub(super) fn parse(pattern: &str) -> Result<PatternNode, PatternError> {
    let characters: Vec<char> = pattern.chars().collect();
    let names = groups::names(&characters)?;
    let mut parser = EcmaParser {
        characters,
        position: 0,
        names,
        groups: 0,
        references: Vec::new(),
        closed: Vec::new(),
        depth: 0,
    };
    let tree = parser.alternatives()?;
    if parser.position < parser.characters.len() {
        return at(parser.position, "this `)` closes no group");
    }
    parser.check_references(&tree)?;
    Ok(tree)
}

struct EcmaParser {
    characters: Vec<char>,
    /// Characters that were read.
    position: usize,
    /// All groups and their names, for a reference may stand before its group.
    names: GroupNames,
    /// How many groups were opened so far.
    groups: usize,
    /// References: the group's number, and the position in the pattern.
    references: Vec<(usize, usize)>,
    /// Numbers of the groups that are closed.
    closed: Vec<usize>,
    depth: usize,
}

/// The capturing groups of a pattern.
struct GroupNames {
    by_name: HashMap<String, usize>,
    /// How many there are, with or without a name.
    groups: usize,
}

impl EcmaParser {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.position).copied()
    }

    /// Reads `text`, if it comes next.
    fn take(&mut self, text: &str) -> bool {
        let is_next = text
            .chars()
            .enumerate()
            .all(|(index, one)| self.characters.get(self.position + index) == Some(&one));
        if is_next {
            self.position += text.chars().count();
        }
        is_next
    }

    fn alternatives(&mut self) -> Result<PatternNode, PatternError> {
        if self.depth > GROUPS_DEPTH_MAX {
            return at(
                self.position,
                format!("groups are nested more than {GROUPS_DEPTH_MAX} deep"),
            );
        }
        self.depth += 1;
        let mut branches = vec![self.sequence()?];
        while self.take("|") {
            branches.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(PatternNode::alternatives(branches))
    }

    fn sequence(&mut self) -> Result<PatternNode, PatternError> {
        let mut nodes = Vec::new();
        while let Some(next) = self.peek() {
            if next == '|' || next == ')' {
                break;
            }
            let begins = self.position;
            self.position += 1;
            let (node, is_quantifiable) = self.term(next, begins)?;
            nodes.push(self.quantified(node, is_quantifiable)?);
        }
        Ok(PatternNode::concat(nodes))
    }

    /// Reads a term without its quantifier. Answers it, and whether it may have one.
    fn term(&mut self, next: char, begins: usize) -> Result<(PatternNode, bool), PatternError> {
        Ok(match next {
            '^' => (PatternNode::Assert(Assertion::TextStart), false),
            '$' => (PatternNode::Assert(Assertion::TextEnd), false),
            '.' => {
                let ends = [('\n', '\n'), ('\r', '\r'), ('\u{2028}', '\u{2029}')];
                (
                    PatternNode::Chars(chars::negated(chars::from_ranges(&ends))),
                    true,
                )
            }
            '[' => (PatternNode::Chars(self.set(begins)?), true),
            '(' => self.group(begins)?,
            '\\' => self.escape(begins)?,
            '*' | '+' | '?' => {
                return at(begins, "there is nothing to repeat before this quantifier");
            }
            '{' | '}' | ']' => {
                return at(
                    begins,
                    format!("`{next}` as a character is written `\\{next}`"),
                );
            }
            character => (PatternNode::Chars(chars::one(character)), true),
        })
    }

    fn quantified(
        &mut self,
        node: PatternNode,
        is_quantifiable: bool,
    ) -> Result<PatternNode, PatternError> {
        let begins = self.position;
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.position += 1;
                self.counts(begins)?
            }
            _ => return Ok(node),
        };
        if self.characters.get(begins) != Some(&'{') {
            self.position += 1;
        }
        if !is_quantifiable {
            return at(
                begins,
                "this quantifier follows an assertion, which cannot be repeated",
            );
        }
        let greed = if self.take("?") {
            Greed::Lazy
        } else {
            Greed::Greedy
        };
        Ok(PatternNode::Repeat {
            node: Box::new(node),
            min,
            max,
            greed,
        })
    }

    /// Reads the counts of a quantifier, behind `{`, and the `}`.
    fn counts(&mut self, begins: usize) -> Result<(u32, Option<u32>), PatternError> {
        let low = self.decimal(begins)?;
        let Some(low) = low else {
            return at(
                begins,
                "`{` as a character is written `\\{`, and a count begins with a digit",
            );
        };
        let high = if self.take(",") {
            self.decimal(begins)?
        } else {
            Some(low)
        };
        if !self.take("}") {
            return at(begins, "this count does not end with `}`");
        }
        if high.is_some_and(|high| high < low) {
            return at(
                begins,
                "the maximum of this count is smaller than its minimum",
            );
        }
        Ok((low, high))
    }

    fn decimal(&mut self, begins: usize) -> Result<Option<u32>, PatternError> {
        let first = self.position;
        while self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            self.position += 1;
        }
        let digits: String = self.characters[first..self.position].iter().collect();
        if digits.is_empty() {
            return Ok(None);
        }
        match digits.parse() {
            Ok(count) => Ok(Some(count)),
            Err(_) => at(
                begins,
                format!("more than {} repetitions are too many", u32::MAX),
            ),
        }
    }

    /// `\w` without the flag `i`.
    fn word_characters() -> CharSet {
        chars::ascii_word_characters()
    }
}
