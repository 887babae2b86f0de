//! Writes a syntax tree as text for the engines: for `regex`, which is linear, if it can express the pattern,
//! else for `fancy-regex`, which backtracks. The text means the same to both, and the translation of patterns
//! in jsonschema does not change it.

use std::fmt::Write as _;

use super::chars::{CharSet, ascii_word_characters, contains, negated};
use super::tree::{Assertion, Greed, PatternNode};

/// A pattern in the notation of the engines.
pub(super) struct WrittenPattern {
    pub text: String,
    pub is_linear: bool,
}

/// Writes a pattern. `None` if the text would have more than `bytes_max` bytes.
pub(super) fn write(tree: &PatternNode, bytes_max: usize) -> Option<WrittenPattern> {
    let mut referred = Vec::new();
    tree.each(&mut |node| match node {
        PatternNode::Reference(group) | PatternNode::ReferenceOrEmpty(group) => {
            referred.push(*group)
        }
        PatternNode::Conditional { group, .. } => referred.push(*group),
        _ => {}
    });
    referred.sort_unstable();
    referred.dedup();
    let is_linear = referred.is_empty() && is_linear(tree, true);
    let mut writer = PatternWriter {
        text: String::new(),
        bytes_max,
        is_linear,
        numbers: numbers(tree, &referred),
    };
    if !is_linear {
        // jsonschema translates a pattern only as far as it can parse it, and it cannot parse this.
        writer.push("(?=)");
        writer.grouped("(?:", tree);
    } else {
        writer.alternatives(tree);
    }
    (writer.text.len() <= bytes_max).then_some(WrittenPattern {
        text: writer.text,
        is_linear,
    })
}

/// The groups that capture, in their order: only those to which something refers, for capturing costs time.
fn numbers(tree: &PatternNode, referred: &[usize]) -> Vec<usize> {
    let mut numbers = Vec::new();
    tree.each(&mut |node| {
        if let PatternNode::Group(number, _) = node
            && referred.binary_search(number).is_ok()
        {
            numbers.push(*number);
        }
    });
    numbers
}

/// Whether `regex` can express it. `is_last`: nothing can follow it in a match.
fn is_linear(node: &PatternNode, is_last: bool) -> bool {
    match node {
        PatternNode::Chars(_) => true,
        PatternNode::Assert(assertion) => match assertion {
            Assertion::TextStart
            | Assertion::TextEnd
            | Assertion::LineStart
            | Assertion::LineEnd => true,
            // It is expressed by matching the line feed, which is then missing for what follows.
            Assertion::LastLineEnd => is_last,
            Assertion::Boundary(word) => *word == ascii_word_characters(),
            Assertion::NoBoundary(_) | Assertion::NoBoundaryOfSome(_) => false,
        },
        PatternNode::Concat(nodes) => nodes
            .iter()
            .enumerate()
            .all(|(index, node)| is_linear(node, is_last && index + 1 == nodes.len())),
        PatternNode::Alternatives(nodes) => nodes.iter().all(|node| is_linear(node, is_last)),
        PatternNode::Repeat {
            node, max, greed, ..
        } => *greed != Greed::Possessive && is_linear(node, is_last && *max == Some(1)),
        PatternNode::Group(_, node) => is_linear(node, is_last),
        PatternNode::LookAround { .. }
        | PatternNode::Atomic(_)
        | PatternNode::Reference(_)
        | PatternNode::ReferenceOrEmpty(_)
        | PatternNode::Conditional { .. } => false,
    }
}

struct PatternWriter {
    text: String,
    bytes_max: usize,
    is_linear: bool,
    /// The groups that capture.
    numbers: Vec<usize>,
}

impl PatternWriter {
    fn push(&mut self, text: &str) {
        // A text that is too long already is not made longer.
        if self.text.len() <= self.bytes_max {
            self.text.push_str(text);
        }
    }

