//! The histories of the simulation in a ledger with a short horizon and few remembered keys, with a
//! store in which it looks up what it forgot. Each key is held against all that may become of it: it may be
//! forgotten after the horizon that the shard reports, and must be after one and a half of the configured
//! one. What is missing is never forgotten, for the store knows it.

#[path = "support/history.rs"]
#[allow(dead_code, reason = "the simulation needs the rest of it")]
mod history;
#[path = "support/oracle.rs"]
#[allow(dead_code, reason = "the simulation needs the rest of it")]
mod oracle;

use std::collections::BTreeMap;

use history::{GRACE_MS, History, Op, WINDOW_MS, deadlines};
use landfall_ledger::{
    Counts, Effect, Fingerprint, Frontier, PayloadRef, SchemaId, Shard, ShardConfig, Verdict,
};
use oracle::{Remembers, Tallies, outcomes};

const SEEDS: u64 = 3_000;

/// Before everything else in a history.
const START_MS: i64 = -10_000;

/// A shard, and the store that it asks.
struct Ledger {
    shard: Shard,
    /// Arrival and schema of what is missing.
    store: BTreeMap<Fingerprint, (i64, SchemaId)>,
    /// By the schema; each key has schemas of its own.
    tallies: BTreeMap<SchemaId, Tallies>,
    held: i64,
    asked: u64,
    revised_in_the_store: u64,
}

impl Ledger {
    fn new(horizon_ms: i64, settled_max: usize) -> Self {
        Self {
            shard: Shard::new(ShardConfig {
                deadlines: deadlines(0),
                window_ms: WINDOW_MS,
                unexpected_grace_ms: GRACE_MS,
                horizon_ms,
                settled_max,
                latency_bounds_ms: Vec::new(),
                disputes_max: 1 << 16,
                writer_replaces: false,
                watched_since_ms: START_MS,
            }),
            store: BTreeMap::new(),
            tallies: BTreeMap::new(),
            held: 0,
            asked: 0,
            revised_in_the_store: 0,
        }
    }

    fn apply(&mut self, op: &mut Op) -> Vec<Effect> {
        let mut effects = Vec::new();
        let shard = &mut self.shard;
        match op {
            Op::Raw(raw) => {
                self.held += 1;
                shard.raw(raw, &mut effects);
            }
            Op::Written(row) => {
                self.held += i64::from(row.payload != PayloadRef::NONE);
                shard.written(row, &mut effects);
            }
            Op::Attach(key, payload, held) => {
                *held = shard.attach_written(*key, *payload);
                self.held += i64::from(*held);
            }
            Op::Compared(key, equal) => shard.compared(*key, *equal, &mut effects),
            Op::Advance(frontier) => while shard.advance_some(*frontier, 3, &mut effects) {},
            Op::Deadlines(number) => shard.set_deadlines(deadlines(*number)),
        }
        let mut looked_at = 0;
        while let Some(effect) = effects.get(looked_at).copied() {
            looked_at += 1;
            self.hear(effect, &mut effects);
            if looked_at == effects.len()
                && let Op::Advance(frontier) = op
            {
                // What the store answered wants time too.
                while self.shard.advance_some(*frontier, 3, &mut effects) {}
            }
        }
        self.shard.flush_released(&mut effects);
        for effect in &effects[looked_at..] {
            self.release(effect);
        }
        let mut deltas = Vec::new();
        self.shard.drain_tallies(&mut deltas);
        for delta in deltas {
            let tallies = self.tallies.entry(delta.schema).or_default();
            tallies.add(delta.window, delta.schema, &delta.counts);
        }
        effects
    }

    fn release(&mut self, effect: &Effect) {
        if let Effect::Released { rows, .. } = effect {
            self.held -= i64::from(*rows);
        }
    }

