//! Parses patterns of Python's `re`: a port of CPython's own parser (`re/_parser.py` of 3.11, and
//! `sre_parse.py` of 2.7). So a pattern is accepted exactly if CPython accepts it, except for a few things
//! that are not supported here.

mod escapes;
mod flags;
mod groups;
mod repeats;
mod set;
mod tokenizer;

use std::collections::HashMap;

use super::chars::{self, CharSet};
use super::error::{PatternError, at};
use super::tree::{Assertion, Greed, PatternNode};
use flags::Flags;
use tokenizer::{Token, Tokenizer};

/// Levels of nested groups. The engines have limits of their own near it.
const GROUPS_DEPTH_MAX: usize = 50;

/// Which version of Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PythonVersion {
    Two,
    Three,
}

/// Parses a pattern.
pub(super) fn parse(pattern: &str, version: PythonVersion) -> Result<PatternNode, PatternError> {
    let first = PythonParser::new(pattern, version, Flags::of(version)).parse()?;
    if version == PythonVersion::Three || first.flags == Flags::of(version) {
        return Ok(first.tree);
    }
    // In Python 2 flags apply to the whole pattern, wherever they stand, so it is parsed once more with them.
    Ok(PythonParser::new(pattern, version, first.flags)
        .parse()?
        .tree)
}

struct ParsedPattern {
    tree: PatternNode,
    flags: Flags,
}

struct PythonParser {
    tokens: Tokenizer,
    version: PythonVersion,
    /// The flags of the whole pattern.
    flags: Flags,
    /// `a` or `u`, if one of these flags is given for the whole pattern.
    type_flag: Option<char>,
    names: HashMap<String, usize>,
    /// For each group, whether it is closed.
    closed: Vec<bool>,
    /// For each group, how many characters it matches: at least, and at most (`None`: any number).
    widths: Vec<(u64, Option<u64>)>,
    /// How many groups there were before the current look-behind.
    groups_before_look_behind: Option<usize>,
    /// Conditions on a group: its number, and the position in the pattern.
    conditions: Vec<(usize, usize)>,
    /// References and conditions: the group's number, and the position in the pattern.
    references: Vec<(usize, usize)>,
    depth: usize,
}

/// The part of a sequence that was read.
#[derive(Default)]
struct Sequence {
    nodes: Vec<PatternNode>,
    last: LastItem,
}

/// The last item of a sequence, which a quantifier would repeat.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum LastItem {
    #[default]
    Nothing,
    Assertion,
    Repeat,
    /// A capital letter beyond U+FFFF where case is ignored.
    CapitalBeyondBmp,
    Other,
}

impl Sequence {
    fn push(&mut self, node: PatternNode) {
        self.last = match node {
            PatternNode::Assert(_) => LastItem::Assertion,
            _ => LastItem::Other,
        };
        self.nodes.push(node);
    }
}

impl PythonParser {
    fn new(pattern: &str, version: PythonVersion, flags: Flags) -> Self {
        Self {
            tokens: Tokenizer::new(pattern),
            version,
            flags,
            type_flag: None,
            names: HashMap::new(),
            closed: Vec::new(),
            widths: Vec::new(),
            groups_before_look_behind: None,
            conditions: Vec::new(),
            references: Vec::new(),
            depth: 0,
        }
    }

    fn parse(mut self) -> Result<ParsedPattern, PatternError> {
        self.tokens.check_end()?;
        let tree = self.alternatives(self.flags, true)?;
        if self.tokens.peek().is_some() {
            return at(self.tokens.position(), "this `)` closes no group");
        }
        for (group, position) in &self.conditions {
            if *group > self.closed.len() {
                return at(*position, format!("there is no group {group}"));
            }
        }
        self.check_empty_repeats(&tree)?;
        Ok(ParsedPattern {
            tree,
            flags: self.flags,
        })
    }

