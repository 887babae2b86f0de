//! The small numbers that travel with every event. The ledger never sees an event's content.

use serde::{Deserialize, Serialize};

/// Keyed 128-bit hash of an event's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// Which of `shards` shards this key belongs to. Uses the top bits, which no table uses.
    pub fn shard(self, shards: usize) -> usize {
        (((self.0 >> 96) as u64 * shards.max(1) as u64) >> 32) as usize
    }

    /// The bytes of a store's column, big-endian.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// From a store's column.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// What a remembered key is known by, 64 bits: others than those that choose its shard.
    pub(crate) fn short(self) -> u64 {
        (self.0 >> 32) as u64
    }

    /// The key of an event under this key that is owed a row of its own, for it names another schema. It
    /// belongs to the same shard, and its last 32 bits follow from those before them, which marks it as such
    /// a key.
    pub fn of_schema(self, schema: SchemaId) -> Self {
        let shard = self.0 >> 96 << 96;
        let own = u64::from(schema.0).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let short = spread(self.short() ^ (self.0 as u32 as u64) << 16 ^ own);
        Self(shard | u128::from(short) << 32 | u128::from(proof(short)))
    }

    /// Whether it was made by `of_schema`; of other keys one in 2^32 looks so.
    pub(crate) fn is_of_schema(self) -> bool {
        self.0 as u32 == proof(self.short())
    }

    /// Where tables keep it: some of the bits of `short`, so that a remembered key still has them.
    pub(crate) fn hash(self) -> u32 {
        self.short() as u32
    }
}

/// The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
fn spread(bits: u64) -> u64 {
    let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

fn proof(short: u64) -> u32 {
    (spread(!short) >> 32) as u32
}

/// Index into the table of schema labels. The first two stand for an unknown schema and for none.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct SchemaId(pub u16);

/// Labels at the table's start that are no schemas.
const NOT_SCHEMAS: u16 = 2;

impl SchemaId {
    pub(crate) fn is_named(self) -> bool {
        self.0 >= NOT_SCHEMAS
    }
}

/// Index into the table of reasons; 0 is none.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ReasonId(pub u16);

/// Which set of check versions judged or projected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u16);

/// Where the spool keeps a frame. The ledger knows only which segment it holds in use, and about how much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadRef(pub u64);

impl PayloadRef {
    /// The spool does not have the frame. No reference of the spool has all bits set.
    pub const NONE: Self = Self(u64::MAX);

    /// Bits below the segment's number.
    pub const SEGMENT_SHIFT: u32 = 40;

    /// The number of the segment: the top 24 bits.
    pub fn segment(self) -> u32 {
        (self.0 >> Self::SEGMENT_SHIFT) as u32
    }

    /// About how many bytes of the segment the frame takes: the 8 bits below that number, as a number of
    /// 5 bits of exponent and 4 of mantissa, of which the first is 1 and not written.
    pub fn bytes(self) -> u64 {
        let class = (self.0 >> 32) & 0xff;
        (8 + (class & 7)) << (class >> 3)
    }
}

/// The normal form of one side of an event, as a hash; or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form(u128);

impl Form {
    /// No parity check is configured: whatever landed counts as unchanged.
    pub const NONE: Form = Form(0);
    /// A parity check could not project this side.
    pub const FAILED: Form = Form(1);

    /// A hash; the two that mean something else are moved aside (a collision among 2^128).
    pub fn hash(hash: u128) -> Self {
        Form(hash.max(2))
    }

    pub(crate) fn compare(self, other: Form) -> Parity {
        match (self, other) {
            (Form::FAILED, _) | (_, Form::FAILED) => Parity::Unknown,
            (mine, theirs) if mine == theirs => Parity::Equal,
            (Form::NONE, _) | (_, Form::NONE) => Parity::OneSided,
            _ => Parity::Differs,
        }
    }

    /// Whether both are hashes of the same content, so that one is known to be the other's.
    pub(crate) fn is_same_content(self, other: Form) -> bool {
        self == other && self.is_hash()
    }

    /// Whether it is a hash of a content.
    pub(crate) fn is_hash(self) -> bool {
        self != Form::NONE && self != Form::FAILED
    }

    pub(crate) fn halves(self) -> [u64; 2] {
        [(self.0 >> 64) as u64, self.0 as u64]
    }

    pub(crate) fn from_halves(halves: [u64; 2]) -> Self {
        Form((u128::from(halves[0]) << 64) | u128::from(halves[1]))
    }
}

/// How two normal forms compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parity {
    Equal,
    Differs,
    /// Only one side was projected: the checks changed in between.
    OneSided,
    Unknown,
}
