//! Sets of characters: what `\d`, `\s` and `\w` are in each dialect. Properties of Unicode are those of the
//! engines' tables.

use std::sync::OnceLock;

pub(super) use regex_syntax::hir::ClassUnicode as CharSet;
use regex_syntax::hir::{ClassUnicodeRange, HirKind};

/// A member of a class in brackets, or what an escape stands for: a code point, which may be a surrogate, or a
/// set.
pub(super) enum ClassAtom {
    Code(u32),
    Class(CharSet),
}

pub(super) fn from_ranges(ranges: &[(char, char)]) -> CharSet {
    CharSet::new(
        ranges
            .iter()
            .map(|(first, last)| ClassUnicodeRange::new(*first, *last)),
    )
}

pub(super) fn one(character: char) -> CharSet {
    from_ranges(&[(character, character)])
}

pub(super) fn all() -> CharSet {
    from_ranges(&[('\0', char::MAX)])
}

/// A code point as a set: a surrogate is in no text, so its set is empty.
pub(super) fn code_point(code: u32) -> CharSet {
    char::from_u32(code).map_or_else(CharSet::empty, one)
}

/// All characters from one code point to another; surrogates are in no text.
pub(super) fn range(first: u32, last: u32) -> CharSet {
    const BELOW: u32 = 0xD7FF;
    const ABOVE: u32 = 0xE000;
    let mut set = CharSet::empty();
    for (low, high) in [(first, last.min(BELOW)), (first.max(ABOVE), last)] {
        if let (true, Some(low), Some(high)) =
            (low <= high, char::from_u32(low), char::from_u32(high))
        {
            set.push(ClassUnicodeRange::new(low, high));
        }
    }
    set
}

pub(super) fn negated(mut set: CharSet) -> CharSet {
    set.negate();
    set
}

pub(super) fn contains(set: &CharSet, character: char) -> bool {
    let ranges = set.ranges();
    let after = ranges.partition_point(|range| range.end() < character);
    ranges
        .get(after)
        .is_some_and(|range| range.start() <= character)
}

pub(super) fn ascii_digits() -> CharSet {
    from_ranges(&[('0', '9')])
}

pub(super) fn ascii_word_characters() -> CharSet {
    from_ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')])
}

/// Python's white space within ASCII.
pub(super) fn ascii_spaces() -> CharSet {
    from_ranges(&[('\t', '\r'), (' ', ' ')])
}

/// `str.isdecimal`: the general category Nd.
pub(super) fn digits() -> CharSet {
    static DIGITS: OnceLock<CharSet> = OnceLock::new();
    DIGITS.get_or_init(|| property(r"\p{Nd}")).clone()
}

/// `str.isalnum` and `_`: the general categories L and N.
pub(super) fn word_characters() -> CharSet {
    static WORDS: OnceLock<CharSet> = OnceLock::new();
    WORDS.get_or_init(|| property(r"[\p{L}\p{N}_]")).clone()
}

/// `str.isspace`.
pub(super) fn spaces() -> CharSet {
    from_ranges(&[
        ('\t', '\r'),
        ('\u{1C}', ' '),
        ('\u{85}', '\u{85}'),
        ('\u{A0}', '\u{A0}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{2000}', '\u{200A}'),
        ('\u{2028}', '\u{2029}'),
        ('\u{202F}', '\u{202F}'),
        ('\u{205F}', '\u{205F}'),
        ('\u{3000}', '\u{3000}'),
    ])
}

/// ECMA-262's WhiteSpace and LineTerminator.
pub(super) fn ecma_spaces() -> CharSet {
    from_ranges(&[
        ('\t', '\r'),
        (' ', ' '),
        ('\u{A0}', '\u{A0}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{2000}', '\u{200A}'),
        ('\u{2028}', '\u{2029}'),
        ('\u{202F}', '\u{202F}'),
        ('\u{205F}', '\u{205F}'),
        ('\u{3000}', '\u{3000}'),
        ('\u{FEFF}', '\u{FEFF}'),
    ])
}

/// The set of a class in the engines' notation; empty if they know no such class.
fn property(notation: &str) -> CharSet {
    find_property(notation).unwrap_or_else(CharSet::empty)
}

/// The set of a class in the engines' notation.
pub(super) fn find_property(notation: &str) -> Option<CharSet> {
    let hir = regex_syntax::parse(notation).ok()?;
    match hir.into_kind() {
        HirKind::Class(regex_syntax::hir::Class::Unicode(set)) => Some(set),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            let mut characters = text.chars();
            characters
                .next()
                .filter(|_| characters.next().is_none())
                .map(one)
        }
        _ => None,
    }
}
