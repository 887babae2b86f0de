//! What the store keeps of settled keys, so that the next run remembers them.

use landfall_store::{KEY_RECORD_BYTES, SettledKeysRow};

use crate::results::accounting::Prepared;

/// What is remembered of keys, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct KeyMemory {
    /// The number of this run.
    pub run: u64,
    pub shards: usize,
    pub window_ms: i64,
    /// The ledger remembers a key for one and a half of it at most.
    pub horizon_ms: i64,
    /// And so many keys.
    pub settled_max: u64,
    /// How many keys were stored so far, by all runs.
    pub keys: u64,
}

impl KeyMemory {
    /// The rows of a flush.
    pub(super) fn rows(&self, prepared: &Prepared, now_ms: i64) -> Vec<SettledKeysRow> {
        let mut keys_before = self.keys;
        let row = |settled: &crate::results::accounting::SettledKeys| {
            let records: Vec<u8> = (settled.records.iter())
                .flat_map(|record| record.to_bytes())
                .collect();
            let row = SettledKeysRow {
                run: self.run,
                shard: settled.shard,
                shards: self.shards,
                window_ms: self.window_ms,
                at_ms: settled.applied_ms.unwrap_or(now_ms),
                has_claims: settled.has_claims,
                keys_before,
                records,
            };
            keys_before += (row.records.len() / KEY_RECORD_BYTES) as u64;
            row
        };
        prepared.settled_keys.iter().map(row).collect()
    }

    /// What was stored before this instant is forgotten, in milliseconds: a copy that comes late may still be read.
    /// Everything that came before `complete_ms` has been reported.
    pub(super) fn forgotten_ms(&self, complete_ms: i64) -> i64 {
        complete_ms
            .saturating_sub(self.horizon_ms)
            .saturating_sub(self.horizon_ms / 2)
    }

    /// What was stored before so many keys is forgotten.
    pub(super) fn forgotten_keys(&self) -> u64 {
        self.keys.saturating_sub(self.settled_max)
    }

    /// A flush was stored.
    pub(super) fn stored(&mut self, prepared: &Prepared) {
        let keys = prepared.settled_keys.iter();
        self.keys += keys
            .map(|settled| settled.records.len() as u64)
            .sum::<u64>();
    }
}
