//! A load on one shard, for measuring: events come in and land, with a set number pending.

use std::time::Instant;

use hashbrown::HashTable;
use landfall_ledger::{
    Deadlines, Effect, Fingerprint, Form, Frontier, Generation, Judgement, PayloadRef,
    RawObservation, ReasonId, SchemaId, Shard, ShardConfig, WrittenObservation,
};

/// Observations measured after the fill, for each pending event.
const ROUNDS: usize = 2;

/// Observations in a share of a batch, as a judge hands them to a shard.
const SHARE_ROWS: usize = 512;

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Raw and written observations together, on one core.
    pub observations_per_second: f64,
    /// Memory of the tables of pending events, by their capacity.
    pub bytes_per_pending: f64,
}

/// Fills a shard with `pending` events, then lets one land for each that comes in.
pub fn measure(pending: usize) -> Measured {
    let mut load = Load::new(pending);
    let bytes_per_pending = load.shard.gauges().memory_bytes as f64 / pending.max(1) as f64;
    let total = pending * ROUNDS;
    let start = Instant::now();
    load.turn_over(total);
    Measured {
        observations_per_second: 2.0 * total as f64 / start.elapsed().as_secs_f64(),
        bytes_per_pending,
    }
}

/// The minimum cost of a join: a table of 32-byte entries. Each event is put into it, and its landing takes
/// it out. Returns observations a second with this many pending.
pub fn bare_join_per_second(pending: usize) -> f64 {
    let mut table: HashTable<[u64; 4]> = HashTable::with_capacity(pending + 1);
    let entry = |n: usize| {
        let Fingerprint(key) = key(n);
        [key as u64, (key >> 64) as u64, n as u64, 0]
    };
    let insert = |table: &mut HashTable<[u64; 4]>, n: usize| {
        let entry = entry(n);
        table.insert_unique(entry[0], entry, |entry| entry[0]);
    };
    (0..pending).for_each(|n| insert(&mut table, n));
    let total = pending * ROUNDS;
    let start = Instant::now();
    let mut joined = 0;
    for n in 0..total {
        insert(&mut table, pending + n);
        let wanted = entry(n);
        let found = table.find_entry(wanted[0], |entry| entry[..2] == wanted[..2]);
        joined += usize::from(found.map(|found| found.remove()).is_ok());
    }
    assert_eq!(joined, total, "every landing finds its event");
    2.0 * total as f64 / start.elapsed().as_secs_f64()
}

/// The same load, only run: this many events are pending, and as many come in and land.
pub fn run(pending: usize) {
    Load::new(pending).turn_over(pending);
}

struct Load {
    shard: Shard,
    effects: Vec<Effect>,
    pending: usize,
    done: usize,
}

impl Load {
    fn new(pending: usize) -> Self {
        let mut shard = Shard::new(config());
        let mut effects = Vec::new();
        for n in 0..pending {
            shard.raw(&raw(n), &mut effects);
        }
        Self {
            shard,
            effects,
            pending,
            done: 0,
        }
    }

    /// Callgrind counts this function.
    #[inline(never)]
    fn turn_over(&mut self, total: usize) {
        let end = self.done + total;
        let (mut raws, mut rows) = (Vec::new(), Vec::new());
        while self.done < end {
            let next = (self.done + SHARE_ROWS).min(end);
            raws.clear();
            raws.extend((self.done..next).map(|n| raw(self.pending + n)));
            rows.clear();
            rows.extend((self.done..next).map(written));
            self.shard.apply(&raws, &rows, &mut self.effects);
            let now_ms = (self.pending + next) as i64 / 100;
            let frontier = Frontier {
                raw_ms: now_ms,
                written_ms: now_ms,
            };
            self.shard.advance(frontier, &mut self.effects);
            self.effects.clear();
            self.done = next;
        }
    }
}

fn config() -> ShardConfig {
    ShardConfig {
        deadlines: Deadlines {
            default_ms: 3_600_000,
            by_schema: Vec::new(),
        },
        window_ms: 300_000,
        unexpected_grace_ms: 30_000,
        horizon_ms: 3_600_000,
        settled_max: 8_000_000,
        latency_bounds_ms: vec![100, 1000, 10_000, 60_000, 600_000],
        disputes_max: 1 << 16,
        writer_replaces: false,
        watched_since_ms: 0,
    }
}

/// Keys as a keyed hash gives them: spread over all bits (SplitMix64).
fn key(n: usize) -> Fingerprint {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let low = mix((n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    Fingerprint((u128::from(mix(low)) << 64) | u128::from(low))
}

fn raw(n: usize) -> RawObservation {
    RawObservation {
        key: key(n),
        form: Form::hash(n as u128),
        arrived_ms: n as i64 / 100,
        payload: PayloadRef((n as u64 / 65_536) << PayloadRef::SEGMENT_SHIFT),
        schema: SchemaId((n % 5) as u16),
        judgement: Judgement::Expected,
        reason: ReasonId(0),
        generation: Generation(0),
    }
}

fn written(n: usize) -> WrittenObservation {
    WrittenObservation {
        key: key(n),
        form: Form::hash(n as u128),
        earliest_ms: n as i64 / 100 + 1000,
        arrived_ms: n as i64 / 100 + 1000,
        schema: SchemaId((n % 5) as u16),
        row: 0,
        // Rows have files of their own in the spool.
        payload: PayloadRef(((1 << 20) + n as u64 / 65_536) << PayloadRef::SEGMENT_SHIFT),
        generation: Generation(0),
    }
}
