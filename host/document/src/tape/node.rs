//! One node of a parsed document: 16 bytes, no pointers. Knows nothing of where the bytes are.
//!
//! A document is its nodes in reading order. A container is followed by what it holds, and an
//! object's members are a name node and then the value's nodes. All distances are relative, so a
//! finished subtree can be moved.

/// What a node is. `Name` and `OddName` are the names of object members, never values.
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
    Name,
    OddName,
}

/// The hash of a name, so short that it fits beside the kind.
pub(crate) type NameHash = u16;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    kind: NodeKind,
    /// Name: its hash.
    hash: NameHash,
    /// Name: nodes to the next name. Object: place of its sorted names plus one, or 0. Float that was
    /// read from digits: where they stand, plus one.
    aux: u32,
    /// Number: its bits. Text: offset, length. Container: entries, span.
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

    /// `i64` where it fits, so that one integer has one form.
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

    /// A float whose digits stand at `offset` of the tape's bytes: as a double it is rounded.
    pub fn float_at(value: f64, offset: usize) -> Self {
        let aux = u32::try_from(offset + 1).unwrap_or(0);
        Self {
            aux,
            ..Self::float(value)
        }
    }

    /// Where the digits of a float stand. None of what was written as a word (`NaN`), or is no float.
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

    /// Where the bytes of a text node are.
    pub fn range(self) -> std::ops::Range<usize> {
        self.low as usize..self.low as usize + self.high as usize
    }

    /// Elements of an array, members of an object.
    pub fn entries(self) -> usize {
        self.low as usize
    }

    /// Nodes that this value takes, itself included.
    pub fn span(self) -> u32 {
        if self.is_container() { self.high } else { 1 }
    }

    /// The same text as the name of a member: `next` nodes further is the next name.
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

    /// The same text at another place.
    ///
    /// # Safety
    /// It must stand there too: what [`Node::text`] asks for holds of that place.
    pub unsafe fn moved_to(self, offset: u32) -> Self {
        Self {
            low: offset,
            ..self
        }
    }

    pub fn with_next_name(self, next: u32) -> Self {
        Self { aux: next, ..self }
    }

    /// Whether this can be the name of that hash and length; the bytes decide.
    pub fn may_be_name(self, hash: NameHash, len: usize) -> bool {
        self.kind == NodeKind::Name && self.hash == hash && self.high as usize == len
    }

    /// Whether two names can be equal; the bytes decide.
    pub fn may_equal_name(self, other: Self) -> bool {
        self.kind == other.kind && self.hash == other.hash && self.high == other.high
    }

    /// Where the sorted names of a large object begin, if they were sorted.
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