    /// Refuses references to a group in a repetition that may match no text: versions of Python differ in what
    /// the group has matched then.
    fn check_empty_repeats(&self, tree: &PatternNode) -> Result<(), PatternError> {
        let mut unclear = Vec::new();
        tree.each(&mut |node| {
            if let PatternNode::Repeat {
                node, max, greed, ..
            } = node
                && (*max != Some(1) || *greed == Greed::Possessive)
                && node.width(&self.widths).0 == 0
            {
                node.each(&mut |node| {
                    if let PatternNode::Group(number, _) = node {
                        unclear.push(*number);
                    }
                });
            }
        });
        for (number, position) in &self.references {
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

    fn alternatives(
        &mut self,
        mut flags: Flags,
        is_top: bool,
    ) -> Result<PatternNode, PatternError> {
        if self.depth > GROUPS_DEPTH_MAX {
            return at(
                self.tokens.position(),
                format!("groups are nested more than {GROUPS_DEPTH_MAX} deep"),
            );
        }
        self.depth += 1;
        let begins = self.tokens.position();
        let mut branches = Vec::new();
        let mut has_capital_beyond_bmp = false;
        loop {
            let items = self.sequence(&mut flags, is_top && branches.is_empty())?;
            has_capital_beyond_bmp |= items.last == LastItem::CapitalBeyondBmp;
            branches.push(PatternNode::concat(items.nodes));
            if !self.tokens.take('|') {
                break;
            }
        }
        if has_capital_beyond_bmp && branches.len() > 1 {
            return at(
                begins,
                "a capital letter beyond U+FFFF ends an alternative where case is ignored, and Python takes \
                 it in more than one way: write the small letter",
            );
        }
        self.depth -= 1;
        Ok(PatternNode::alternatives(branches))
    }

    /// Reads a sequence up to `|`, `)` or the end. `is_first`: flags for the whole pattern may stand at its
    /// beginning.
    fn sequence(&mut self, flags: &mut Flags, is_first: bool) -> Result<Sequence, PatternError> {
        let mut items = Sequence::default();
        while let Some(token) = self.tokens.peek() {
            if token.is('|') || token.is(')') {
                break;
            }
            let position = self.tokens.position();
            self.tokens.next();
            if flags.verbose && self.skips(token) {
                continue;
            }
            match token {
                Token::Escape(escaped) => self.escape(escaped, position, *flags, &mut items)?,
                Token::Plain('[') => items.push(PatternNode::Chars(self.set(position, *flags)?)),
                Token::Plain('.') => items.push(PatternNode::Chars(if flags.dot_all {
                    chars::all()
                } else {
                    chars::negated(chars::one('\n'))
                })),
                Token::Plain('^') => items.push(PatternNode::Assert(if flags.multiline {
                    Assertion::LineStart
                } else {
                    Assertion::TextStart
                })),
                Token::Plain('$') => items.push(PatternNode::Assert(if flags.multiline {
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

    /// With the flag `x`: whether the token is white space or begins a comment, which is skipped to the end of
    /// its line.
    fn skips(&mut self, token: Token) -> bool {
        match token {
            Token::Plain(' ' | '\t' | '\n' | '\r' | '\x0B' | '\x0C') => true,
            Token::Plain('#') => {
                while let Some(token) = self.tokens.next() {
                    if token.is('\n') {
                        break;
                    }
                }
                true
            }
            _ => false,
        }
    }

    fn literal(code: u32, flags: Flags, items: &mut Sequence) {
        let Some(character) = char::from_u32(code) else {
            return items.push(PatternNode::Chars(CharSet::empty()));
        };
        match flags.case() {
            None => items.push(PatternNode::Chars(chars::one(character))),
            Some(case) => {
                items.push(PatternNode::Chars(case.literal(character)));
                if code > 0xFFFF && character.is_uppercase() {
                    items.last = LastItem::CapitalBeyondBmp;
                }
            }
        }
    }
}
