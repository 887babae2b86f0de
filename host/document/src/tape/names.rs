//! Names of members: their hash, the search for duplicates in an object, and the sorting of large objects.
//! Knows nodes and bytes, no parser.

use super::name_orders::NameOrders;
use super::node::{NameHash, Node, NodeKind};

/// The names of an object with so many members or more are sorted, so that all look-ups and the search for
/// duplicates take `n log n` at the most, whatever an event holds. In smaller objects it is faster to walk the
/// names.
pub(crate) const SORTED_FROM: usize = 65;

/// Words of 64 bits of `SeenNames`: so many that few names of a small object share a bit.
const SEEN_WORDS: usize = 16;

/// The hash of a name, over its length and its first and last eight bytes. Weak on purpose: names of equal
/// hashes are always compared by their bytes, and only small objects depend on it.
pub(crate) fn hash(name: &[u8]) -> NameHash {
    let mut end = [0; 8];
    match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => mix(*first, *last, name.len()),
        _ => {
            for (place, byte) in end.iter_mut().zip(name) {
                *place = *byte;
            }
            mix(end, end, name.len())
        }
    }
}

/// As `hash`, of a name that lies within `bytes`. It has no branch on the length, which a processor could not
/// predict.
pub(crate) fn hash_within(bytes: &[u8], name: std::ops::Range<usize>) -> NameHash {
    let chunk = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    let last = name.end.saturating_sub(8).max(name.start);
    match (chunk(name.start), chunk(last)) {
        (Some(first), Some(last)) => mix(*first, *last, name.len()),
        _ => hash(bytes.get(name).unwrap_or_default()),
    }
}

/// The hash of a name of `len` bytes, of its first and last eight bytes. Of a shorter name both are the same
/// bytes, and what lies behind the name does not count.
fn mix(first: [u8; 8], last: [u8; 8], len: usize) -> NameHash {
    /// By length, the bits that belong to a name.
    const MASKS: [u64; 9] = [
        0,
        0xFF,
        0xFFFF,
        0xFF_FFFF,
        0xFFFF_FFFF,
        0xFF_FFFF_FFFF,
        0xFFFF_FFFF_FFFF,
        0xFF_FFFF_FFFF_FFFF,
        u64::MAX,
    ];
    let mask = MASKS[len.min(8)];
    let (first, last) = (
        u64::from_le_bytes(first) & mask,
        u64::from_le_bytes(last) & mask,
    );
    // Odd constants of high entropy; the high bits of a product depend on all bits below.
    let mixed = (first ^ (len as u64) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ last.wrapping_mul(0xC2B2_AE3D_27D4_EB4F).rotate_left(29);
    (mixed.wrapping_mul(0xFF51_AFD7_ED55_8CCD) >> 48) as NameHash
}

/// Two members of one object have the same name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DuplicateName;

/// Makes name nodes of the strings that are names, object by object, and sorts the names of large objects.
/// `objects` are the nodes of the objects of one document for which this was not done yet.
pub(crate) fn seal(
    nodes: &mut [Node],
    bytes: &[u8],
    objects: &[u32],
    sorted: &mut Vec<u32>,
    orders: &mut NameOrders,
) -> Result<(), DuplicateName> {
    for &object in objects {
        let object = object as usize;
        let Some(node) = nodes.get(object).copied() else {
            continue;
        };
        if node.entries() < SORTED_FROM {
            seal_small(nodes, bytes, object, node.entries())?;
        } else {
            seal_large(nodes, bytes, object, node, sorted, orders)?;
        }
    }
    Ok(())
}

fn seal_name(nodes: &mut [Node], bytes: &[u8], at: usize) -> NameHash {
    let [name, value, ..] = &mut nodes[at..] else {
        return 0;
    };
    if matches!(name.kind(), NodeKind::Name) {
        return name.name_hash();
    }
    let hash = hash_within(bytes, name.range());
    *name = name.into_name(hash, 1 + value.span());
    hash
}

fn seal_small(
    nodes: &mut [Node],
    bytes: &[u8],
    object: usize,
    entries: usize,
) -> Result<(), DuplicateName> {
    let mut seen = SeenNames::default();
    let mut at = object + 1;
    for _ in 0..entries {
        let hash = seal_name(nodes, bytes, at);
        if seen.insert(hash) && is_among(&nodes[..at], bytes, object + 1, nodes[at]) {
            return Err(DuplicateName);
        }
        at += nodes[at].next_name() as usize;
    }
    Ok(())
}

/// A bit for each hash of the names that an object has so far (a Bloom filter with one hash). Most objects then
/// need no comparison of names at all.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenNames([u64; SEEN_WORDS]);

impl SeenNames {
    /// Notes the hash of a name, and answers whether a name of that hash was noted before.
    #[inline]
    pub fn insert(&mut self, hash: NameHash) -> bool {
        let hash = usize::from(hash);
        let (word, bit) = (&mut self.0[hash / 64 % SEEN_WORDS], 1_u64 << (hash % 64));
        let was_seen = *word & bit != 0;
        *word |= bit;
        was_seen
    }
}

/// Whether `name` equals one of the names of an object, of which the node at `first` is the first name.
pub(crate) fn is_among(nodes: &[Node], bytes: &[u8], first: usize, name: Node) -> bool {
    let mut other = first;
    while other < nodes.len() {
        let node = nodes[other];
        if node.may_equal_name(name) && bytes[node.range()] == bytes[name.range()] {
            return true;
        }
        other += node.next_name() as usize;
    }
    false
}

fn seal_large(
    nodes: &mut [Node],
    bytes: &[u8],
    object: usize,
    node: Node,
    sorted: &mut Vec<u32>,
    orders: &mut NameOrders,
) -> Result<(), DuplicateName> {
    let start = sorted.len();
    let mut at = object + 1;
    for _ in 0..node.entries() {
        seal_name(nodes, bytes, at);
        sorted.push(at as u32);
        at += nodes[at].next_name() as usize;
    }
    let name = |at: u32| &bytes[nodes[at as usize].range()];
    let hash = |at: u32| nodes[at as usize].name_hash();
    let differ = orders.sort(&mut sorted[start..], hash, name);
    if !differ
        && sorted[start..]
            .windows(2)
            .any(|pair| name(pair[0]) == name(pair[1]))
    {
        return Err(DuplicateName);
    }
    nodes[object] = node.with_sorted_names(start);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{hash, hash_within};

    proptest::proptest! {
        #[test]
        fn a_name_hashes_alike_wherever_it_stands(
            before in "[a-z]{0,9}", name in "[a-z]{0,20}", behind in "[a-z]{0,9}",
        ) {
            let bytes = [before.as_bytes(), name.as_bytes(), behind.as_bytes()].concat();
            let range = before.len()..before.len() + name.len();
            proptest::prop_assert_eq!(hash_within(&bytes, range), hash(name.as_bytes()));
        }
    }
}
