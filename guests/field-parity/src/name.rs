//! The flattened name of the current value.
//!
//! Every value under a long name, or deep inside, has a long name: whole names would make a form of
//! many times the document's size. So a name beyond a bound is kept as its beginning and a hash of the
//! rest. The hash is computed on the way down, so that no byte is hashed twice.

use std::borrow::Cow;

/// The longest name that is kept whole, in bytes. Columns of databases have shorter names.
pub const WHOLE_BYTES_MAX: usize = 128;

/// How much of a longer name is kept. Together with the hash this is longer than any whole name, so
/// the two cannot look alike.
const BEGINNING_BYTES: usize = 100;

/// Where the hash begins: before a character that `BEGINNING_BYTES` would split.
const HASHED_FROM: usize = BEGINNING_BYTES - 3;

/// FNV-1a with 128 bits: it hashes one byte after another, because `a_b` and `b` in `a` must give the
/// same hash.
const FNV_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// A name that is built part by part.
pub struct FlatName {
    text: String,
    /// The hash of the bytes from `HASHED_FROM` on.
    hash: u128,
}

/// A length to which the name can be reset.
#[derive(Clone, Copy)]
pub struct Mark {
    bytes: usize,
    hash: u128,
}

impl Default for FlatName {
    fn default() -> Self {
        Self {
            text: String::new(),
            hash: FNV_BASIS,
        }
    }
}

impl FlatName {
    /// Begins again.
    pub fn clear(&mut self) {
        self.text.clear();
        self.hash = FNV_BASIS;
    }

    /// Appends a part.
    pub fn push(&mut self, part: &str) {
        let before = self.text.len();
        self.text.push_str(part);
        let hashed = self.text.as_bytes().get(before.max(HASHED_FROM)..);
        for &byte in hashed.unwrap_or_default() {
            self.hash = (self.hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME);
        }
    }

    /// The current end of the name.
    pub fn mark(&self) -> Mark {
        Mark {
            bytes: self.text.len(),
            hash: self.hash,
        }
    }

    /// Removes what was appended since.
    pub fn back_to(&mut self, mark: Mark) {
        self.text.truncate(mark.bytes);
        self.hash = mark.hash;
    }

    /// The whole name.
    #[cfg(test)]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name as a form keeps it.
    pub fn bounded(&self) -> Cow<'_, str> {
        if self.text.len() <= WHOLE_BYTES_MAX {
            return Cow::Borrowed(&self.text);
        }
        let end = self.text.floor_char_boundary(BEGINNING_BYTES);
        let beginning = self.text.get(..end).unwrap_or_default();
        Cow::Owned(format!("{beginning}…{:032x}", self.hash))
    }
}

#[cfg(test)]
mod tests {
    use super::{FlatName, WHOLE_BYTES_MAX};

    fn name(parts: &[&str]) -> FlatName {
        let mut name = FlatName::default();
        parts.iter().for_each(|part| name.push(part));
        name
    }

    #[test]
    fn a_long_name_is_bounded_and_still_tells_itself_from_others() {
        let whole = "x".repeat(WHOLE_BYTES_MAX);
        assert_eq!(name(&[&whole]).bounded(), whole);
        let long = name(&[&whole, "1"]).bounded().into_owned();
        assert!(
            long.starts_with(&whole[..100]) && long.len() > WHOLE_BYTES_MAX,
            "{long}"
        );
        assert!(long.len() <= WHOLE_BYTES_MAX + 10, "{long}");
        let others = [
            name(&[&whole, "2"]),
            name(&[&whole, "11"]),
            name(&[&whole[..99], "y", &whole[..28], "1"]),
            name(&[&whole[..96], "é", &whole[..30], "1"]),
        ];
        for other in others {
            assert_ne!(other.bounded(), long, "{}", other.as_str());
        }
    }

    proptest::proptest! {
        #[test]
        fn a_name_does_not_depend_on_its_parts(
            parts in proptest::collection::vec("[aé_]{0,40}", 0..8),
            wrong in "[aé_]{0,90}",
        ) {
            let whole = name(&[&parts.concat()]);
            let mut built = FlatName::default();
            for part in &parts {
                let mark = built.mark();
                built.push(&wrong);
                built.back_to(mark);
                built.push(part);
            }
            proptest::prop_assert_eq!(built.as_str(), whole.as_str());
            proptest::prop_assert_eq!(built.bounded(), whole.bounded());
        }
    }
}
