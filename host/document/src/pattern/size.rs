//! Estimates the size of a compiled pattern from its syntax tree, before it is compiled. It is counted in
//! parts: what is repeated counts as often as it may be repeated, and a class as often as it has ranges. In
//! each of the engines, each part takes some 0.3 µs to compile, and 90 bytes (measured; at the worst twice the
//! time and five times the bytes).

use super::tree::{Assertion, PatternNode};

/// Parts that every pattern has, however short it is: some 50 µs.
const PARTS_MIN: u64 = 128;

/// The size of a pattern, in parts. Saturates.
pub(super) fn size(pattern: &PatternNode) -> u64 {
    parts(pattern).saturating_add(PARTS_MIN)
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
            // A look-behind and a look-ahead, for both directions.
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
    use super::{PARTS_MIN, size};

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
            assert_eq!(size(&tree), expected + PARTS_MIN, "{pattern}");
        }
        let deep = (0..20).fold("a".to_owned(), |inner, _| format!("(?:{inner}){{9999}}"));
        assert_eq!(size(&parse(&deep, PythonVersion::Three).unwrap()), u64::MAX);
    }
}
