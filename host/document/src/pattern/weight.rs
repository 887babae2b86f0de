//! How large a pattern is to match: the places in it at which a match may stand at once. A text takes its
//! length times that at the worst, however linear the engine is in the text.

use regex_syntax::hir::{Hir, HirKind};

/// Of a pattern in the engines' notation. One with look-around or back-references is bounded otherwise,
/// and counts by its length.
pub(crate) fn weight(text: &str) -> u64 {
    let parsed = regex_syntax::parse(text);
    parsed.map_or(text.len() as u64, |pattern| places(&pattern))
}

/// Recursion is as deep as groups are nested, which the parser bounds.
fn places(pattern: &Hir) -> u64 {
    let sum = |parts: &[Hir]| {
        let parts = parts.iter().map(places);
        parts.fold(0, u64::saturating_add)
    };
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(_) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1));
            places(&repetition.sub).saturating_mul(u64::from(times.max(1)))
        }
        HirKind::Capture(capture) => places(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn repetitions_multiply_and_all_else_adds_up() {
        for (pattern, expected) in [
            ("", 1),
            ("abc", 3),
            (r"\w", 1),
            (r"^\w{1,255}$", 257),
            ("(?:a{10}b{0,5}){100}", 1500),
            ("a*|[bc]+|d?", 4),
            ("(?:[ab]{1000}){1000}", 1_000_000),
            (r"(?=a)b", 6),
        ] {
            assert_eq!(weight(pattern), expected, "{pattern}");
        }
    }
}
