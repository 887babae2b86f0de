//! Events that wait: a slab of entries in fixed chunks, so that it grows without copying them.

use crate::identity::{Fingerprint, Form, Generation, PayloadRef, ReasonId, SchemaId};

/// No entry.
pub(crate) const NIL: u32 = u32::MAX;

/// Entries in a chunk: 64 KiB. A slab wastes less than one chunk, so that a million events in many
/// shards take as little as in one.
const CHUNK_ENTRIES: usize = 1 << 10;

/// Bits of an entry's tag for why it waits; the others are its class.
const WAITING_BITS: u32 = 3;

/// Most deadline queues that a tag can name.
pub(crate) const CLASSES_MAX: u16 = u16::MAX >> WAITING_BITS;

/// Why an entry waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Waiting {
    /// A raw event that is to land.
    Expected = 0,
    /// A raw event that must not.
    Rejected = 1,
    /// A landing without its raw event yet.
    Early = 2,
    /// A pair that the host compares anew: its sides were hashed by different checks.
    Comparing = 3,
    /// A raw event and the row under its key, which is not the row that it should be: a copy that
    /// explains the row may still come.
    Disputed = 4,
    /// An event that was missing came in once more: another chance for the same row.
    Again = 5,
    /// A landing whose key has a verdict already, given to a copy that must not land or could not be
    /// judged: a copy that is to land may still come.
    Revising = 6,
    /// A look-up in the store is under way: whether the key is missing from long ago.
    Recalling = 7,
}

impl Waiting {
    /// Whether an entry that waits so is in a deadline queue; the others are found by their slot.
    pub(crate) fn is_queued(self) -> bool {
        matches!(
            self,
            Waiting::Expected | Waiting::Rejected | Waiting::Early | Waiting::Again
        )
    }
}

/// One waiting event. 64 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    key: [u64; 2],
    form: [u64; 2],
    pub payload: PayloadRef,
    pub arrived_ms: i64,
    /// Neighbours in the deadline queue of its class.
    pub prev: u32,
    pub next: u32,
    pub schema: SchemaId,
    pub reason: ReasonId,
    pub generation: Generation,
    /// Which deadline queue it is in, and why it waits.
    tag: u16,
}

const _: () = assert!(size_of::<Entry>() == 64);

impl Entry {
    #[allow(clippy::too_many_arguments, reason = "an entry is what it is made of")]
    pub(crate) fn new(
        key: Fingerprint,
        form: Form,
        payload: PayloadRef,
        arrived_ms: i64,
        schema: SchemaId,
        reason: ReasonId,
        generation: Generation,
        class: u16,
        waiting: Waiting,
    ) -> Self {
        let key = [(key.0 >> 64) as u64, key.0 as u64];
        Self {
            key,
            form: form.halves(),
            payload,
            arrived_ms,
            prev: NIL,
            next: NIL,
            schema,
            reason,
            generation,
            tag: tag(class, waiting),
        }
    }

    /// Nothing but a key: what a slot holds until it is used.
    pub(crate) fn vacant(key: Fingerprint) -> Self {
        Self::new(
            key,
            Form::NONE,
            PayloadRef(0),
            0,
            SchemaId(0),
            ReasonId(0),
            Generation(0),
            0,
            Waiting::Expected,
        )
    }

    pub(crate) fn class(&self) -> u16 {
        self.tag >> WAITING_BITS
    }

    pub(crate) fn waiting(&self) -> Waiting {
        match self.tag & ((1 << WAITING_BITS) - 1) {
            0 => Waiting::Expected,
            1 => Waiting::Rejected,
            2 => Waiting::Early,
            3 => Waiting::Comparing,
            4 => Waiting::Disputed,
            5 => Waiting::Again,
            6 => Waiting::Revising,
            _ => Waiting::Recalling,
        }
    }

    pub(crate) fn hash(&self) -> u32 {
        self.key().hash()
    }

    pub(crate) fn set_waiting(&mut self, class: u16, waiting: Waiting) {
        self.tag = tag(class, waiting);
        if !waiting.is_queued() {
            // It has no neighbours any more, and whoever looks ahead would follow them.
            (self.prev, self.next) = (NIL, NIL);
        }
    }

    pub(crate) fn key(&self) -> Fingerprint {
        Fingerprint((u128::from(self.key[0]) << 64) | u128::from(self.key[1]))
    }

    pub(crate) fn form(&self) -> Form {
        Form::from_halves(self.form)
    }

    /// A landing that came first has no reason, and in its place how long before it was read it may
    /// have landed.
    pub(crate) fn set_earliest(&mut self, earliest_ms: i64) {
        self.reason = ReasonId(packed(self.arrived_ms.saturating_sub(earliest_ms)));
    }

    /// No later than what was set.
    pub(crate) fn earliest_ms(&self) -> i64 {
        self.arrived_ms.saturating_sub(unpacked(self.reason.0))
    }
}