    /// Writes a node where alternatives need no group around them.
    fn alternatives(&mut self, node: &PatternNode) {
        let PatternNode::Alternatives(nodes) = node else {
            return self.sequence(node);
        };
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                self.push("|");
            }
            self.sequence(node);
        }
    }

    /// Writes a node where a sequence needs no group around it.
    fn sequence(&mut self, node: &PatternNode) {
        match node {
            PatternNode::Concat(nodes) => nodes.iter().for_each(|node| self.sequence(node)),
            node => self.item(node),
        }
    }

    fn grouped(&mut self, open: &str, node: &PatternNode) {
        self.push(open);
        self.alternatives(node);
        self.push(")");
    }

    /// Writes a node that stands beside others.
    fn item(&mut self, node: &PatternNode) {
        match node {
            PatternNode::Chars(set) => self.chars(set),
            PatternNode::Assert(assertion) => self.assertion(assertion),
            PatternNode::Concat(_) | PatternNode::Alternatives(_) => self.grouped("(?:", node),
            PatternNode::Repeat {
                node,
                min,
                max,
                greed,
            } => self.repeat(node, *min, *max, *greed),
            PatternNode::Group(number, node) if !self.numbers.contains(number) => {
                self.grouped("(?:", node);
            }
            // An empty group is captured before it. A reference to that group matches, with no text, exactly if
            // this group has matched.
            PatternNode::Group(_, node) => {
                self.push("(?:()");
                self.grouped("(", node);
                self.push(")");
            }
            PatternNode::LookAround {
                is_ahead,
                is_negative,
                node,
            } => {
                let open = match (is_ahead, is_negative) {
                    (true, false) => "(?=",
                    (true, true) => "(?!",
                    (false, false) => "(?<=",
                    (false, true) => "(?<!",
                };
                self.grouped(open, node);
            }
            PatternNode::Atomic(node) => self.grouped("(?>", node),
            PatternNode::Reference(group) => {
                let number = self.number(*group);
                self.push(&format!("(?:\\{number})"));
            }
            PatternNode::ReferenceOrEmpty(group) => {
                let number = self.number(*group);
                let asks = number - 1;
                self.push(&format!("(?:\\{number}|(?!\\{asks}))"));
            }
            PatternNode::Conditional { group, yes, no } => {
                let asks = self.number(*group) - 1;
                self.push(&format!("(?:(?:\\{asks})"));
                self.grouped("(?:", yes);
                self.push(&format!("|(?!\\{asks})"));
                self.grouped("(?:", no);
                self.push(")");
            }
        }
    }

    /// The number of a group in the written text, in which each group has two.
    fn number(&self, group: usize) -> usize {
        let place = self.numbers.iter().position(|number| *number == group);
        place.map_or(2, |place| 2 * place + 2)
    }

    fn repeat(&mut self, node: &PatternNode, min: u32, max: Option<u32>, greed: Greed) {
        if max == Some(0) && !self.captures(node) {
            return;
        }
        if node.width(&[]).1 == Some(0) {
            // To match no text once is the same as many times, and `fancy-regex` repeats no look-around.
            match (min, max, greed) {
                (_, Some(0), _) => {}
                (0, _, Greed::Lazy) => self.push("(?:|"),
                (0, ..) => self.push("(?:"),
                _ => return self.grouped("(?:", node),
            }
            if max != Some(0) {
                self.alternatives(node);
                self.push(if greed == Greed::Lazy { ")" } else { "|)" });
            }
            return;
        }
        let is_possessive = greed == Greed::Possessive;
        if is_possessive {
            self.push("(?>");
        }
        match node {
            PatternNode::Chars(_) => self.item(node),
            node => self.grouped("(?:", node),
        }
        let count = match (min, max) {
            (0, None) => "*".to_owned(),
            (1, None) => "+".to_owned(),
            (0, Some(1)) => "?".to_owned(),
            (min, None) => format!("{{{min},}}"),
            (min, Some(max)) if min == max => format!("{{{min}}}"),
            (min, Some(max)) => format!("{{{min},{max}}}"),
        };
        self.push(&count);
        match greed {
            Greed::Greedy => {}
            Greed::Lazy => self.push("?"),
            Greed::Possessive => self.push(")"),
        }
    }

    /// Whether a group in it captures.
    fn captures(&self, node: &PatternNode) -> bool {
        let mut captures = false;
        node.each(&mut |node| {
            captures |=
                matches!(node, PatternNode::Group(number, _) if self.numbers.contains(number));
        });
        captures
    }

    fn assertion(&mut self, assertion: &Assertion) {
        match assertion {
            Assertion::TextStart => self.push("^"),
            Assertion::TextEnd => self.push("$"),
            Assertion::LastLineEnd if self.is_linear => self.push("\\x{A}?$"),
            Assertion::LastLineEnd => self.push("(?=\\x{A}?$)"),
            Assertion::LineStart => self.push("(?m:^)"),
            Assertion::LineEnd => self.push("(?m:$)"),
            Assertion::Boundary(_) if self.is_linear => self.push("(?-u:\\b)"),
            Assertion::Boundary(word) => self.boundary(word, ["(?<=", "(?!", "(?<!", "(?="]),
            Assertion::NoBoundary(word) => self.boundary(word, ["(?<=", "(?=", "(?<!", "(?!"]),
            Assertion::NoBoundaryOfSome(word) => {
                self.push("(?!^$)");
                self.boundary(word, ["(?<=", "(?=", "(?<!", "(?!"]);
            }
        }
    }

    /// A word boundary: the first two look-arounds both hold, or the last two.
    fn boundary(&mut self, word: &CharSet, looks: [&str; 4]) {
        self.push("(?:");
        for (index, look) in looks.into_iter().enumerate() {
            if index == 2 {
                self.push("|");
            }
            self.push(look);
            self.chars(word);
            self.push(")");
        }
        self.push(")");
    }

    fn chars(&mut self, set: &CharSet) {
        let ranges = set.ranges();
        if let [range] = ranges
            && range.start() == range.end()
        {
            let character = range.start();
            let plain = if character.is_ascii_alphanumeric() || "_-/".contains(character) {
                character.to_string()
            } else if "$.".contains(character) {
                format!("\\{character}")
            } else {
                format!("\\x{{{:X}}}", u32::from(character))
            };
            return self.push(&plain);
        }
        // The shorter one of the set and its complement.
        let others = negated(set.clone());
        let (open, ranges) = if others.ranges().len() < ranges.len() || contains(set, char::MAX) {
            ("[^", others.ranges())
        } else {
            ("[", ranges)
        };
        if ranges.is_empty() {
            // The engines have no empty class.
            let all = if open == "[" { "[^" } else { "[" };
            self.push(all);
            self.push("\\x{0}-\\x{10FFFF}]");
            return;
        }
        let mut text = open.to_owned();
        for range in ranges {
            let [first, last] = [range.start(), range.end()].map(|bound| {
                if bound.is_ascii_alphanumeric() {
                    bound.to_string()
                } else {
                    format!("\\x{{{:X}}}", u32::from(bound))
                }
            });
            // Writing to a string cannot fail.
            let _ = if first == last {
                write!(text, "{first}")
            } else {
                write!(text, "{first}-{last}")
            };
        }
        text.push(']');
        self.push(&text);
    }
}
