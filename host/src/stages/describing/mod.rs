//! The stage that describes. It adds to what shards report: keys as text, and the fields that
//! differ. It also answers comparisons. There is one describer for all shards, and it keeps the
//! order: a late landing never overtakes the report of its missing event.

mod allowance;

use std::sync::Arc;
use std::time::Instant;

use landfall_ledger::{Effect, PerStream, Stream};
use landfall_runtime::Packed;

pub(crate) use self::allowance::Allowance;
use self::allowance::is_spread;
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Comparison, Describer};
use crate::messages::{Described, LedgerEvent, Message, ShardAnswer, ShardOutput};

/// What the describer works with.
pub(crate) struct DescribeStage {
    pub describer: Describer,
    pub plan: Arc<PlanCell>,
    /// The time for altered events. None if all are compared (in an audit, which delays nobody).
    pub allowance: Option<Allowance>,
}

/// What one output of a shard leads to.
pub(crate) struct DescribeOutput {
    /// Answers, each with the number of the shard that asked.
    pub answers: Vec<(usize, ShardAnswer)>,
    /// The message for the results.
    pub message: Message,
}

impl DescribeStage {
    /// Describes one output of a shard.
    pub fn step(&mut self, input: ShardOutput, now: Instant) -> DescribeOutput {
        if !input.events.is_empty() {
            self.describer.follow(&self.plan.current());
        }
        let keys = self.keys(&input.events);
        let comparisons = self.compare(&input.events, &keys, now);
        let checks = self.describer.take_activity();
        let answers = answers(&input.events, &comparisons);
        let generation = self.describer.plan().generation;
        let events = input.events.into_iter().zip(keys).zip(comparisons);
        let events = events.map(|((event, key), comparison)| Described {
            event,
            key,
            comparison,
            generation,
        });
        let output = ShardOutput {
            shard: input.shard,
            activity: input.activity,
            landed_ms: input.landed_ms,
            events: events.collect(),
            more: input.more,
            tallies: input.tallies,
            settled: input.settled,
            flush: input.flush,
        };
        DescribeOutput {
            answers,
            message: Message::Shard { output, checks },
        }
    }

    /// Compares both sides for all comparisons that shards asked for, and for as many altered
    /// events as there is time for. These are spread over the message, so that rare ones get their
    /// share beside a flood.
    fn compare(
        &mut self,
        events: &[LedgerEvent],
        keys: &[String],
        now: Instant,
    ) -> Vec<Option<Comparison>> {
        let altered = events
            .iter()
            .filter(|event| matches!(event.effect, Effect::Altered { .. }))
            .count();
        let explained = match &mut self.allowance {
            Some(allowance) => allowance.events(altered, now),
            None => altered,
        };
        let mut seen = 0;
        let mut places = Vec::new();
        let mut pairs: Vec<(&[u8], &[u8])> = Vec::new();
        for (place, event) in events.iter().enumerate() {
            let is_wanted = match event.effect {
                Effect::Altered { .. } => {
                    seen += 1;
                    is_spread(seen - 1, explained, altered)
                }
                Effect::Compare { .. } => true,
                _ => false,
            };
            if is_wanted {
                places.push(place);
                pairs.push((&event.frames.raw, &event.frames.written));
            }
        }
        let mut comparisons = vec![None; events.len()];
        if pairs.is_empty() {
            return comparisons;
        }
        let keys: Vec<&str> = places.iter().map(|&place| keys[place].as_str()).collect();
        let describer = &mut self.describer;
        let compared = match &mut self.allowance {
            Some(allowance) => allowance.measure(pairs.len(), || describer.compare(&pairs, &keys)),
            None => describer.compare(&pairs, &keys),
        };
        for (place, comparison) in places.iter().zip(compared) {
            comparisons[*place] = Some(comparison);
        }
        comparisons
    }

    /// The keys as text. All raw frames are read in one batch, and all written ones in another.
    fn keys(&mut self, events: &[LedgerEvent]) -> Vec<String> {
        let mut frames: PerStream<Packed> = PerStream::default();
        let places: Vec<Option<(Stream, usize)>> = events
            .iter()
            .map(|event| {
                let (stream, frame) = event.frame()?;
                frames[stream].push(frame);
                Some((stream, frames[stream].ends.len() - 1))
            })
            .collect();
        let mut keys = PerStream::of(|stream| {
            if frames[stream].ends.is_empty() {
                return Vec::new();
            }
            self.describer.keys(stream, frames[stream].as_ref())
        });
        places
            .into_iter()
            .map(|place| {
                place.map_or_else(String::new, |(stream, row)| {
                    std::mem::take(&mut keys[stream][row])
                })
            })
            .collect()
    }
}

/// The answers to the comparisons that shards asked for.
fn answers(
    events: &[LedgerEvent],
    comparisons: &[Option<Comparison>],
) -> Vec<(usize, ShardAnswer)> {
    let asked = events.iter().zip(comparisons);
    let answer = |(event, comparison): (&LedgerEvent, &Option<Comparison>)| {
        let (Effect::Compare { key, .. }, Some(comparison)) = (event.effect, comparison) else {
            return None;
        };
        let equal = match comparison {
            Comparison::Equal => Some(true),
            Comparison::Differs(_) => Some(false),
            Comparison::Unknown => None,
        };
        Some((event.shard, ShardAnswer::Compared { key, equal }))
    };
    asked.filter_map(answer).collect()
}
