//! How many frames of each stream an audit has judged, and of how many a key was had. So it is known as soon
//! as a recording is at its end whether it could be read at all, also while the other one goes on.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sources::StreamId;

/// Counted by all judges together.
#[derive(Debug, Default)]
pub struct Decoding {
    streams: [Counted; StreamId::ALL.len()],
}

#[derive(Debug, Default)]
struct Counted {
    judged: AtomicU64,
    decoded: AtomicU64,
}

impl Decoding {
    /// So many frames of a stream were judged, and of so many a key was had.
    pub(super) fn add(&self, stream: StreamId, judged: u64, decoded: u64) {
        let counted = &self.streams[stream.index()];
        // In this order: whoever sees that all are judged sees all that were decoded.
        counted.decoded.fetch_add(decoded, Ordering::AcqRel);
        counted.judged.fetch_add(judged, Ordering::AcqRel);
    }

    /// How many could be decoded of so many frames, once all of them were judged.
    pub fn of(&self, stream: StreamId, frames: u64) -> Option<u64> {
        let counted = &self.streams[stream.index()];
        let is_judged = counted.judged.load(Ordering::Acquire) == frames;
        is_judged.then(|| counted.decoded.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_were_decoded_is_known_once_all_were_judged() {
        let decoding = Decoding::default();
        assert_eq!(decoding.of(StreamId::RAW, 0), Some(0));
        assert_eq!(decoding.of(StreamId::RAW, 2), None);
        decoding.add(StreamId::RAW, 1, 0);
        assert_eq!(decoding.of(StreamId::RAW, 2), None);
        decoding.add(StreamId::RAW, 1, 1);
        assert_eq!(decoding.of(StreamId::RAW, 2), Some(1));
        assert_eq!(decoding.of(StreamId::WRITTEN, 2), None);
    }
}
