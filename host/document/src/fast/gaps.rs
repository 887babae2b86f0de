//! Gaps: what stands between two values, and which gap came after which. A gap is a comma (but not before an
//! object's first name), a name, a colon, and white space as it was written.
//!
//! Both are only guesses: the bytes are always compared, so that they can make reading faster and never wrong.

use crate::scan::{STRIDES_BYTES, is_masked};
use crate::tape::node::Node;

/// Bytes of a gap that is remembered; a longer one is read each time.
pub(super) const GAP_BYTES_MAX: usize = STRIDES_BYTES;

/// Gaps that are remembered: half a MiB. When there are more, all are forgotten, and those that still come are
/// learned again.
const GAPS_MAX: usize = 4096;

/// Gaps that are tried after another one. There may be several, for schemas have names in common.
const FOLLOWERS: usize = 4;

/// The index of a gap among those that are remembered.
pub(super) type GapId = u16;

const _: () = assert!(GAPS_MAX <= GapId::MAX as usize, "a place fits its type");

/// A gap: the bytes from a comma, or from the quote of an object's first name, to the next value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// The bytes, with zeros behind them.
    text: [u8; GAP_BYTES_MAX],
    /// All bits of the bytes that belong to the gap.
    mask: [u8; GAP_BYTES_MAX],
    bytes: u8,
    name_at: u8,
    /// Its name, as a node of a text that begins with the gap.
    name: Node,
    /// The gaps that came after it, the latest first; `FIRST` stands for none.
    followers: [GapId; FOLLOWERS],
}

impl Gap {
    /// A gap of the bytes `whole`, whose name begins at `name_at`. `None` if it is too long.
    pub fn new(whole: &[u8], name_at: usize, name: Node) -> Option<Self> {
        if whole.len() > GAP_BYTES_MAX {
            return None;
        }
        let mut text = [0; GAP_BYTES_MAX];
        let mut mask = [0; GAP_BYTES_MAX];
        for (index, byte) in whole.iter().enumerate() {
            text[index] = *byte;
            mask[index] = u8::MAX;
        }
        Some(Self {
            text,
            mask,
            bytes: whole.len() as u8,
            name_at: name_at as u8,
            name,
            followers: [Gaps::FIRST; FOLLOWERS],
        })
    }

    /// The gap before the first one of a document; it matches nothing.
    const fn none() -> Self {
        Self {
            text: [u8::MAX; GAP_BYTES_MAX],
            mask: [0; GAP_BYTES_MAX],
            bytes: 0,
            name_at: 0,
            name: Node::NULL,
            followers: [Gaps::FIRST; FOLLOWERS],
        }
    }

    #[inline]
    fn matches(&self, here: &[u8; GAP_BYTES_MAX]) -> bool {
        is_masked(here, &self.mask, &self.text)
    }
}

/// A gap that was found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundGap {
    pub id: GapId,
    /// The name, as a node of the text.
    pub name: Node,
    /// The byte behind the gap.
    pub behind: usize,
}

/// The gaps that are remembered. `Default` allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    known: Vec<Gap>,
    /// A hash table of the gaps, by the hash of the name and the length; a new gap replaces what its slot had.
    places: Vec<GapId>,
}

impl Gaps {
    /// Stands for no gap: before the first one of a document.
    pub const FIRST: GapId = 0;

    /// The gap at byte `at`, if it is one of those that came after `last` before.
    #[inline]
    pub fn find(&self, last: GapId, bytes: &[u8], at: usize) -> Option<FoundGap> {
        let here = bytes.get(at..)?.first_chunk()?;
        let [first, others @ ..] = &self.known.get(usize::from(last))?.followers;
        let gap = self.known.get(usize::from(*first))?;
        let (id, gap) = if gap.matches(here) {
            (*first, gap)
        } else {
            self.find_among(others, here)?
        };
        Some(FoundGap {
            id,
            // SAFETY: the bytes here equal those with which the gap was learned, so the name stands here too.
            name: unsafe { gap.name.moved_to((at + usize::from(gap.name_at)) as u32) },
            behind: at + usize::from(gap.bytes),
        })
    }

    #[inline(never)]
    fn find_among(&self, followers: &[GapId], here: &[u8; GAP_BYTES_MAX]) -> Option<(GapId, &Gap)> {
        followers.iter().find_map(|id| {
            let gap = self.known.get(usize::from(*id))?;
            gap.matches(here).then_some((*id, gap))
        })
    }

    /// Remembers a gap that came after `last` and was not found there.
    pub fn learn(&mut self, last: GapId, gap: Gap) -> GapId {
        let mut last = last;
        if self.known.is_empty() || self.known.len() >= GAPS_MAX {
            self.known.clear();
            self.known.push(Gap::none());
            self.places.clear();
            self.places.resize(GAPS_MAX, Self::FIRST);
            last = Self::FIRST;
        }
        // The factor is odd, so that gaps of one name, with a comma and without, have different slots.
        let place = (usize::from(gap.name.name_hash()) + usize::from(gap.bytes) * 37) % GAPS_MAX;
        let mut id = self.places.get(place).copied().unwrap_or_default();
        let is_known = self
            .known
            .get(usize::from(id))
            .is_some_and(|known| known.text == gap.text && known.mask == gap.mask);
        if !is_known {
            id = self.known.len() as GapId;
            self.known.push(gap);
            if let Some(place) = self.places.get_mut(place) {
                *place = id;
            }
        }
        if let Some(before) = self.known.get_mut(usize::from(last)) {
            before.followers.copy_within(..FOLLOWERS - 1, 1);
            before.followers[0] = id;
        }
        id
    }

