//! Short names, which are compared in one go and without a branch on their length. Knows bytes alone.

use std::ops::Range;

use crate::scan::{STRIDES_BYTES, is_masked};

/// By the length of a name, a mask with all bits of its bytes.
const MASKS: [[u8; STRIDES_BYTES]; STRIDES_BYTES + 1] = {
    let mut masks = [[0; STRIDES_BYTES]; STRIDES_BYTES + 1];
    let mut bytes = 0;
    while bytes <= STRIDES_BYTES {
        let mut at = 0;
        while at < bytes {
            masks[bytes][at] = u8::MAX;
            at += 1;
        }
        bytes += 1;
    }
    masks
};

/// A name of no more than `STRIDES_BYTES`, with zeros behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortName {
    text: [u8; STRIDES_BYTES],
    bytes: u32,
}

impl ShortName {
    pub const EMPTY: Self = Self {
        text: [0; STRIDES_BYTES],
        bytes: 0,
    };

    /// `None` if the name is longer.
    pub fn new(name: &[u8]) -> Option<Self> {
        let mut short = Self::EMPTY;
        short.text.get_mut(..name.len())?.copy_from_slice(name);
        short.bytes = name.len() as u32;
        Some(short)
    }

    /// Whether the range `place` of `bytes` is this name. False too if fewer than `STRIDES_BYTES` follow from
    /// its beginning on.
    #[inline]
    pub fn is_at(&self, bytes: &[u8], place: &Range<usize>) -> bool {
        let here = bytes.get(place.start..).and_then(|rest| rest.first_chunk());
        let (Some(here), Some(mask)) = (here, MASKS.get(place.len())) else {
            return false;
        };
        self.bytes as usize == place.len() && is_masked(here, mask, &self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{STRIDES_BYTES, ShortName};

    proptest::proptest! {
        #[test]
        fn a_name_is_where_its_bytes_are(
            before in "[ab]{0,3}", name in "[ab]{0,33}", other in "[ab]{0,33}", behind in "[ab]{0,3}",
        ) {
            let text = [&before, &other, &behind].map(String::as_str).concat();
            let padded = format!("{text}{}", " ".repeat(STRIDES_BYTES));
            let place = before.len()..before.len() + other.len();
            match ShortName::new(name.as_bytes()) {
                Some(short) => {
                    assert_eq!(short.is_at(padded.as_bytes(), &place), name == other);
                    assert!(!short.is_at(&text.as_bytes()[..place.end], &place) || place.len() == STRIDES_BYTES);
                }
                None => assert!(name.len() > STRIDES_BYTES),
            }
        }
    }
}
