//! One node of a parsed document: 16 bytes, no pointers. Knows no tape and no bytes.
//!
//! A document is its nodes in reading order. Behind a container come the nodes of what it holds; a member is a
//! name node and then the nodes of its value. All distances between nodes are relative, so a finished subtree
//! can be moved.

/// What a node is. `Name` and `OddName` are names of members, never values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum NodeKind {
    Null,
    False,
    True,
    /// An integer that fits `i64`.
    Int,
    /// An integer beyond `i64` that fits `u64`.
    Uint,
    /// A finite float: written with a fraction or an exponent.
    Float,
    /// NaN or an infinity, which Python's json reads and JSON does not have.
    NotFinite,
    /// An integer beyond 64 bits, kept as its digits.
    Digits,
    String,
    /// A string with a lone surrogate: its bytes are WTF-8, not UTF-8.
    OddString,
    Array,
    Object,
    /// A member's name.
    Name,
    /// A member's name with a lone surrogate, in WTF-8.
    OddName,
}

/// The hash of a name, so short that it fits beside the kind.
pub(crate) type NameHash = u16;

/// A node of a tape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    kind: NodeKind,
    /// Of a name: its hash.
    hash: NameHash,
    /// Of a name: the distance to the next name, in nodes. Of a large object: the index of its sorted names,
    /// plus one. Of a float that was read from digits: the offset of the digits in the tape's bytes, plus one.
    /// Else 0.
    aux: u32,
    /// Of a number: its bits. Of a text: its offset and its length, in bytes. Of a container: its entries, and
    /// its span in nodes.
    low: u32,
    high: u32,
}

const _: () = assert!(size_of::<Node>() == 16, "four nodes to a cache line");

impl Node {
    const fn new(kind: NodeKind, low: u32, high: u32) -> Self {
        Self {
            kind,
            hash: 0,
            aux: 0,
            low,
            high,
        }
    }

    pub const NULL: Self = Self::new(NodeKind::Null, 0, 0);

    pub fn boolean(value: bool) -> Self {
        Self::new(
            if value {
                NodeKind::True
            } else {
                NodeKind::False
            },
            0,
            0,
        )
    }

    fn bits(kind: NodeKind, bits: u64) -> Self {
        Self::new(kind, bits as u32, (bits >> 32) as u32)
    }

    pub fn int(value: i64) -> Self {
        Self::bits(NodeKind::Int, value as u64)
    }

    /// An `Int` if it fits, so that each integer has one form only.
    pub fn uint(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(value) => Self::int(value),
            Err(_) => Self::bits(NodeKind::Uint, value),
        }
    }

    pub fn float(value: f64) -> Self {
        let kind = if value.is_finite() {
            NodeKind::Float
        } else {
            NodeKind::NotFinite
        };
        Self::bits(kind, value.to_bits())
    }

    /// A float whose digits stand at `offset` of the tape's bytes; `value` is rounded, the digits are exact.
    pub fn float_at(value: f64, offset: usize) -> Self {
        let aux = u32::try_from(offset + 1).unwrap_or(0);
        Self {
            aux,
            ..Self::float(value)
        }
    }

    /// The offset of a float's digits in the tape's bytes. `None` for `NaN` and infinities that were written as
    /// words, and for other kinds.
    pub fn number_at(self) -> Option<usize> {
        match self.kind {
            NodeKind::Float | NodeKind::NotFinite => (self.aux as usize).checked_sub(1),
            _ => None,
        }
    }

    /// A node over `len` bytes at `offset` of the tape's bytes.
    ///
    /// # Safety
    /// For the kinds `Digits`, `String` and `Name` those bytes must be UTF-8 for as long as the node
    /// is on a tape: `Tape::text` does not look again.
    pub unsafe fn text(kind: NodeKind, offset: u32, len: u32) -> Self {
        Self::new(kind, offset, len)
    }

    /// `span` counts the container itself and all nodes below it.
    pub fn array(entries: u32, span: u32) -> Self {
        Self::new(NodeKind::Array, entries, span)
    }

    /// `span` counts the container itself and all nodes below it.
    pub fn object(entries: u32, span: u32) -> Self {
        Self::new(NodeKind::Object, entries, span)
    }

    pub fn kind(self) -> NodeKind {
        self.kind
    }

    pub fn is_container(self) -> bool {
        matches!(self.kind(), NodeKind::Array | NodeKind::Object)
    }

    pub fn number_bits(self) -> u64 {
        u64::from(self.low) | (u64::from(self.high) << 32)
    }

    /// The range of a text in the tape's bytes.
    pub fn range(self) -> std::ops::Range<usize> {
        self.low as usize..self.low as usize + self.high as usize
    }

    /// How many elements an array has, or members an object.
    pub fn entries(self) -> usize {
        self.low as usize
    }

    /// How many nodes a value has, itself included.
    pub fn span(self) -> u32 {
        if self.is_container() { self.high } else { 1 }
    }

    /// The same text as the name of a member; the next name is `next` nodes further.
    pub fn into_name(self, hash: NameHash, next: u32) -> Self {
        let kind = match self.kind {
            NodeKind::OddString | NodeKind::OddName => NodeKind::OddName,
            _ => NodeKind::Name,
        };
        Self {
            kind,
            hash,
            aux: next,
            ..self
        }
    }

    pub fn name_hash(self) -> NameHash {
        self.hash
    }

    pub fn next_name(self) -> u32 {
        self.aux
    }

    /// The same text at another offset.
    ///
    /// # Safety
    /// The text must stand there too; what [`Node::text`] demands holds for that offset.
    pub unsafe fn moved_to(self, offset: u32) -> Self {
        Self {
            low: offset,
            ..self
        }
    }

    pub fn with_next_name(self, next: u32) -> Self {
        Self { aux: next, ..self }
    }

    /// Whether this may be a name of that hash and length; its bytes have to be compared.
    pub fn may_be_name(self, hash: NameHash, len: usize) -> bool {
        self.kind == NodeKind::Name && self.hash == hash && self.high as usize == len
    }

    /// Whether two names may be equal; their bytes have to be compared.
    pub fn may_equal_name(self, other: Self) -> bool {
        self.kind == other.kind && self.hash == other.hash && self.high == other.high
    }

    /// The index of the first sorted name of a large object; `None` if they were not sorted.
    pub fn sorted_names(self) -> Option<usize> {
        (self.aux as usize).checked_sub(1)
    }

    pub fn with_sorted_names(self, start: usize) -> Self {
        Self {
            aux: start as u32 + 1,
            ..self
        }
    }
}
