//! What a pattern says, in words that no dialect changes: flags, classes and the ignoring of case are
//! resolved to sets of characters, and each assertion has one meaning.

use regex_syntax::hir::ClassUnicode as CharSet;

#[derive(Clone, Debug)]
pub(super) enum PatternNode {
    /// One character out of a set.
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
    /// A group that captures, by its number from 1.
    Group(usize, Box<PatternNode>),
    LookAround {
        is_ahead: bool,
        is_negative: bool,
        node: Box<PatternNode>,
    },
    Atomic(Box<PatternNode>),
    /// The text of a group; of one that has none, nothing matches.
    Reference(usize),
    /// The text of a group; one that has none is empty.
    ReferenceOrEmpty(usize),
    Conditional {
        group: usize,
        yes: Box<PatternNode>,
        no: Box<PatternNode>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greed {
    Greedy,
    Lazy,
    Possessive,
}

#[derive(Clone, Debug)]
pub(super) enum Assertion {
    TextStart,
    TextEnd,
    /// The end, or before a line feed that is the last character.
    LastLineEnd,
    LineStart,
    LineEnd,
    /// Between one of the set and none of it.
    Boundary(CharSet),
    NoBoundary(CharSet),
    /// As `NoBoundary`, but never in an empty text.
    NoBoundaryOfSome(CharSet),
}

impl PatternNode {
    pub fn empty() -> Self {
        Self::Concat(Vec::new())
    }

    /// Without a list of one.
    pub fn concat(mut nodes: Vec<PatternNode>) -> Self {
        match nodes.len() {
            1 => nodes.swap_remove(0),
            _ => Self::Concat(nodes),
        }
    }

    pub fn alternatives(mut nodes: Vec<PatternNode>) -> Self {
        match nodes.len() {
            1 => nodes.swap_remove(0),
            _ => Self::Alternatives(nodes),
        }
    }

    /// Characters that it matches, fewest and most (`None`: any number). A group's is looked up in
    /// `groups`, by its number minus one.
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

    /// Calls `look` for it and for each node in it.
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
