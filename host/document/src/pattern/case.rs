//! Ignores case as CPython's `re` does: a character matches if its lower case is that of the pattern's
//! character, or one of a few that have the same upper case.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex_syntax::hir::ClassUnicodeRange;

use super::chars::{CharSet, contains, from_ranges, one, range};

/// Lower-case characters, each with the other ones that have the same upper case (CPython 3.11,
/// `re/_casefix.py`).
const SAME_UPPER: [(char, &[char]); 50] = [
    ('\u{69}', &['\u{131}']),
    ('\u{73}', &['\u{17F}']),
    ('\u{B5}', &['\u{3BC}']),
    ('\u{131}', &['\u{69}']),
    ('\u{17F}', &['\u{73}']),
    ('\u{345}', &['\u{3B9}', '\u{1FBE}']),
    ('\u{390}', &['\u{1FD3}']),
    ('\u{3B0}', &['\u{1FE3}']),
    ('\u{3B2}', &['\u{3D0}']),
    ('\u{3B5}', &['\u{3F5}']),
    ('\u{3B8}', &['\u{3D1}']),
    ('\u{3B9}', &['\u{345}', '\u{1FBE}']),
    ('\u{3BA}', &['\u{3F0}']),
    ('\u{3BC}', &['\u{B5}']),
    ('\u{3C0}', &['\u{3D6}']),
    ('\u{3C1}', &['\u{3F1}']),
    ('\u{3C2}', &['\u{3C3}']),
    ('\u{3C3}', &['\u{3C2}']),
    ('\u{3C6}', &['\u{3D5}']),
    ('\u{3D0}', &['\u{3B2}']),
    ('\u{3D1}', &['\u{3B8}']),
    ('\u{3D5}', &['\u{3C6}']),
    ('\u{3D6}', &['\u{3C0}']),
    ('\u{3F0}', &['\u{3BA}']),
    ('\u{3F1}', &['\u{3C1}']),
    ('\u{3F5}', &['\u{3B5}']),
    ('\u{432}', &['\u{1C80}']),
    ('\u{434}', &['\u{1C81}']),
    ('\u{43E}', &['\u{1C82}']),
    ('\u{441}', &['\u{1C83}']),
    ('\u{442}', &['\u{1C84}', '\u{1C85}']),
    ('\u{44A}', &['\u{1C86}']),
    ('\u{463}', &['\u{1C87}']),
    ('\u{1C80}', &['\u{432}']),
    ('\u{1C81}', &['\u{434}']),
    ('\u{1C82}', &['\u{43E}']),
    ('\u{1C83}', &['\u{441}']),
    ('\u{1C84}', &['\u{442}', '\u{1C85}']),
    ('\u{1C85}', &['\u{442}', '\u{1C84}']),
    ('\u{1C86}', &['\u{44A}']),
    ('\u{1C87}', &['\u{463}']),
    ('\u{1C88}', &['\u{A64B}']),
    ('\u{1E61}', &['\u{1E9B}']),
    ('\u{1E9B}', &['\u{1E61}']),
    ('\u{1FBE}', &['\u{345}', '\u{3B9}']),
    ('\u{1FD3}', &['\u{390}']),
    ('\u{1FE3}', &['\u{3B0}']),
    ('\u{A64B}', &['\u{1C88}']),
    ('\u{FB05}', &['\u{FB06}']),
    ('\u{FB06}', &['\u{FB05}']),
];

/// The last character of the Basic Multilingual Plane: `re` lowers the members of a class only up to here.
const PLANE_LAST: u32 = 0xFFFF;

/// For which characters case is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IgnoreCase {
    Ascii,
    Unicode,
}

/// All characters that differ from their lower case, each with it, ascending.
fn lowered() -> &'static [(char, char)] {
    static PAIRS: OnceLock<Vec<(char, char)>> = OnceLock::new();
    PAIRS.get_or_init(|| pairs(lower))
}

/// All characters that differ from their upper case, each with it, ascending.
fn uppered() -> &'static [(char, char)] {
    static PAIRS: OnceLock<Vec<(char, char)>> = OnceLock::new();
    PAIRS.get_or_init(|| pairs(upper))
}

fn pairs(change: fn(char) -> char) -> Vec<(char, char)> {
    let all = ('\0'..=char::MAX).map(|character| (character, change(character)));
    all.filter(|(from, to)| from != to).collect()
}

/// The first character of the lower case; CPython uses no more of it.
fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

