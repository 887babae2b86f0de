//! How far the shards have reported.

use landfall_ledger::{Frontier, ShardGauges, Stream};

use super::Accounting;
use crate::messages::Described;

pub(super) struct ShardProgress {
    pub frontier: Frontier,
    pub gauges: ShardGauges,
    /// The pieces of its current report, until the last one is there.
    pub pieces: Vec<Described>,
}

impl Accounting {
    /// The time before which everything has been reported.
    pub(super) fn complete_ms(&self, clock_ms: Option<i64>) -> i64 {
        let reported_ms = self
            .shards
            .iter()
            .map(|shard| shard.frontier.written_ms.min(shard.frontier.raw_ms))
            .min();
        match (clock_ms, reported_ms.unwrap_or(i64::MIN)) {
            (Some(clock_ms), i64::MAX) => clock_ms,
            (_, reported_ms) => reported_ms,
        }
    }

    /// The time up to which everything of a stream has been reported. None if that is not known
    /// (yet), or if times are the events' own, because then time stands still.
    pub(super) fn reported_up_to(&self, stream: Stream, clock_ms: Option<i64>) -> Option<i64> {
        let of_stream = |shard: &ShardProgress| match stream {
            Stream::Raw => shard.frontier.raw_ms,
            Stream::Written => shard.frontier.written_ms,
        };
        let reported_ms = self.shards.iter().map(of_stream).min()?;
        match clock_ms {
            Some(clock_ms) if reported_ms == i64::MAX => Some(clock_ms),
            Some(_) if reported_ms != i64::MIN => Some(reported_ms),
            _ => None,
        }
    }
}