    pub fn memory_bytes(&self) -> usize {
        self.known.capacity() * size_of::<Gap>() + self.places.capacity() * size_of::<GapId>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::node::NodeKind;

    fn gap(whole: &str, hash: u16) -> Option<Gap> {
        let name_at = whole.find('"').unwrap() + 1;
        let name_bytes = whole.rfind('"').unwrap() - name_at;
        // SAFETY: it is cut from a `str` at ASCII bytes.
        let name = unsafe { Node::text(NodeKind::String, name_at as u32, name_bytes as u32) };
        Gap::new(whole.as_bytes(), name_at, name.into_name(hash, 2))
    }

    /// The name found at a place of a text, and how long the gap is.
    fn found(gaps: &Gaps, last: GapId, text: &str, at: usize) -> Option<(GapId, String, usize)> {
        let padded = format!("{text}{}", " ".repeat(GAP_BYTES_MAX));
        let found = gaps.find(last, padded.as_bytes(), at)?;
        let name = padded[found.name.range()].to_owned();
        Some((found.id, name, found.behind - at))
    }

    #[test]
    fn a_gap_is_found_after_what_it_followed_and_nowhere_else() {
        let mut gaps = Gaps::default();
        assert_eq!(found(&gaps, Gaps::FIRST, r#""a":1"#, 0), None);
        let a = gaps.learn(Gaps::FIRST, gap(r#""a":"#, 1).unwrap());
        let b = gaps.learn(a, gap(r#", "bc" : "#, 1).unwrap());
        assert_eq!(
            found(&gaps, Gaps::FIRST, r#"{"a":1, "bc" : 2}"#, 1),
            Some((a, "a".into(), 4))
        );
        assert_eq!(
            found(&gaps, a, r#"{"a":1, "bc" : 2}"#, 6),
            Some((b, "bc".into(), 9))
        );
        for (last, text) in [
            (a, r#", "bc": 2"#),
            (a, r#", "bd" : 2"#),
            (a, r#"}"#),
            (b, r#", "bc" : 2"#),
            (Gaps::FIRST, r#", "bc" : 2"#),
        ] {
            assert_eq!(found(&gaps, last, text, 0), None, "{text}");
        }
        // Learned once, whatever it follows. At the end of the bytes, where a whole stride is missing, nothing
        // is found.
        assert_eq!(gaps.learn(b, gap(r#", "bc" : "#, 1).unwrap()), b);
        assert_eq!(found(&gaps, b, r#", "bc" : "#, 0).unwrap().0, b);
        assert!(gaps.find(b, br#", "bc" : 2"#, 0).is_none());
    }

    #[test]
    fn a_longer_gap_is_none() {
        let name = |bytes: usize| format!(r#","{}":"#, "n".repeat(bytes - 4));
        assert!(gap(&name(GAP_BYTES_MAX + 1), 1).is_none());
        let mut gaps = Gaps::default();
        let whole = name(GAP_BYTES_MAX);
        gaps.learn(Gaps::FIRST, gap(&whole, 1).unwrap());
        assert!(found(&gaps, Gaps::FIRST, &whole, 0).is_some());
        assert!(found(&gaps, Gaps::FIRST, &whole.replace(':', ";"), 0).is_none());
    }

    #[test]
    fn the_followers_that_came_last_are_tried_and_gaps_of_one_hash_are_told_apart() {
        let mut gaps = Gaps::default();
        let text = |index: usize| format!(r#","n{index}":"#);
        for index in 0..=FOLLOWERS {
            gaps.learn(Gaps::FIRST, gap(&text(index), 7).unwrap());
        }
        assert!(found(&gaps, Gaps::FIRST, &text(0), 0).is_none());
        for index in 1..=FOLLOWERS {
            let name = found(&gaps, Gaps::FIRST, &text(index), 0).unwrap().1;
            assert_eq!(name, format!("n{index}"));
        }
    }

    #[test]
    fn no_more_is_kept_than_its_bound_and_what_comes_again_is_learned_again() {
        let mut gaps = Gaps::default();
        let text = |index: usize| format!(r#","n{index}":"#);
        let mut last = Gaps::FIRST;
        for index in 0..3 * GAPS_MAX {
            last = gaps.learn(last, gap(&text(index), index as u16).unwrap());
            assert!(gaps.known.len() <= GAPS_MAX);
        }
        let bytes = GAPS_MAX * (2 * size_of::<Gap>() + size_of::<GapId>());
        assert!(gaps.memory_bytes() <= bytes);
        let next = gaps.learn(last, gap(&text(0), 0).unwrap());
        assert_eq!(found(&gaps, last, &text(0), 0).unwrap().0, next);
    }
}
