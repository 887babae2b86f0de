//! Two shards by hand: for what must hold whoever is heard first.

use fastrand::Rng;
use landfall_ledger::Judgement;

use super::sent::{Row, Sent, fingerprint};
use super::{Plans, Settings, World};

/// What the writer may be silent for: less than what an event may take to land.
pub(in super::super) const STALL_MS: i64 = 700;

impl<'a> World<'a> {
    pub(in super::super) fn by_hand(plans: &'a Plans) -> Self {
        let settings = Settings {
            shards: 2,
            horizon_ms: 4000,
            stall_ms: STALL_MS,
            missing_max: 1_000_000,
        };
        Self::with(settings, &mut Rng::with_seed(0), plans)
    }

    /// So much later raw events and rows of these keys come, and are applied. Nobody has heard of it.
    pub(in super::super) fn comes(&mut self, after_ms: i64, raw: &[u64], rows: &[u64]) {
        self.now_ms += after_ms;
        self.clock.set_ms(self.now_ms);
        let now_ms = self.now_ms;
        let raw = raw.iter().map(|&key| Sent {
            key,
            arrived_ms: now_ms,
            schema: 0,
            judgement: Judgement::Expected,
            content: 0,
        });
        let rows = rows.iter().map(|&key| Row {
            key,
            landed_ms: now_ms,
            schema: 0,
            content: 0,
        });
        self.bring(raw.collect(), rows.collect());
        let mut rng = Rng::with_seed(0);
        while !self.run().batches.is_empty() {
            self.judge(&mut rng);
        }
        for number in 0..self.settings.shards {
            while !self.run().shards[number].work.is_empty() {
                self.apply_to(number);
            }
        }
    }

    /// A shard moves time, and what it reports is received and written.
    pub(in super::super) fn hear(&mut self, shard: usize) {
        self.advance_shard(shard);
        while !self.run().shards[shard].outputs.is_empty() {
            self.describe_of(shard);
        }
        self.flush();
    }

    /// Causes of all incidents.
    pub(in super::super) fn causes(&self) -> Vec<String> {
        self.laws.causes()
    }
}

/// Some key of a shard, of two.
pub(in super::super) fn key_of(shard: usize, number: usize) -> u64 {
    let is_its = |key: &u64| fingerprint(*key).shard(2) == shard;
    let mut keys = (0..1000).filter(is_its);
    keys.nth(number).expect("each shard has many")
}
