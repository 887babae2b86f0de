//! Sorts the names of objects, and remembers their order by the shape of the object.
//!
//! Events of one schema have the same members in the same order, so sorting their names has the same result
//! each time. A remembered order is only tried: if the names do not come out ascending, they are sorted. So
//! neither a collision of hashes nor the author of an event can make the result wrong. Knows hashes and bytes
//! of names alone.

use super::node::NameHash;

/// Shapes that are remembered, a power of two; a new one replaces what its slot had.
const SHAPES: usize = 256;

/// Objects with more names are sorted each time.
const NAMES_MAX: usize = 4096;

const _: () = assert!(
    NAMES_MAX < 1 << u16::BITS,
    "a number of places fits their type"
);

/// The remembered orders, at most 2 MiB. `Default` allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct NameOrders {
    shapes: Vec<ObjectShape>,
    /// The names of the current object in the order of the document.
    unsorted: Vec<u32>,
}

/// The order of the names of objects of one shape.
#[derive(Clone, Debug, Default)]
struct ObjectShape {
    /// Of the hashes of the names, in the order of the document.
    hash: u64,
    /// By its rank, the position of a name in the document's order.
    places: Vec<u16>,
}

impl NameOrders {
    /// Sorts the names of one object, given in the document's order, by their bytes. True if no two are equal;
    /// false if that is not known.
    pub fn sort<'a>(
        &mut self,
        names: &mut [u32],
        hash: impl Fn(u32) -> NameHash,
        bytes: impl Fn(u32) -> &'a [u8],
    ) -> bool {
        if ascends(names, &bytes) {
            return true;
        }
        if names.len() > NAMES_MAX {
            names.sort_unstable_by(|left, right| bytes(*left).cmp(bytes(*right)));
            return false;
        }
        let shape_hash = names.iter().fold(names.len() as u64, |sum, name| {
            // An odd constant of high entropy. The multiplication makes the hash depend on the order.
            (sum ^ u64::from(hash(*name))).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        });
        self.shapes.resize(SHAPES, ObjectShape::default());
        let place = (shape_hash >> (u64::BITS - SHAPES.ilog2())) as usize;
        let Some(shape) = self.shapes.get_mut(place) else {
            return false;
        };
        self.unsorted.clear();
        self.unsorted.extend_from_slice(names);
        let unsorted = |place: &u16| self.unsorted.get(usize::from(*place)).copied();
        if shape.hash == shape_hash && shape.places.len() == names.len() {
            for (name, place) in names.iter_mut().zip(&shape.places) {
                *name = unsorted(place).unwrap_or(*name);
            }
            if ascends(names, &bytes) {
                return true;
            }
        }
        shape.hash = shape_hash;
        shape.places.clear();
        // No more memory than needed, for what is kept is bounded.
        shape.places.shrink_to(0);
        shape.places.reserve_exact(names.len());
        shape.places.extend(0..names.len() as u16);
        shape.places.sort_unstable_by(|left, right| {
            let name = |place| unsorted(place).map_or(&[][..], &bytes);
            name(left).cmp(name(right))
        });
        for (name, place) in names.iter_mut().zip(&shape.places) {
            *name = unsorted(place).unwrap_or(*name);
        }
        false
    }

    pub fn memory_bytes(&self) -> usize {
        let places = |shape: &ObjectShape| {
            size_of::<ObjectShape>() + shape.places.capacity() * size_of::<u16>()
        };
        self.shapes.iter().map(places).sum::<usize>() + self.unsorted.capacity() * size_of::<u32>()
    }
}

/// Whether each name is greater than the one before it, and so equal to none.
fn ascends<'a>(names: &[u32], bytes: &impl Fn(u32) -> &'a [u8]) -> bool {
    let mut names = names.iter().map(|name| NamePrefix::of(bytes(*name)));
    let Some(mut before) = names.next() else {
        return true;
    };
    names.all(|name| std::mem::replace(&mut before, name).is_less(name))
}

/// A name and its first sixteen bytes, big-endian, in which most names differ. Zeros stand behind a shorter
/// name.
#[derive(Clone, Copy)]
struct NamePrefix<'a> {
    first: u64,
    second: u64,
    name: &'a [u8],
}

