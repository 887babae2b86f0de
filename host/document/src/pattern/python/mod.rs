//! Patterns as Python's `re` takes them: a port of CPython's own parser (`re/_parser.py` of 3.11, and
//! `sre_parse.py` of 2.7), so that what it takes is taken, and what it refuses is refused.

mod escapes;
mod flags;
mod groups;
mod repeats;
mod set;
mod source;

use std::collections::HashMap;

use super::chars::{self, Set};
use super::error::{PatternError, at};
use super::tree::{Assertion, Greed, Node};
use flags::Flags;
use source::{Source, Token};

/// Groups in groups. The engines have limits of their own near it.
const GROUPS_DEEP_MAX: usize = 50;

/// Which `re`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Two,
    Three,
}

pub(super) fn parse(pattern: &str, version: Version) -> Result<Node, PatternError> {
    let first = Parser::new(pattern, version, Flags::of(version)).whole()?;
    if version == Version::Three || first.flags == Flags::of(version) {
        return Ok(first.tree);
    }
    // In Python 2 flags count for all of the pattern, wherever they stand.
    Ok(Parser::new(pattern, version, first.flags).whole()?.tree)
}

struct Whole {
    tree: Node,
    flags: Flags,
}

struct Parser {
    source: Source,
    version: Version,
    /// Those of the whole pattern.
    flags: Flags,
    /// `a` or `u`, if one of them is given for the whole pattern.
    type_flag: Option<char>,
    names: HashMap<String, usize>,
    /// Of each group: whether it is closed, and the characters that it matches.
    closed: Vec<bool>,
    widths: Vec<(u64, Option<u64>)>,
    /// Groups there were before the look-behind that is being read.
    groups_before_look_behind: Option<usize>,
    /// Groups that conditions ask for, and where.
    asked: Vec<(usize, usize)>,
    /// Groups that anything refers to, and where.
    referred: Vec<(usize, usize)>,
    deep: usize,
}

/// What was read of a sequence.
#[derive(Default)]
struct Items {
    nodes: Vec<Node>,
    last: Last,
}

/// What a quantifier would repeat.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Nothing,
    Assertion,
    Repeat,
    /// A capital letter beyond U+FFFF where case is ignored.
    LetterBeyond,
    Other,
}

impl Items {
    fn push(&mut self, node: Node) {
        self.last = match node {
            Node::Assert(_) => Last::Assertion,
            _ => Last::Other,
        };
        self.nodes.push(node);
    }
}

impl Parser {
    fn new(pattern: &str, version: Version, flags: Flags) -> Self {
        Self {
            source: Source::new(pattern),
            version,
            flags,
            type_flag: None,
            names: HashMap::new(),
            closed: Vec::new(),
            widths: Vec::new(),
            groups_before_look_behind: None,
            asked: Vec::new(),
            referred: Vec::new(),
            deep: 0,
        }
    }

    fn whole(mut self) -> Result<Whole, PatternError> {
        self.source.check_end()?;
        let tree = self.alternatives(self.flags, true)?;
        if self.source.peek().is_some() {
            return at(self.source.position(), "this `)` closes no group");
        }
        for (group, position) in &self.asked {
            if *group > self.closed.len() {
                return at(*position, format!("there is no group {group}"));
            }
        }
        self.check_empty_repeats(&tree)?;
        Ok(Whole {
            tree,
            flags: self.flags,
        })
    }

    /// What a group has matched after a repetition that took no text, Python's versions do not agree on.
    fn check_empty_repeats(&self, tree: &Node) -> Result<(), PatternError> {
        let mut unclear = Vec::new();
        tree.each(&mut |node| {
            if let Node::Repeat {
                node, max, greed, ..
            } = node
                && (*max != Some(1) || *greed == Greed::Possessive)
                && node.width(&self.widths).0 == 0
            {
                node.each(&mut |node| {
                    if let Node::Group(number, _) = node {
                        unclear.push(*number);
                    }
                });
            }
        });
        for (number, position) in &self.referred {
            if unclear.contains(number) {
                return at(
                    *position,
                    format!(
                        "it refers to group {number}, which is in a repetition that may take no text, and \
                         what it has matched then is not clear"
                    ),
                );
            }
        }
        Ok(())
    }

    fn alternatives(&mut self, mut flags: Flags, is_top: bool) -> Result<Node, PatternError> {
        if self.deep > GROUPS_DEEP_MAX {
            return at(
                self.source.position(),
                format!("groups are nested more than {GROUPS_DEEP_MAX} deep"),
            );
        }
        self.deep += 1;
        let begins = self.source.position();
        let mut branches = Vec::new();
        let mut has_letter_beyond = false;
        loop {
            let items = self.sequence(&mut flags, is_top && branches.is_empty())?;
            has_letter_beyond |= items.last == Last::LetterBeyond;
            branches.push(Node::concat(items.nodes));
            if !self.source.take('|') {
                break;
            }
        }
        if has_letter_beyond && branches.len() > 1 {
            return at(
                begins,
                "a capital letter beyond U+FFFF ends an alternative where case is ignored, and Python takes \
                 it in more than one way: write the small letter",
            );
        }
        self.deep -= 1;
        Ok(Node::alternatives(branches))
    }

    /// Up to `|`, `)` or the end. `is_first`: flags for the whole pattern may stand at its beginning.
    fn sequence(&mut self, flags: &mut Flags, is_first: bool) -> Result<Items, PatternError> {
        let mut items = Items::default();
        while let Some(token) = self.source.peek() {
            if token.is('|') || token.is(')') {
                break;
            }
            let position = self.source.position();
            self.source.next();
            if flags.verbose && self.skips(token) {
                continue;
            }
            match token {
                Token::Escape(escaped) => self.escape(escaped, position, *flags, &mut items)?,
                Token::Plain('[') => items.push(Node::Chars(self.set(position, *flags)?)),
                Token::Plain('.') => items.push(Node::Chars(if flags.dot_all {
                    chars::all()
                } else {
                    chars::negated(chars::one('\n'))
                })),
                Token::Plain('^') => items.push(Node::Assert(if flags.multiline {
                    Assertion::LineStart
                } else {
                    Assertion::TextStart
                })),
                Token::Plain('$') => items.push(Node::Assert(if flags.multiline {
                    Assertion::LineEnd
                } else {
                    Assertion::LastLineEnd
                })),
                Token::Plain('(') => self.group(position, flags, is_first, &mut items)?,
                Token::Plain(quantifier @ ('*' | '+' | '?' | '{')) => {
                    self.repeat(quantifier, position, *flags, &mut items)?;
                }
                Token::Plain(character) => Self::literal(u32::from(character), *flags, &mut items),
            }
        }
        Ok(items)
    }

    /// White space, and a comment to the end of its line.
    fn skips(&mut self, token: Token) -> bool {
        match token {
            Token::Plain(' ' | '\t' | '\n' | '\r' | '\x0B' | '\x0C') => true,
            Token::Plain('#') => {
                while let Some(token) = self.source.next() {
                    if token.is('\n') {
                        break;
                    }
                }
                true
            }
            _ => false,
        }
    }

    fn literal(code: u32, flags: Flags, items: &mut Items) {
        let Some(character) = char::from_u32(code) else {
            return items.push(Node::Chars(Set::empty()));
        };
        match flags.case() {
            None => items.push(Node::Chars(chars::one(character))),
            Some(case) => {
                items.push(Node::Chars(case.literal(character)));
                if code > 0xFFFF && character.is_uppercase() {
                    items.last = Last::LetterBeyond;
                }
            }
        }
    }
}
