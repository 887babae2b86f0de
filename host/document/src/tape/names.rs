//! Names of object members: their hash, finding equal ones, and the order of large objects.
//! Knows nodes and bytes, no parser.

use super::node::{NameHash, Node};
use super::orders::Orders;

/// An object with more members gets its names sorted, so that neither a look-up nor the search for
/// equal names costs more than `n log n`, whatever an event's author thinks up. Below it walking
/// the names is faster.
const SORTED_FROM: usize = 33;

/// Enough bits that of as many names as a small object has hardly two share one.
const SEEN_WORDS: usize = 8;

/// A hash over length, first and last bytes. Weak on purpose: equal hashes are always compared by
/// their bytes, and only small objects depend on it.
pub(crate) fn hash(name: &[u8]) -> NameHash {
    let len = name.len();
    let (first, last) = if let (Some(first), Some(last)) =
        (name.first_chunk::<8>(), name.last_chunk::<8>())
    {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (
            u64::from(u32::from_le_bytes(*first)),
            u64::from(u32::from_le_bytes(*last)),
        )
    } else {
        let at = |index: usize| u64::from(name.get(index).copied().unwrap_or(0));
        (at(0) | at(1) << 8 | at(2) << 16, 0)
    };
    // Odd constants of high entropy; the high bits of a product depend on all bits below.
    let mixed = (first ^ (len as u64) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ last.wrapping_mul(0xC2B2_AE3D_27D4_EB4F).rotate_left(29);
    (mixed.wrapping_mul(0xFF51_AFD7_ED55_8CCD) >> 48) as NameHash
}

/// Two members of one object have the same name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EqualNames;

/// Makes names of the strings in name position, object by object, and sorts large objects.
/// `objects` are the places of all objects of one document.
pub(crate) fn seal(
    nodes: &mut [Node],
    bytes: &[u8],
    objects: &[u32],
    sorted: &mut Vec<u32>,
    orders: &mut Orders,
) -> Result<(), EqualNames> {
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
    let hash = hash(&bytes[nodes[at].range()]);
    let next = 1 + nodes[at + 1].span();
    nodes[at] = nodes[at].into_name(hash, next);
    hash
}

fn seal_small(
    nodes: &mut [Node],
    bytes: &[u8],
    object: usize,
    entries: usize,
) -> Result<(), EqualNames> {
    // One bit per name seen: most objects need no comparison at all.
    let mut seen = [0_u64; SEEN_WORDS];
    let mut at = object + 1;
    for _ in 0..entries {
        let hash = usize::from(seal_name(nodes, bytes, at));
        let (word, bit) = (&mut seen[hash / 64 % SEEN_WORDS], 1_u64 << (hash % 64));
        if *word & bit != 0 && is_among(nodes, bytes, object + 1, at) {
            return Err(EqualNames);
        }
        *word |= bit;
        at += nodes[at].next_name() as usize;
    }
    Ok(())
}

/// Whether the name at `at` is one of those from `first` up to it.
fn is_among(nodes: &[Node], bytes: &[u8], first: usize, at: usize) -> bool {
    let name = nodes[at];
    let mut other = first;
    while other < at {
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
    orders: &mut Orders,
) -> Result<(), EqualNames> {
    let start = sorted.len();
    let mut at = object + 1;
    for _ in 0..node.entries() {
        seal_name(nodes, bytes, at);
        sorted.push(at as u32);
        at += nodes[at].next_name() as usize;
    }
    let name = |at: u32| &bytes[nodes[at as usize].range()];
    let hash = |at: u32| nodes[at as usize].name_hash();
    orders.sort(&mut sorted[start..], hash, name);
    if sorted[start..]
        .windows(2)
        .any(|pair| name(pair[0]) == name(pair[1]))
    {
        return Err(EqualNames);
    }
    nodes[object] = node.with_sorted_names(start);
    Ok(())
}
