//! Puts the frames of early landings into the spool. The frames of a batch are written together,
//! because each record costs two system calls.

use landfall_ledger::{Fingerprint, PayloadRef, Shard};
use landfall_store::spool::{SpoolError, SpoolWriter};

use crate::judge::WrittenFrames;

/// The memory that is kept from one batch to the next, in bytes.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Frames of one batch, with at most as many bytes as the batch has. `Default` allocates nothing.
#[derive(Debug, Default)]
pub struct EarlyLandings {
    keys: Vec<Fingerprint>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
    references: Vec<u64>,
}

impl EarlyLandings {
    /// Adds a landing whose frame is kept.
    pub fn add(&mut self, key: Fingerprint, row: u32, written: Option<&WrittenFrames>) {
        let Some(written) = written else { return };
        self.bytes.extend_from_slice(written.frame(row as usize));
        // A batch's bytes fit an offset, and these frames are some of the batch's.
        self.ends.push(self.bytes.len() as u32);
        self.keys.push(key);
    }

    /// Writes what was added to the spool. If that fails, the landings still count; only
    /// differences can then not be explained.
    ///
    /// # Errors
    /// The spool failed, or has no room.
    pub fn keep(&mut self, shard: &mut Shard, writer: &mut SpoolWriter) -> Result<(), SpoolError> {
        // Landings are never written out again, so their order does not matter.
        let kept = writer.append(&self.bytes, &self.ends, 0, &mut self.references);
        for (key, payload) in self.keys.drain(..).zip(self.references.drain(..)) {
            let payload = PayloadRef(payload);
            if !shard.attach_written(key, payload) {
                writer.spool().release(payload.0);
            }
        }
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
        self.ends.clear();
        kept
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use landfall_ledger::{
        Deadlines, Effect, Form, Generation, SchemaId, Shard, ShardConfig, Stream,
        WrittenObservation,
    };
    use landfall_store::spool::Spool;

    use super::*;
    use crate::flow::FrameBatch;

    fn shard() -> Shard {
        Shard::new(ShardConfig {
            deadlines: Deadlines {
                default_ms: 1000,
                by_schema: Vec::new(),
            },
            window_ms: 1000,
            unexpected_grace_ms: 1000,
            horizon_ms: 1000,
            settled_max: 1000,
            latency_bounds_ms: Vec::new(),
            disputes_max: 1 << 16,
            writer_replaces: false,
            watched_since_ms: 0,
        })
    }

    fn landing(key: u128, row: u32) -> WrittenObservation {
        WrittenObservation {
            key: Fingerprint(key),
            form: Form::NONE,
            earliest_ms: 1,
            arrived_ms: 1,
            schema: SchemaId(1),
            row,
            payload: PayloadRef::NONE,
            generation: Generation(1),
        }
    }

    fn written_frames(frames: &[&[u8]]) -> WrittenFrames {
        let mut batch = FrameBatch::detached(Stream::Written);
        frames.iter().for_each(|frame| batch.push(frame, 1));
        WrittenFrames { frames: batch }
    }

    /// Early landings of a batch, and what each left in the spool.
    fn keep(bytes_max: u64) -> (Result<(), SpoolError>, Vec<Vec<u8>>, Arc<Spool>) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), bytes_max, 1, 0).unwrap();
        let (mut shard, mut writer) = (shard(), spool.writer());
        let mut effects = Vec::new();
        // The second one lands twice; the last one is known to nobody when its frame is put down.
        let rows = [(1, 0), (2, 1), (2, 2), (3, 3)].map(|(key, row)| landing(key, row));
        shard.apply(&[], &rows, &mut effects);
        let written_frames = written_frames(&[b"one", b"", b"two", b"three"]);
        let mut early = EarlyLandings::default();
        for effect in &effects {
            if let Effect::HoldWritten { key, row } = effect {
                early.add(*key, *row, Some(&written_frames));
            }
        }
        early.add(Fingerprint(9), 3, Some(&written_frames));
        early.add(Fingerprint(9), 3, None);
        let kept = early.keep(&mut shard, &mut writer);
        assert!(early.bytes.is_empty() && early.keys.is_empty() && early.ends.is_empty());
        early.keep(&mut shard, &mut writer).unwrap();
        effects.clear();
        // Nobody sends a raw event: all are unexpected, each with its frame.
        let end = landfall_ledger::Frontier {
            raw_ms: i64::MAX,
            written_ms: i64::MAX,
        };
        shard.advance(end, &mut effects);
        let mut frames = Vec::new();
        for effect in effects {
            match effect {
                Effect::Unexpected {
                    payload: Some(payload),
                    ..
                } => {
                    let mut frame = Vec::new();
                    spool.read(payload.0, &mut frame).unwrap();
                    frames.push(frame);
                }
                Effect::Released {
                    segment,
                    rows,
                    bytes,
                } => spool.released(segment, rows, bytes),
                _ => {}
            }
        }
        frames.sort();
        drop(writer);
        (kept, frames, spool)
    }

    #[test]
    fn the_frames_of_a_batch_come_back_each_for_its_landing_and_all_are_released() {
        let (kept, frames, spool) = keep(u64::MAX);
        kept.unwrap();
        assert_eq!(frames, [b"".to_vec(), b"one".to_vec(), b"three".to_vec()]);
        assert_eq!((spool.segments(), spool.bytes()), (0, 0));
    }

    #[test]
    fn without_room_in_the_spool_the_landings_count_and_their_frames_are_gone() {
        let (kept, frames, spool) = keep(1);
        assert!(kept.is_err());
        assert!(frames.is_empty());
        assert_eq!(spool.segments(), 0);
    }
}
