//! Counts by window and schema, kept as what changed since they were last taken.

use crate::identity::SchemaId;
use crate::settled::{WINDOW_MAX, WINDOW_MIN};
use crate::verdict::Verdict;

/// Counts of one window and one schema, in events. Signed: a verdict may be revised after it was
/// taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that came in, as the judge counts them; the ledger leaves it 0.
    pub raw: i64,
    pub pending: i64,
    /// By `Verdict as usize`.
    pub verdicts: [i64; Verdict::ALL.len()],
    pub duplicate: i64,
    pub unexpected: i64,
}

impl Counts {
    pub fn verdict(&self, verdict: Verdict) -> i64 {
        self.verdicts[verdict as usize]
    }

    pub fn add(&mut self, other: &Counts) {
        self.raw += other.raw;
        self.pending += other.pending;
        for (mine, theirs) in self.verdicts.iter_mut().zip(&other.verdicts) {
            *mine += theirs;
        }
        self.duplicate += other.duplicate;
        self.unexpected += other.unexpected;
    }

    /// Events that came in and have neither a verdict nor are pending; 0 unless Landfall is wrong.
    pub fn imbalance(&self) -> i64 {
        self.raw - self.pending - self.verdicts.iter().sum::<i64>()
    }

    pub fn is_empty(&self) -> bool {
        *self == Counts::default()
    }
}

/// What changed in one window and schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TallyDelta {
    pub window: i64,
    pub schema: SchemaId,
    pub counts: Counts,
}

/// Places of the direct-mapped index: several windows of a few hundred schemas, in 8 KiB.
const INDEX_SLOTS: usize = 2048;

/// Accumulates deltas. An index of fixed size finds the entry of the last windows and schemas
/// without hashing; a miss only opens another entry for the same pair, and the sum stays right.
#[derive(Debug)]
pub(crate) struct Tallies {
    deltas: Vec<TallyDelta>,
    index: Box<[u32; INDEX_SLOTS]>,
    window_ms: i64,
}

impl Tallies {
    pub(crate) fn new(window_ms: i64) -> Self {
        Self {
            deltas: Vec::new(),
            index: Box::new([u32::MAX; INDEX_SLOTS]),
            window_ms: window_ms.max(1),
        }
    }

    pub(crate) fn window(&self, at_ms: i64) -> i64 {
        at_ms
            .div_euclid(self.window_ms)
            .clamp(WINDOW_MIN, WINDOW_MAX)
    }

    pub(crate) fn at(&mut self, window: i64, schema: SchemaId) -> &mut Counts {
        let slot =
            (window.wrapping_mul(31) as usize).wrapping_add(usize::from(schema.0)) % INDEX_SLOTS;
        let known = self.index[slot] as usize;
        let found = self
            .deltas
            .get(known)
            .is_some_and(|delta| delta.window == window && delta.schema == schema);
        let place = if found {
            known
        } else {
            self.deltas.push(TallyDelta {
                window,
                schema,
                counts: Counts::default(),
            });
            self.index[slot] = (self.deltas.len() - 1) as u32;
            self.deltas.len() - 1
        };
        &mut self.deltas[place].counts
    }

    pub(crate) fn drain(&mut self, out: &mut Vec<TallyDelta>) {
        out.extend(
            self.deltas
                .drain(..)
                .filter(|delta| !delta.counts.is_empty()),
        );
        self.index.fill(u32::MAX);
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.deltas.capacity() * size_of::<TallyDelta>() + size_of_val(&*self.index)
    }
}
