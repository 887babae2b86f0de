//! The describer's thread: gives what shards tell a key as text and the fields that differ, and
//! answers comparisons. One thread, in order: a late landing never overtakes its missing event.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use landfall_runtime::Packed;

use super::messages::{Answer, Described, Message, ShardTold, Told};
use super::plan_cell::PlanCell;
use crate::judge::{Comparison, Describer};

/// Altered events whose fields are looked up, of one message; the others are told without fields.
/// An alteration of everything must not hold up the news of what is missing.
const EXPLAINED_PER_MESSAGE_MAX: usize = 32;

/// What the describer's thread works with.
pub struct Describing {
    pub describer: Describer,
    pub plan: Arc<PlanCell>,
    pub told: Receiver<ShardTold>,
    /// Back to each shard.
    pub answers: Vec<Sender<Answer>>,
    pub results: Sender<Message>,
}

impl Describing {
    /// Runs until all shards have ended.
    pub fn run(mut self) {
        while let Ok(ShardTold {
            shard,
            activity,
            landed_ms,
            told,
            flush,
        }) = self.told.recv()
        {
            if !told.is_empty() {
                self.describer.follow(&self.plan.current());
            }
            let told = self.describe(told);
            if self
                .results
                .send(Message::Shard {
                    shard,
                    activity,
                    landed_ms,
                    told,
                    flush,
                })
                .is_err()
            {
                return;
            }
        }
    }

    fn describe(&mut self, told: Vec<Told>) -> Vec<Described> {
        let keys = self.keys(&told);
        let mut explained = 0;
        let mut described = Vec::with_capacity(told.len());
        for (told, key) in told.into_iter().zip(keys) {
            let comparison = match &told {
                Told::Altered { raw, written, .. } if explained < EXPLAINED_PER_MESSAGE_MAX => {
                    explained += 1;
                    Some(self.describer.compare(raw, written))
                }
                Told::Compare {
                    shard,
                    key,
                    raw,
                    written,
                    ..
                } => {
                    let comparison = self.describer.compare(raw, written);
                    let equal = match &comparison {
                        Comparison::Equal => Some(true),
                        Comparison::Differs(_) => Some(false),
                        Comparison::Unknown => None,
                    };
                    // A shard that has ended no longer waits for the answer.
                    let _ = self.answers[*shard].send(Answer::Compared { key: *key, equal });
                    Some(comparison)
                }
                _ => None,
            };
            described.push(Described {
                told,
                key,
                comparison,
                generation: self.describer.plan().generation,
            });
        }
        described
    }

    /// The keys as text, all raw frames in one batch and all written ones in another.
    fn keys(&mut self, told: &[Told]) -> Vec<String> {
        let mut frames = [Packed::default(), Packed::default()];
        let places: Vec<Option<(usize, usize)>> = told
            .iter()
            .map(|told| {
                let (stream, frame) = told.frame()?;
                frames[stream].push(frame);
                Some((stream, frames[stream].ends.len() - 1))
            })
            .collect();
        let mut keys = [0, 1].map(|stream| {
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

impl Told {
    /// A frame that bears the key: the stream and the bytes.
    fn frame(&self) -> Option<(usize, &[u8])> {
        match self {
            Told::Missing { frame, .. } => Some((0, frame)),
            Told::Altered { raw, .. } | Told::Compare { raw, .. } => Some((0, raw)),
            Told::Leaked { written, .. }
            | Told::Duplicate { written, .. }
            | Told::LandedLate { written, .. }
            | Told::Unexpected { written, .. } => (!written.is_empty()).then_some((1, written)),
            Told::MissingAgain { .. } | Told::Recall { .. } => None,
        }
    }
}
