//! Frames of early landings on their way into the spool: those of a batch are put down together,
//! because each record costs two calls of the system.

use landfall_ledger::{Fingerprint, PayloadRef, Shard};
use landfall_store::spool::{SpoolError, SpoolWriter};

use crate::judge::WrittenHand;

/// Frames of one batch, no more bytes than that has. `Default` allocates nothing.
#[derive(Debug, Default)]
pub struct Held {
    keys: Vec<Fingerprint>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
    references: Vec<u64>,
}

impl Held {
    /// A landing's frame is to be kept.
    pub fn add(&mut self, key: Fingerprint, row: u32, hand: Option<&WrittenHand>) {
        let Some(hand) = hand else { return };
        self.bytes.extend_from_slice(hand.frame(row as usize));
        // A batch's bytes fit an offset, and these are some of them.
        self.ends.push(self.bytes.len() as u32);
        self.keys.push(key);
    }

    /// Puts down what was added. If that fails, the landings still count; only differences could then
    /// not be explained.
    pub fn keep(&mut self, shard: &mut Shard, writer: &mut SpoolWriter) -> Result<(), SpoolError> {
        let kept = writer.append(&self.bytes, &self.ends, &mut self.references);
        for (key, payload) in self.keys.drain(..).zip(self.references.drain(..)) {
            let payload = PayloadRef(payload);
            if !shard.attach_written(key, payload) {
                writer.spool().released(payload.segment(), 1);
            }
        }
        self.bytes.clear();
        self.ends.clear();
        kept
    }
}
