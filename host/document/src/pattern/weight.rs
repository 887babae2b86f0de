//! The weight of a pattern: how much work it is to match it. It is the number of places (states of the
//! automaton) at which a match may stand at the same time: at the worst, a text takes its length times that,
//! although the engine is linear in the text.

use regex_syntax::hir::{Hir, HirKind, Look};

/// The weight of each place, in a pattern of which many places may be held at the same time. A byte of a text
/// then takes some 5 ns for each place, and 27 ns if there are too many for the processor's cache (measured). A
/// pattern that is held at one place at a time takes much less.
const AT_SOME: u64 = 1 << 4;
const AT_MANY: u64 = 1 << 7;

/// With more places than these, each has the weight `AT_MANY`.
const SOME_MAX: u64 = 1 << 8;

/// The weight of a pattern in the engines' notation. A pattern with look-around or back-references has other
/// limits, and weighs its length.
pub(crate) fn weight(text: &str) -> u64 {
    let parsed = regex_syntax::parse(text);
    parsed.map_or(text.len() as u64, |pattern| {
        let places = places(&pattern);
        let times = match places {
            _ if is_at_one_place(&pattern) => 1,
            ..=SOME_MAX => AT_SOME,
            _ => AT_MANY,
        };
        places.saturating_mul(times)
    })
}

/// Whether a match stands at no more than a few places at the same time: the pattern is anchored at the
/// beginning of the text, and has at most one repetition or alternative.
fn is_at_one_place(pattern: &Hir) -> bool {
    let HirKind::Concat(parts) = pattern.kind() else {
        return false;
    };
    matches!(
        parts.first().map(Hir::kind),
        Some(HirKind::Look(Look::Start))
    ) && parts.iter().map(choices).sum::<u64>() <= 1
}

/// How many repetitions and alternatives a pattern has; `?` counts as neither.
fn choices(pattern: &Hir) -> u64 {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => 0,
        HirKind::Repetition(repetition) => {
            u64::from(repetition.max != Some(1)) + choices(&repetition.sub)
        }
        HirKind::Capture(capture) => choices(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(choices).sum(),
        HirKind::Alternation(parts) => 1 + parts.iter().map(choices).sum::<u64>(),
    }
}

/// How many places a pattern has. Recursion is as deep as groups are nested, which the parser bounds.
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
    use super::{AT_MANY, AT_SOME, weight};

    #[test]
    fn repetitions_multiply_and_all_else_adds_up() {
        for (pattern, expected) in [
            ("", AT_SOME),
            ("^abc", 4),
            ("abc", 3 * AT_SOME),
            (r"\w", AT_SOME),
            ("a.{200}!", 202 * AT_SOME),
            ("a.{254}!", 256 * AT_SOME),
            ("a.{255}!", 257 * AT_MANY),
            (r"^\w{1,255}$", 257),
            ("(?:a{10}b{0,5}){100}", 1500 * AT_MANY),
            ("^[a-z]{1,65535}$", 65_537),
            ("^(?:[a-z]{1,65535})(?:\\n)?$", 65_538),
            ("[a-z]{1,65535}$", 65_536 * AT_MANY),
            ("^(?:a|b{2}){1,999}$", 2_999 * AT_MANY),
            ("(?:.{0,999}.{0,999}.{0,999})!$", 2_999 * AT_MANY),
            ("a*|[bc]+|d?", 4 * AT_SOME),
            ("(?:[ab]{1000}){1000}", 1_000_000 * AT_MANY),
            (r"(?=a)b", 6),
        ] {
            assert_eq!(weight(pattern), expected, "{pattern}");
        }
    }
}
