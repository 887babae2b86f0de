//! The syntax tree of a pattern, the same for all dialects: flags, classes and the ignoring of case are
//! resolved to sets of characters, and each assertion has one meaning.

use regex_syntax::hir::ClassUnicode as CharSet;

/// A node of the tree.
#[derive(Clone, Debug)]
pub(super) enum PatternNode {
    /// One character of a set.
    Chars(CharSet),
    Assert(Assertion),
    Concat(Vec<PatternNode>),
    Alternatives(Vec<PatternNode>),
    Repeat {
        node: Box<PatternNode>,
        min: u32,
        max: Option<u32>,
        greed: Greed,
    },
    /// A capturing group with its number, from 1 on.
    Group(usize, Box<PatternNode>),
    LookAround {
        is_ahead: bool,
        is_negative: bool,
        node: Box<PatternNode>,
    },
    Atomic(Box<PatternNode>),
    /// A back-reference; if the group has matched nothing yet, it does not match.
    Reference(usize),
    /// A back-reference; if the group has matched nothing yet, it matches the empty text.
    ReferenceOrEmpty(usize),
    /// `yes` if the group has matched, else `no`.
    Conditional {
        group: usize,
        yes: Box<PatternNode>,
        no: Box<PatternNode>,
    },
}

/// How much a repetition matches if it has a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greed {
    Greedy,
    Lazy,
    Possessive,
}

/// A condition on a position in the text.
#[derive(Clone, Debug)]
pub(super) enum Assertion {
    TextStart,
    TextEnd,
    /// The end of the text, or before a line feed that is its last character.
    LastLineEnd,
    LineStart,
    LineEnd,
    /// Between a character of the set and another one or an end of the text.
    Boundary(CharSet),
    NoBoundary(CharSet),
    /// As `NoBoundary`, but false in an empty text.
    NoBoundaryOfSome(CharSet),
}

impl PatternNode {
    pub fn empty() -> Self {
        Self::Concat(Vec::new())
    }

    /// The nodes one after the other; a single node is returned as it is.
    pub fn concat(mut nodes: Vec<PatternNode>) -> Self {
        match nodes.len() {
            1 => nodes.swap_remove(0),
            _ => Self::Concat(nodes),
        }
    }

    /// One of the nodes; a single node is returned as it is.
    pub fn alternatives(mut nodes: Vec<PatternNode>) -> Self {
        match nodes.len() {
            1 => nodes.swap_remove(0),
            _ => Self::Alternatives(nodes),
        }
    }

    /// How many characters it matches: at least, and at most (`None`: any number). `groups` has the widths of
    /// the groups to which it may refer, by number minus one.
    pub fn width(&self, groups: &[(u64, Option<u64>)]) -> (u64, Option<u64>) {
        match self {
            Self::Chars(_) => (1, Some(1)),
            Self::Assert(_) | Self::LookAround { .. } => (0, Some(0)),
            Self::Concat(nodes) => nodes.iter().fold((0, Some(0)), |(low, high), node| {
                let (more, most) = node.width(groups);
                let high: Option<u64> = high;
                (
                    more.saturating_add(low),
                    high.zip(most).map(|(high, most)| high.saturating_add(most)),
                )
            }),
            Self::Alternatives(nodes) => widest(nodes.iter().map(|node| node.width(groups))),
            Self::Repeat { node, min, max, .. } => {
                let (low, high) = node.width(groups);
                if high == Some(0) || *max == Some(0) {
                    return (0, Some(0));
                }
                (
                    low.saturating_mul(u64::from(*min)),
                    high.zip(*max)
                        .map(|(high, max)| high.saturating_mul(u64::from(max))),
                )
            }
            Self::Group(_, node) | Self::Atomic(node) => node.width(groups),
            Self::Reference(group) | Self::ReferenceOrEmpty(group) => {
                groups.get(group - 1).copied().unwrap_or((0, None))
            }
            Self::Conditional { yes, no, .. } => {
                widest([yes.width(groups), no.width(groups)].into_iter())
            }
        }
    }

    /// Calls `look` for the node and for each node in it.
    pub fn each(&self, look: &mut impl FnMut(&PatternNode)) {
        look(self);
        match self {
            Self::Chars(_) | Self::Assert(_) | Self::Reference(_) | Self::ReferenceOrEmpty(_) => {}
            Self::Concat(nodes) | Self::Alternatives(nodes) => {
                nodes.iter().for_each(|node| node.each(look));
            }
            Self::Repeat { node, .. }
            | Self::Group(_, node)
            | Self::LookAround { node, .. }
            | Self::Atomic(node) => node.each(look),
            Self::Conditional { yes, no, .. } => {
                yes.each(look);
                no.each(look);
            }
        }
    }
}

fn widest(widths: impl Iterator<Item = (u64, Option<u64>)>) -> (u64, Option<u64>) {
    widths
        .reduce(|(low, high), (other_low, other_high)| {
            (
                low.min(other_low),
                high.zip(other_high).map(|(high, other)| high.max(other)),
            )
        })
        .unwrap_or((0, Some(0)))
}
