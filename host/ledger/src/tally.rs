//! Counts by window and schema, kept as what changed since they were last taken.

use std::cell::Cell;

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
    /// Rows that landed while nobody watched the raw stream: their raw events are not known.
    pub unwatched: i64,
    /// Of the delivered ones: read after their deadline, and when they landed is not known so exactly.
    pub doubtful: i64,
    /// Of the rejected ones: those whose row may have landed unseen until then. It stays if the row comes later.
    pub rejected_unseen: i64,
}

impl Counts {
    /// Events with that verdict.
    pub fn verdict(&self, verdict: Verdict) -> i64 {
        self.verdicts[verdict as usize]
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Counts) {
        self.raw += other.raw;
        self.pending += other.pending;
        for (mine, theirs) in self.verdicts.iter_mut().zip(&other.verdicts) {
            *mine += theirs;
        }
        self.duplicate += other.duplicate;
        self.unexpected += other.unexpected;
        self.unwatched += other.unwatched;
        self.doubtful += other.doubtful;
        self.rejected_unseen += other.rejected_unseen;
    }

    /// Events that came in, are not pending and have no verdict; 0 unless Landfall has a bug.
    pub fn imbalance(&self) -> i64 {
        self.raw - self.pending - self.verdicts.iter().sum::<i64>()
    }

    /// Whether all counts are 0.
    pub fn is_empty(&self) -> bool {
        *self == Counts::default()
    }
}

/// What changed in one window and schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TallyDelta {
    /// Number of the window: its start since the epoch, in window lengths.
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
    /// The last window that was asked for and when it begins: most times are in the same one, and a
    /// division takes longer than all else that is done with them.
    last: Cell<(i64, i64)>,
}

impl Tallies {
    pub(crate) fn new(window_ms: i64) -> Self {
        Self {
            deltas: Vec::new(),
            index: Box::new([u32::MAX; INDEX_SLOTS]),
            window_ms: window_ms.max(1),
            last: Cell::new((0, 0)),
        }
    }

    pub(crate) fn window(&self, at_ms: i64) -> i64 {
        let (window, start_ms) = self.last.get();
        if at_ms >= start_ms && at_ms.wrapping_sub(start_ms) as u64 <= (self.window_ms - 1) as u64 {
            return window;
        }
        let whole = at_ms.div_euclid(self.window_ms);
        let window = whole.clamp(WINDOW_MIN, WINDOW_MAX);
        // Not those that are all counted in the first or the last one.
        if window == whole
            && let Some(start_ms) = whole.checked_mul(self.window_ms)
        {
            self.last.set((window, start_ms));
        }
        window
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_does_not_depend_on_the_one_asked_for_before() {
        for window_ms in [1, 7, 300_000, i64::MAX] {
            let tallies = Tallies::new(window_ms);
            let ends = [0, 1, -1, 6, 7, -7, -8, 299_999, 300_000, -300_000, -300_001];
            let times: Vec<i64> = ends
                .into_iter()
                .chain([i64::MIN, i64::MAX, 1 << 50, -1 << 50])
                .collect();
            for &before in &times {
                for &at_ms in &times {
                    tallies.window(before);
                    let alone = at_ms.div_euclid(window_ms).clamp(WINDOW_MIN, WINDOW_MAX);
                    assert_eq!(
                        tallies.window(at_ms),
                        alone,
                        "{at_ms} after {before}, {window_ms}"
                    );
                }
            }
        }
    }
}