impl<'a> NamePrefix<'a> {
    #[inline]
    fn of(name: &'a [u8]) -> Self {
        let (first, second) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            (Some(first), Some(last)) => {
                // If there are fewer than sixteen, the last eight bytes overlap the first eight.
                let known = 16_usize.saturating_sub(name.len()) * 8;
                let second = match name.get(8..16).and_then(|second| second.first_chunk::<8>()) {
                    Some(second) => u64::from_be_bytes(*second),
                    None => u64::from_be_bytes(*last)
                        .checked_shl(known as u32)
                        .unwrap_or(0),
                };
                (u64::from_be_bytes(*first), second)
            }
            _ => (short(name), 0),
        };
        Self {
            first,
            second,
            name,
        }
    }

    #[inline]
    fn is_less(self, other: Self) -> bool {
        if self.first != other.first {
            return self.first < other.first;
        }
        if self.second != other.second {
            return self.second < other.second;
        }
        // The names are longer than that, or have zeros of their own.
        self.name < other.name
    }
}

/// Fewer than eight bytes, big-endian, with zeros behind them.
fn short(name: &[u8]) -> u64 {
    let missing = 8_usize.saturating_sub(name.len()) * 8;
    match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_be_bytes(*first), u32::from_be_bytes(*last));
            // The last four bytes overlap the first four by as many as are missing.
            u64::from(first) << 32 | u64::from(last) << missing & 0xFFFF_FFFF
        }
        _ => {
            let all: u64 = name.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            all.checked_shl(missing as u32).unwrap_or(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{NAMES_MAX, NameOrders, NamePrefix, SHAPES};

    /// Sorts texts, with a hash that collides as often as one likes.
    fn sorted(orders: &mut NameOrders, texts: &[String], hashes: u16) -> Vec<String> {
        let mut names: Vec<u32> = (0..texts.len() as u32).collect();
        let text = |name: u32| texts[name as usize].as_bytes();
        let hash = |name| {
            text(name).iter().fold(7_u16, |hash, byte| {
                hash.wrapping_mul(31).wrapping_add(u16::from(*byte)) % hashes
            })
        };
        orders.sort(&mut names, hash, text);
        names
            .iter()
            .map(|name| texts[*name as usize].clone())
            .collect()
    }

    proptest! {
        #[test]
        fn names_come_out_sorted_whatever_came_before(
            objects in prop::collection::vec(prop::collection::vec("[ab]{0,10}", 0..12), 1..20),
            hashes in 1u16..4,
        ) {
            let mut orders = NameOrders::default();
            for names in objects.iter().chain(&objects) {
                let mut expected = names.clone();
                expected.sort();
                prop_assert_eq!(sorted(&mut orders, names, hashes), expected);
            }
        }

        #[test]
        fn less_is_less(left in "[aé\0]{0,20}|a{7,18}[ab]{0,3}", right in "[aé\0]{0,20}|a{7,18}[ab]{0,3}") {
            let is_less = NamePrefix::of(left.as_bytes()).is_less(NamePrefix::of(right.as_bytes()));
            prop_assert_eq!(is_less, left < right);
        }
    }

    #[test]
    fn many_names_and_many_shapes_stay_within_their_bound() {
        let mut orders = NameOrders::default();
        let counts = [
            (2, 600),
            (NAMES_MAX - 1, 300),
            (NAMES_MAX, 300),
            (NAMES_MAX + 1, 3),
        ];
        for (count, shapes) in counts {
            for shape in 0..shapes {
                let texts: Vec<String> =
                    (0..count).rev().map(|n| format!("{n:05}{shape}")).collect();
                let out = sorted(&mut orders, &texts, u16::MAX);
                assert!(out.is_sorted(), "{count} names of shape {shape}");
            }
        }
        let bytes = orders.memory_bytes();
        assert!(bytes > 1 << 20, "they were kept: {bytes}");
        let others = SHAPES * size_of::<super::ObjectShape>() + 2 * NAMES_MAX * size_of::<u32>();
        assert!(bytes <= 2 * NAMES_MAX * SHAPES + others, "{bytes}");
    }
}
