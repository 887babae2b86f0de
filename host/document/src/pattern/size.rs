//! How large a pattern is once it is compiled, told from its tree before anybody compiles it: what is repeated
//! is there as often as it may be repeated, and a class as often as it has ranges. Compiling takes some
//! 0.3 µs and 90 bytes for each part (measured; twice and five times that at the worst), in each of the engines.

use super::tree::{Assertion, PatternNode};

/// What a pattern takes however short it is, in parts: some 50 µs.
const ANY: u64 = 128;

/// Saturates.
pub(super) fn size(pattern: &PatternNode) -> u64 {
    parts(pattern).saturating_add(ANY)
}

/// Recursion is as deep as groups are nested, which the parser bounds.
fn parts(node: &PatternNode) -> u64 {
    let sum = |nodes: &[PatternNode]| nodes.iter().map(parts).fold(1, u64::saturating_add);
    match node {
        PatternNode::Chars(set) => 1 + set.ranges().len() as u64,
        PatternNode::Assert(
            Assertion::Boundary(set)
            | Assertion::NoBoundary(set)
            | Assertion::NoBoundaryOfSome(set),
        ) => {
            // A look behind and one ahead, both ways.
            4 * (1 + set.ranges().len() as u64)
        }
        PatternNode::Assert(_) | PatternNode::Reference(_) | PatternNode::ReferenceOrEmpty(_) => 1,
        PatternNode::Concat(nodes) | PatternNode::Alternatives(nodes) => sum(nodes),
        PatternNode::Repeat { node, min, max, .. } => {
            let times = u64::from(max.unwrap_or(min.saturating_add(1)).max(1));
            parts(node).saturating_add(1).saturating_mul(times)
        }
        PatternNode::Group(_, node)
        | PatternNode::LookAround { node, .. }
        | PatternNode::Atomic(node) => parts(node).saturating_add(1),
        PatternNode::Conditional { yes, no, .. } => parts(yes).saturating_add(parts(no)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::python::{PythonVersion, parse};
    use super::{ANY, size};

    #[test]
    fn repetitions_multiply_classes_count_by_their_ranges_and_nothing_overflows() {
        let words = super::super::chars::word_characters().ranges().len() as u64;
        assert!(words > 700, "letters and digits of all scripts");
        for (pattern, expected) in [
            ("", 1),
            ("abc", 7),
            (r"\w", words + 1),
            (r"\w{1,255}", 255 * (words + 2)),
            ("(?:[a-z]{1,10}){3}", 3 * (10 * 3 + 1)),
            ("a*", 3),
            ("(?=a)b", 6),
        ] {
            let tree = parse(pattern, PythonVersion::Three).unwrap();
            assert_eq!(size(&tree), expected + ANY, "{pattern}");
        }
        let deep = (0..20).fold("a".to_owned(), |inner, _| format!("(?:{inner}){{9999}}"));
        assert_eq!(size(&parse(&deep, PythonVersion::Three).unwrap()), u64::MAX);
    }
}