/// Bits of a packed span for its length in units; the others are the size of a unit, as a power of two.
const UNITS_BITS: u32 = 11;
const UNITS_MAX: u64 = (1 << UNITS_BITS) - 1;

/// A span of time in 16 bits, in milliseconds: exact up to two seconds, then to a thousandth, and never
/// shorter than it is. The longest, of a hundred years, stands for any longer one.
fn packed(span_ms: i64) -> u16 {
    let span = span_ms.max(0).unsigned_abs();
    let mut shift = (u64::BITS - span.leading_zeros()).saturating_sub(UNITS_BITS);
    let mut units = span.div_ceil(1 << shift);
    if units > UNITS_MAX {
        // It was rounded up to one digit more.
        (units, shift) = (units >> 1, shift + 1);
    }
    u16::try_from(u64::from(shift) << UNITS_BITS | units).unwrap_or(u16::MAX)
}

fn unpacked(span: u16) -> i64 {
    if span == u16::MAX {
        return i64::MAX;
    }
    let units = u64::from(span) & UNITS_MAX;
    // At most 11 bits, shifted by 31.
    (units << (span >> UNITS_BITS)) as i64
}

fn tag(class: u16, waiting: Waiting) -> u16 {
    (class << WAITING_BITS) | waiting as u16
}

/// All entries of a shard. `Default` allocates nothing.
#[derive(Debug)]
pub(crate) struct Pending {
    chunks: Vec<Box<[Entry; CHUNK_ENTRIES]>>,
    /// Slots that were ever used: all others come after them.
    used: u32,
    /// Head of the list of free ones among them, linked by `next`.
    free: u32,
    len: usize,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            used: 0,
            free: NIL,
            len: 0,
        }
    }
}

impl Pending {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, slot: u32) -> &Entry {
        &self.chunks[slot as usize / CHUNK_ENTRIES][slot as usize % CHUNK_ENTRIES]
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Entry {
        &mut self.chunks[slot as usize / CHUNK_ENTRIES][slot as usize % CHUNK_ENTRIES]
    }

    /// The slot where the entry now is.
    pub(crate) fn insert(&mut self, entry: Entry) -> u32 {
        self.len += 1;
        let slot = self.free;
        if slot != NIL {
            // The one that was freed last: it is still in the processor's cache.
            let place = self.get_mut(slot);
            let next = std::mem::replace(place, entry).next;
            self.free = next;
            return slot;
        }
        let slot = self.used;
        self.used += 1;
        if slot as usize == self.chunks.len() * CHUNK_ENTRIES {
            self.chunks.push(chunk());
        }
        *self.get_mut(slot) = entry;
        slot
    }

    /// Frees a slot, whose entry must have been unlinked from its queue.
    pub(crate) fn remove(&mut self, slot: u32) {
        self.len -= 1;
        if self.len == 0 {
            // Nothing waits: give the memory of a past flood back, but for one chunk.
            self.chunks.truncate(1);
            (self.used, self.free) = (0, NIL);
            return;
        }
        let free = self.free;
        let entry = self.get_mut(slot);
        entry.next = free;
        // Its frame is no longer its own.
        entry.payload = PayloadRef::NONE;
        self.free = slot;
    }

    /// Slots that were ever used: all others come after them.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// Where the frames of these many slots are, from one on; `PayloadRef::NONE` of those that have none.
    pub(crate) fn payloads_mut(
        &mut self,
        from: u32,
        slots: u32,
    ) -> impl Iterator<Item = &mut PayloadRef> {
        let slots = slots.min(self.used.saturating_sub(from)) as usize;
        let from = from as usize;
        let chunks = self.chunks.iter_mut().skip(from / CHUNK_ENTRIES);
        let entries = chunks.flat_map(|chunk| chunk.iter_mut());
        entries
            .skip(from % CHUNK_ENTRIES)
            .take(slots)
            .map(|entry| &mut entry.payload)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.chunks.len() * CHUNK_ENTRIES * size_of::<Entry>()
    }
}

/// A function of its own, because it takes much of a stack for a moment.
#[cold]
#[inline(never)]
fn chunk() -> Box<[Entry; CHUNK_ENTRIES]> {
    Box::new([Entry::vacant(Fingerprint(0)); CHUNK_ENTRIES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_span_is_never_shorter_and_hardly_longer() {
        let spans = (0..5_000).chain((11..41).flat_map(|bits| {
            let power = 1i64 << bits;
            [
                power - 1,
                power,
                power + 1,
                power + power / 3,
                2 * power - 1,
            ]
        }));
        for span in spans {
            let longest = unpacked(packed(span));
            assert!(longest >= span, "{span}: {longest}");
            assert!(longest - span <= span / 1_024, "{span}: {longest}");
            assert!(longest == span || span >= 2_048, "{span}: {longest}");
        }
        for span in [1 << 42, 1 << 50, i64::MAX] {
            assert_eq!(unpacked(packed(span)), i64::MAX, "{span}");
        }
        assert_eq!(unpacked(packed(-1)), 0);
    }
}