fn upper(character: char) -> char {
    character.to_uppercase().next().unwrap_or(character)
}

fn same_upper(lowered: char) -> &'static [char] {
    SAME_UPPER
        .binary_search_by_key(&lowered, |(character, _)| *character)
        .map_or(&[], |index| SAME_UPPER[index].1)
}

/// Whether it differs from its lower or its upper case.
pub(super) fn is_cased(character: char) -> bool {
    lower(character) != character || upper(character) != character
}

impl IgnoreCase {
    /// The characters that match one character of a pattern.
    pub fn literal(self, character: char) -> CharSet {
        match self {
            Self::Ascii => {
                let both = [
                    character.to_ascii_lowercase(),
                    character.to_ascii_uppercase(),
                ];
                from_ranges(&both.map(|one| (one, one)))
            }
            Self::Unicode if !is_cased(character) => one(character),
            Self::Unicode => {
                let lowered = lower(character);
                let mut wanted = one(lowered);
                wanted.union(&set_of(same_upper(lowered).iter().copied()));
                self.preimage(wanted)
            }
        }
    }

    /// The characters that match a class. `ranges` are its characters and ranges as they are written, `rest` is
    /// the union of its inner classes (`\d` and the like).
    pub fn class(self, ranges: &[(u32, u32)], rest: &CharSet) -> CharSet {
        let mut written = CharSet::empty();
        for (first, last) in ranges {
            written.union(&range(*first, *last));
        }
        let is_cased = match self {
            Self::Ascii => {
                let mut letters = from_ranges(&[('A', 'Z'), ('a', 'z')]);
                letters.intersect(&written);
                !letters.ranges().is_empty()
            }
            Self::Unicode => {
                let mut changed = lowered().iter().chain(uppered());
                changed.any(|(from, _)| contains(&written, *from))
            }
        };
        let is_beyond = ranges.iter().any(|(_, last)| *last > PLANE_LAST);
        if !is_cased && !is_beyond {
            written.union(rest);
            return written;
        }
        let mut wanted = rest.clone();
        for (first, last) in ranges {
            wanted.union(&self.lowered(*first, (*last).min(PLANE_LAST)));
            if *last <= PLANE_LAST {
                continue;
            }
            let beyond = range((*first).max(PLANE_LAST + 1), *last);
            if first == last {
                // CPython does not lower this character, so a capital letter here matches nothing.
                wanted.union(&beyond);
                continue;
            }
            // CPython tries the whole range with the lower and with the upper case of a character.
            let whole = range(*first, *last);
            let uppered = uppered().iter().filter(|(_, to)| contains(&whole, *to));
            wanted.union(&set_of(uppered.map(|(from, _)| *from)));
            wanted.union(&whole);
        }
        self.preimage(wanted)
    }

    /// The lower cases of the characters of a range, and those with the same upper case as one of them.
    fn lowered(self, first: u32, last: u32) -> CharSet {
        let set = range(first, last);
        let pairs = self.pairs();
        let changed = || pairs.iter().filter(|(from, _)| contains(&set, *from));
        let mut wanted = set.clone();
        wanted.difference(&set_of(changed().map(|(from, _)| *from)));
        wanted.union(&set_of(changed().map(|(_, to)| *to)));
        if self == Self::Unicode {
            let others = SAME_UPPER.iter().filter(|(one, _)| contains(&wanted, *one));
            let others = others.flat_map(|(_, same)| same.iter().copied());
            wanted.union(&set_of(others.collect::<Vec<_>>().into_iter()));
        }
        wanted
    }

    /// The characters whose lower case is one of `wanted`.
    fn preimage(self, wanted: CharSet) -> CharSet {
        let pairs = self.pairs();
        let mut matching = wanted.clone();
        matching.difference(&set_of(pairs.iter().map(|(from, _)| *from)));
        let lowered = pairs.iter().filter(|(_, to)| contains(&wanted, *to));
        matching.union(&set_of(lowered.map(|(from, _)| *from)));
        matching
    }

    /// The characters that differ from their lower case, each with it.
    fn pairs(self) -> Cow<'static, [(char, char)]> {
        match self {
            Self::Ascii => ('A'..='Z')
                .map(|one| (one, one.to_ascii_lowercase()))
                .collect(),
            Self::Unicode => lowered().into(),
        }
    }
}

fn set_of(characters: impl Iterator<Item = char>) -> CharSet {
    CharSet::new(characters.map(|one| ClassUnicodeRange::new(one, one)))
}
