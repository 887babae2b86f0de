//! The describer's thread: gives what shards tell a key as text and the fields that differ, and
//! answers comparisons. One thread, in order: a late landing never overtakes its missing event.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};
use landfall_ledger::{Effect, PerStream, Stream};
use landfall_runtime::Packed;

use super::allowance::{Allowance, is_spread};
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Comparison, Describer};
use crate::messages::{Answer, Described, LedgerEvent, Message, ShardOutput};
use crate::thread_watch;

/// What the describer's thread works with.
pub struct Describing {
    pub describer: Describer,
    pub plan: Arc<PlanCell>,
    pub told: Receiver<ShardOutput>,
    /// Back to each shard.
    pub answers: Vec<Sender<Answer>>,
    pub results: Sender<Message>,
    /// Time for altered events; None: all are looked at (in an audit, which holds up nobody).
    pub allowance: Option<Allowance>,
}

impl Describing {
    /// Runs until all shards have ended.
    pub fn run(mut self) {
        loop {
            thread_watch::idle();
            let Ok(told) = self.told.recv() else { return };
            thread_watch::busy();
            if !self.hand_on(told) {
                return;
            }
        }
    }

    /// Describes what a shard told. False if nobody listens any more.
    pub(super) fn hand_on(&mut self, told: ShardOutput) -> bool {
        if !told.told.is_empty() {
            self.describer.follow(&self.plan.current());
        }
        let told = ShardOutput {
            shard: told.shard,
            activity: told.activity,
            landed_ms: told.landed_ms,
            told: self.describe(told.told),
            more: told.more,
            tallies: told.tallies,
            flush: told.flush,
        };
        let checks = self.describer.take_activity();
        self.results.send(Message::Shard { told, checks }).is_ok()
    }

    fn describe(&mut self, told: Vec<LedgerEvent>) -> Vec<Described> {
        let keys = self.keys(&told);
        let mut comparisons = self.compare(&told, &keys);
        let generation = self.describer.plan().generation;
        let mut described = Vec::with_capacity(told.len());
        for ((event, key), comparison) in told.into_iter().zip(keys).zip(comparisons.drain(..)) {
            if let (Effect::Compare { key, .. }, Some(comparison)) = (event.effect, &comparison) {
                let equal = match comparison {
                    Comparison::Equal => Some(true),
                    Comparison::Differs(_) => Some(false),
                    Comparison::Unknown => None,
                };
                // A shard that has ended no longer waits for the answer.
                let _ = self.answers[event.shard].send(Answer::Compared { key, equal });
            }
            described.push(Described {
                event,
                key,
                comparison,
                generation,
            });
        }
        described
    }

    /// A second look at all comparisons that are asked for, and at as many altered events as there is
    /// time for: those are spread over the message, so that what is rare has its chance beside a flood.
    fn compare(&mut self, told: &[LedgerEvent], keys: &[String]) -> Vec<Option<Comparison>> {
        let altered = told
            .iter()
            .filter(|event| matches!(event.effect, Effect::Altered { .. }))
            .count();
        let explained = match &mut self.allowance {
            Some(allowance) => allowance.events(altered, Instant::now()),
            None => altered,
        };
        let mut seen = 0;
        let mut places = Vec::new();
        let mut pairs: Vec<(&[u8], &[u8])> = Vec::new();
        for (place, event) in told.iter().enumerate() {
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
        let mut comparisons = vec![None; told.len()];
        if pairs.is_empty() {
            return comparisons;
        }
        let began = Instant::now();
        let keys: Vec<&str> = places.iter().map(|&place| keys[place].as_str()).collect();
        for (place, comparison) in places.iter().zip(self.describer.compare(&pairs, &keys)) {
            comparisons[*place] = Some(comparison);
        }
        if let Some(allowance) = &mut self.allowance {
            allowance.spent(pairs.len(), began.elapsed());
        }
        comparisons
    }

    /// The keys as text, all raw frames in one batch and all written ones in another.
    fn keys(&mut self, told: &[LedgerEvent]) -> Vec<String> {
        let mut frames: PerStream<Packed> = PerStream::default();
        let places: Vec<Option<(Stream, usize)>> = told
            .iter()
            .map(|told| {
                let (stream, frame) = told.frame()?;
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
