//! The format of a segment's file, version 2. Numbers are little-endian.
//!
//! A file begins with [`MAGIC`]. Records follow, one for each batch: a header (the number of frames as u32, the bytes
//! of all frames as u32, the CRC-32 of both and of the index as u32), the index, then the frames as they came. An
//! index entry has, for its frame: its offset in the file and its length (u32 each), its place in the order of its
//! source (u64; of a row that is restored, the earliest instant at which it can have come, i64), its arrival in
//! milliseconds since the epoch (i64), the reference that it had before it was moved (u64, or 0), the CRC-32 of its bytes
//! (u32), the index of its source (u16), and its kind (u16): 0 for a row that is not restored, 1 for a raw event, 2 for a
//! row that is restored. Version 1 is the same without kind 2.
//!
//! The CRC is that of IEEE 802.3. A process that is killed may leave a record that is cut off: the reader ends there.

use super::reference::Reference;

/// The first bytes of a file, with the version of the format.
pub(super) const MAGIC: [u8; 8] = *b"LFSPOOL\x02";

/// The oldest version that can be read.
pub(super) const OLDEST_VERSION: u8 = 1;

/// Bytes of [`MAGIC`] before the version.
pub(super) const MAGIC_NAME_BYTES: usize = 7;

/// Bytes of a record's header.
pub(super) const HEADER_BYTES: usize = 12;

/// What a frame is: that decides what becomes of it after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A row that is not restored.
    HeldRow = 0,
    /// A raw event, which is restored until it is settled.
    Raw = 1,
    /// A row, which is restored until what became of it is stored.
    Row = 2,
}

impl FrameKind {
    fn of(number: u16) -> Self {
        match number {
            1 => Self::Raw,
            2 => Self::Row,
            _ => Self::HeldRow,
        }
    }
}

/// Bytes of an index entry.
pub const ENTRY_BYTES: usize = 40;

/// What the index has of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndexEntry {
    pub offset: u32,
    pub len: u32,
    /// Of a row that is restored, the earliest instant at which it can have come.
    pub place: u64,
    pub arrived_ms: i64,
    /// The reference to the frame before it was moved; 0 if it was not.
    pub moved_from: u64,
    pub checksum: u32,
    pub source: u16,
    pub kind: FrameKind,
}

impl IndexEntry {
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.place.to_le_bytes());
        out.extend_from_slice(&self.arrived_ms.to_le_bytes());
        out.extend_from_slice(&self.moved_from.to_le_bytes());
        out.extend_from_slice(&self.checksum.to_le_bytes());
        out.extend_from_slice(&self.source.to_le_bytes());
        out.extend_from_slice(&(self.kind as u16).to_le_bytes());
    }

    pub fn read(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let mut rest = bytes.as_slice();
        Self {
            offset: u32::from_le_bytes(take(&mut rest)),
            len: u32::from_le_bytes(take(&mut rest)),
            place: u64::from_le_bytes(take(&mut rest)),
            arrived_ms: i64::from_le_bytes(take(&mut rest)),
            moved_from: u64::from_le_bytes(take(&mut rest)),
            checksum: u32::from_le_bytes(take(&mut rest)),
            source: u16::from_le_bytes(take(&mut rest)),
            kind: FrameKind::of(u16::from_le_bytes(take(&mut rest))),
        }
    }

    /// The reference to the frame, whose entry is at `entry_at` of a segment.
    pub fn reference(&self, segment: u32, entry_at: u32) -> u64 {
        let bytes = u64::from(self.len) + ENTRY_BYTES as u64;
        Reference::new(segment, entry_at, bytes).0
    }
}

/// The next `N` bytes; zeros beyond the end.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    let (head, tail) = rest.split_at(N.min(rest.len()));
    taken[..head.len()].copy_from_slice(head);
    *rest = tail;
    taken
}

/// The header of a record with this index.
pub(super) fn header(rows: u32, frames_bytes: u32, index: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&rows.to_le_bytes());
    header[4..8].copy_from_slice(&frames_bytes.to_le_bytes());
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&header[..8]);
    checksum.update(index);
    header[8..].copy_from_slice(&checksum.finalize().to_le_bytes());
    header
}

/// The number of frames and the bytes of all frames that a header states.
pub(super) fn sizes(header: &[u8; HEADER_BYTES]) -> (u32, u32) {
    let mut rest = header.as_slice();
    let rows = u32::from_le_bytes(take(&mut rest));
    (rows, u32::from_le_bytes(take(&mut rest)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_entry_reads_back_as_it_was_written(
            numbers in any::<(u32, u32, u64, i64, u64, u32, u16)>(), kind in 0_u16..3
        ) {
            let (offset, len, place, arrived_ms, moved_from, checksum, source) = numbers;
            let entry = IndexEntry { offset, len, place, arrived_ms, moved_from, checksum, source, kind: FrameKind::of(kind) };
            let mut bytes = Vec::new();
            entry.write(&mut bytes);
            prop_assert_eq!(&bytes[38..], &kind.to_le_bytes()[..]);
            prop_assert_eq!(IndexEntry::read(&bytes.try_into().unwrap()), entry);
        }
    }

    #[test]
    fn a_header_has_its_sizes_and_a_checksum_of_all() {
        let head = header(2, 700, b"index");
        assert_eq!(sizes(&head), (2, 700));
        assert_ne!(head, header(2, 700, b"indey"));
        assert_eq!(
            head[8..],
            crc32fast::hash(b"\x02\0\0\0\xbc\x02\0\0index").to_le_bytes()
        );
    }
}
