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

    /// Whether so many frames were judged and not one could be decoded.
    pub fn is_none_of(&self, stream: StreamId, frames: u64) -> bool {
        let counted = &self.streams[stream.index()];
        let is_judged = counted.judged.load(Ordering::Acquire) == frames;
        is_judged && counted.decoded.load(Ordering::Acquire) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_unreadable_only_once_all_of_it_was_judged_and_none_decoded() {
        let decoding = Decoding::default();
        assert!(decoding.is_none_of(StreamId::RAW, 0));
        assert!(!decoding.is_none_of(StreamId::RAW, 2));
        decoding.add(StreamId::RAW, 1, 0);
        assert!(!decoding.is_none_of(StreamId::RAW, 2));
        decoding.add(StreamId::RAW, 1, 0);
        assert!(decoding.is_none_of(StreamId::RAW, 2));
        assert!(!decoding.is_none_of(StreamId::WRITTEN, 2));
        decoding.add(StreamId::RAW, 1, 1);
        assert!(!decoding.is_none_of(StreamId::RAW, 3));
    }
}