    fn hear(&mut self, effect: Effect, effects: &mut Vec<Effect>) {
        self.release(&effect);
        match effect {
            Effect::Missing {
                key,
                schema,
                arrived_ms,
                ..
            } => {
                self.store.insert(key, (arrived_ms, schema));
            }
            Effect::LandedLate { key, window, .. } => {
                let stored = self.store.remove(&key);
                if window.is_none() {
                    let (arrived_ms, schema) = stored.expect("it was missing");
                    let mut counts = Counts::default();
                    counts.verdicts[Verdict::Missing as usize] = -1;
                    counts.verdicts[Verdict::Late as usize] = 1;
                    let tallies = self.tallies.entry(schema).or_default();
                    tallies.add(arrived_ms.div_euclid(WINDOW_MS), schema, &counts);
                    self.revised_in_the_store += 1;
                }
            }
            Effect::Recall { key } => {
                self.asked += 1;
                let missing = self.store.get(&key).map(|(_, schema)| *schema);
                self.shard.recalled(key, missing, effects);
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_forgotten_is_what_may_be_and_the_store_still_knows_what_is_missing() {
    let (mut forgotten, mut asked, mut revised) = (0_u64, 0, 0);
    for seed in 0..SEEDS {
        let (horizon_ms, settled_max) = match seed % 3 {
            0 => (150, 1_000),
            1 => (600, 1_000),
            _ => (600, 5 + seed as usize % 20),
        };
        let mut ledger = Ledger::new(horizon_ms, settled_max);
        let mut history = History::new(seed);
        let mut schemas: BTreeMap<(Fingerprint, SchemaId), SchemaId> = BTreeMap::new();
        let mut log: Vec<(Op, Remembers)> = Vec::new();
        let mut now_ms = START_MS;
        let mut before_ms = START_MS;
        let mut next = Some(Op::Advance(Frontier {
            raw_ms: START_MS,
            written_ms: START_MS,
        }));
        while let Some(mut op) = next {
            // Beyond those that have a deadline of their own.
            let number = 10 + schemas.len() as u16;
            let mut schema_of =
                |key, named| *schemas.entry((key, named)).or_insert(SchemaId(number));
            match &mut op {
                Op::Raw(raw) => raw.schema = schema_of(raw.key, raw.schema),
                Op::Written(row) => row.schema = schema_of(row.key, row.schema),
                Op::Advance(frontier) if frontier.raw_ms != i64::MAX => {
                    now_ms = frontier.raw_ms.min(frontier.written_ms);
                }
                _ => {}
            }
            let horizon_ms = ledger.shard.gauges().horizon_ms;
            let effects = ledger.apply(&mut op);
            let remembers = Remembers {
                before_ms,
                now_ms,
                horizon_ms: match op {
                    // What it settles may cut the horizon while it goes on.
                    Op::Advance(_) => horizon_ms.min(ledger.shard.gauges().horizon_ms),
                    _ => horizon_ms,
                },
            };
            before_ms = now_ms;
            history.hear(&effects);
            log.push((op, remembers));
            assert!(ledger.shard.gauges().settled <= settled_max, "seed {seed}");
            next = history.next();
        }
        assert_eq!(ledger.shard.gauges().pending, 0, "seed {seed}");
        assert_eq!(ledger.held, 0, "seed {seed}: all payloads are released");
        let mut by_key: BTreeMap<Fingerprint, Tallies> = BTreeMap::new();
        for ((key, _), schema) in schemas {
            let came = by_key.entry(key).or_default();
            let of_schema = ledger.tallies.remove(&schema).unwrap_or_default();
            of_schema.merge_into(came);
        }
        for (key, came) in by_key {
            let (possible, must) = outcomes(key, &log, horizon_ms);
            let of_key = |op: &Op| match op {
                Op::Raw(raw) => raw.key == key,
                Op::Written(row) => row.key == key,
                _ => false,
            };
            assert!(
                possible.contains(&came),
                "seed {seed}: {came:?} is none of {possible:?} after {:?}",
                log.iter().filter(|(op, _)| of_key(op)).collect::<Vec<_>>()
            );
            forgotten += u64::from(must);
        }
        asked += ledger.asked;
        revised += ledger.revised_in_the_store;
    }
    // The histories are worth something only if much is forgotten.
    assert!(forgotten > 1_000, "only {forgotten} keys must be forgotten");
    assert!(asked > 100, "only {asked} questions to the store");
    assert!(revised > 50, "only {revised} landed late there");
}
