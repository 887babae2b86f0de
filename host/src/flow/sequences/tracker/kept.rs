//! Frames that could not be read and are tried again, by the place of the batch in which they came.

use std::collections::BTreeMap;

/// How many there are. A worker keeps a few batches, so it has few places.
#[derive(Debug, Default)]
pub(super) struct KeptFrames {
    by_place: BTreeMap<u64, u64>,
    frames: u64,
}

impl KeptFrames {
    /// All of them.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Whether there are some of a batch, or of one that came before it.
    pub fn has_until(&self, place: u64) -> bool {
        self.by_place.range(..=place).next().is_some()
    }

    /// A frame of a batch is kept.
    pub fn add(&mut self, place: u64) {
        *self.by_place.entry(place).or_default() += 1;
        self.frames += 1;
    }

    /// So many frames of a batch were read at last, or are given up.
    pub fn remove(&mut self, place: u64, frames: u64) {
        let Some(kept) = self.by_place.get_mut(&place) else {
            return;
        };
        let removed = frames.min(*kept);
        *kept -= removed;
        if *kept == 0 {
            self.by_place.remove(&place);
        }
        self.frames -= removed;
    }
}
