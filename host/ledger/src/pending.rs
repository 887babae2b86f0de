//! Events that wait: a slab of entries in fixed chunks, and a table of indices into it. Half the
//! memory of a map of entries, and it grows without copying them.

use hashbrown::HashTable;

use crate::identity::{Fingerprint, Form, Generation, PayloadRef, ReasonId, SchemaId};

/// No entry.
pub(crate) const NIL: u32 = u32::MAX;

/// Entries in a chunk: 64 KiB. A slab wastes less than one chunk, so that a million events in many
/// shards take as little as in one.
const CHUNK_ENTRIES: usize = 1 << 10;

/// Bits of an entry's tag that say why it waits; the others are its class.
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
    /// A pair that the host looks at again.
    Comparing = 3,
    /// A pair that the host looks at again, and that landed after its deadline.
    ComparingLate = 4,
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

    pub(crate) fn class(&self) -> u16 {
        self.tag >> WAITING_BITS
    }

    pub(crate) fn waiting(&self) -> Waiting {
        match self.tag & ((1 << WAITING_BITS) - 1) {
            0 => Waiting::Expected,
            1 => Waiting::Rejected,
            2 => Waiting::Early,
            3 => Waiting::Comparing,
            _ => Waiting::ComparingLate,
        }
    }

    pub(crate) fn set_waiting(&mut self, class: u16, waiting: Waiting) {
        self.tag = tag(class, waiting);
    }

    pub(crate) fn key(&self) -> Fingerprint {
        Fingerprint((u128::from(self.key[0]) << 64) | u128::from(self.key[1]))
    }

    pub(crate) fn form(&self) -> Form {
        Form::from_halves(self.form)
    }
}

fn tag(class: u16, waiting: Waiting) -> u16 {
    (class << WAITING_BITS) | waiting as u16
}

/// All entries of a shard.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    chunks: Vec<Vec<Entry>>,
    /// Head of the list of free entries, linked by `next`.
    free: Option<u32>,
    table: HashTable<u32>,
}

impl Pending {
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn get(&self, slot: u32) -> &Entry {
        &self.chunks[slot as usize / CHUNK_ENTRIES][slot as usize % CHUNK_ENTRIES]
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Entry {
        &mut self.chunks[slot as usize / CHUNK_ENTRIES][slot as usize % CHUNK_ENTRIES]
    }

    /// Where the table has something that may be the key, without looking at what: the first of two waits
    /// for memory, which of several keys can overlap.
    pub(crate) fn candidate(&self, key: Fingerprint) -> Option<&u32> {
        self.table.find(key.low(), |_| true)
    }

    pub(crate) fn find(&self, key: Fingerprint) -> Option<u32> {
        self.table
            .find(key.low(), |&slot| self.get(slot).key() == key)
            .copied()
    }

    /// Adds an entry whose key is not there.
    pub(crate) fn insert(&mut self, entry: Entry) -> u32 {
        let slot = match self.free {
            Some(slot) => {
                let next = self.get(slot).next;
                self.free = (next != NIL).then_some(next);
                *self.get_mut(slot) = entry;
                slot
            }
            None => {
                if self
                    .chunks
                    .last()
                    .is_none_or(|chunk| chunk.len() == CHUNK_ENTRIES)
                {
                    self.chunks.push(Vec::with_capacity(CHUNK_ENTRIES));
                }
                let chunk = self.chunks.len() - 1;
                self.chunks[chunk].push(entry);
                (chunk * CHUNK_ENTRIES + self.chunks[chunk].len() - 1) as u32
            }
        };
        let Self { chunks, table, .. } = self;
        table.insert_unique(entry.key().low(), slot, |&slot| {
            chunks[slot as usize / CHUNK_ENTRIES][slot as usize % CHUNK_ENTRIES]
                .key()
                .low()
        });
        slot
    }

    /// Takes an entry out; it must have been unlinked from its queue.
    pub(crate) fn remove(&mut self, slot: u32) -> Entry {
        let entry = *self.get(slot);
        if let Ok(found) = self
            .table
            .find_entry(entry.key().low(), |&other| other == slot)
        {
            found.remove();
        }
        self.get_mut(slot).next = self.free.unwrap_or(NIL);
        self.free = Some(slot);
        if self.table.is_empty() {
            // Nothing waits: give the memory of a past flood back, but for one chunk.
            self.chunks.truncate(1);
            if let Some(chunk) = self.chunks.first_mut() {
                chunk.clear();
            }
            self.free = None;
            self.table.shrink_to(CHUNK_ENTRIES, |_| 0);
        }
        entry
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.chunks.len() * CHUNK_ENTRIES * size_of::<Entry>() + self.table.allocation_size()
    }
}
